"""A durable run over Carriers: it outlives each of them. Started, followed, attached to again, ended, acknowledged.

The run writes into a spool on the target (durable.sh); whoever is attached reads it from any offset. Losing the way to
the target costs nothing but time: the next attempt goes on at the byte where the last one ended.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

from deployx_tui.model.execution import Cause, KillReport, KillVerdict, Stream
from deployx_tui.transports.base import (
    CommandSpec,
    Detached,
    Exited,
    Gone,
    Killed,
    Outcome,
    OutputLimit,
    OutputSink,
    Rebooted,
    Refused,
    RemoteHandle,
    Signalled,
    TimedOut,
    Unknown,
)
from deployx_tui.transports.posix import durable_text, process, wrapper
from deployx_tui.transports.posix.carrier import Broken, Carrier
from deployx_tui.transports.posix.durable_text import (
    Frames,
    Garbled,
    OtherBoot,
    Piece,
    Record,
    Removed,
    Restarted,
    Said,
    SpoolGone,
)
from deployx_tui.transports.posix.escalate import escalate
from deployx_tui.transports.posix.heard import LOOK
from deployx_tui.transports.posix.kill import Kill, SideDoor, kill_through
from deployx_tui.transports.posix.process import Started

#: seconds between attempts to attach again; the last one repeats
BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
#: a run without a deadline is looked for so long after it was last heard of
GIVE_UP = timedelta(hours=24)
#: a follower speaks every 15 s at least; one that was silent for longer is not there any more
SILENT_SECONDS = 60.0
#: after a kill: so long the record is waited for
RECORD_SECONDS = 5.0
#: attempts to have the spool removed
_ACKNOWLEDGEMENTS = 3


def start(
    carrier: Carrier,
    spec: CommandSpec,
    text: bytes,
    side_door: SideDoor,
    patience: float,
) -> DurableProcess | Refused | Unknown:
    """Send the text of `durable_text.start_text`. Closes the carrier unless a process is returned that has it."""
    handle = RemoteHandle.of_durable(spec.nonce, spec.spool_bases)
    begun = process.begin(carrier, spec.nonce, text, patience)
    if isinstance(begun, Started):
        return DurableProcess(spec, _known(handle, begun), side_door, patience, carrier, begun.stdout)
    carrier.close()
    match begun:
        case wrapper.Rejection("exists"):
            return Unknown(Cause.LOST, "it was started before; nothing was started now", datetime.now(UTC))
        case wrapper.Rejection("nospool"):
            where = " or ".join(spec.spool_bases)
            message = f"neither its output nor its end could be kept on the target: no room in {where}"
            return Refused(Cause.SHELL, message, "make room there, or run it without --durable")
        case wrapper.Rejection(reason):
            return process.rejected(reason, spec)
        case Unknown():
            # the text went out, its answer did not come: whether it runs is asked of the target
            return DurableProcess(spec, handle, side_door, patience, None, b"", is_certain=False)
        case _:
            return begun


def attach(
    carrier: Carrier,
    handle: RemoteHandle,
    offsets: tuple[int, int],
    spec: CommandSpec,
    side_door: SideDoor,
    patience: float,
) -> DurableProcess | Refused | Unknown | Gone:
    """Follow a run from these offsets of stdout and stderr. Closes the carrier unless a process is returned."""
    begun = process.begin(carrier, handle.nonce, durable_text.attach_text(handle, *offsets), patience)
    if isinstance(begun, Started):
        known = _known(handle, begun)
        return DurableProcess(spec, known, side_door, patience, carrier, begun.stdout, offsets)
    carrier.close()
    if isinstance(begun, wrapper.Rejection):
        return Gone("the target has no trace of it: it never began there, or its spool folder was removed")
    return begun


def _known(handle: RemoteHandle, begun: Started) -> RemoteHandle:
    """With what its mark said."""
    return replace(handle, pid=begun.handle.pid, start=begun.handle.start, boot_id=begun.handle.boot_id)


class DurableProcess:
    """What `Process` of base.py promises, of a run that can be attached to."""

    def __init__(
        self,
        spec: CommandSpec,
        handle: RemoteHandle,
        side_door: SideDoor,
        patience: float,
        carrier: Carrier | None,
        heard: bytes,
        offsets: tuple[int, int] = (0, 0),
        *,
        is_certain: bool = True,
    ) -> None:
        self._spec, self._handle = spec, handle
        self._side_door, self._patience = side_door, patience
        #: None: the way to the target is lost at present
        self._carrier = carrier
        #: came with the mark
        self._early = heard
        #: it is known to have begun
        self._is_certain = is_certain
        self._offsets = {Stream.STDOUT: offsets[0], Stream.STDERR: offsets[1]}
        self._frames = Frames()
        self._since = self._heard_tick = time.monotonic()
        self._heard_at = datetime.now(UTC)
        self._attempts = 0
        self._retry_at = 0.0
        self._record: Record | None = None
        self._is_other_boot = False
        self._has_restarted = False
        #: the spool was not there any more
        self._is_gone = False

    @property
    def handle(self) -> RemoteHandle:
        return self._handle

    def stream(self, sink: OutputSink, cancel: Event, leave: Event | None = None) -> Outcome:
        """See Process.stream. An exception of the sink passes through."""
        try:
            return self._follow(sink, cancel, leave)
        except BaseException:
            self._let_go()
            raise

    def acknowledge(self) -> bool:
        try:
            return self._is_gone or (self._record is not None and self._acknowledge())
        finally:
            self._let_go()

    # -- following

    def _follow(self, sink: OutputSink, cancel: Event, leave: Event | None) -> Outcome:
        kill: Kill | None = None
        over_since: float | None = None
        while True:
            if kill is None:
                if leave is not None and leave.is_set() and not self._is_known:
                    self._let_go()
                    return Detached()
                if not self._is_known and (by_deadline := self._must_end(cancel)) is not None:
                    kill = Kill(self._kill, by_deadline=by_deadline)
            elif kill.is_done and over_since is None:
                over_since = time.monotonic()
            outcome = self._outcome(kill, over_since)
            if outcome is not None:
                return outcome
            if self._is_known or not self._reach():
                time.sleep(LOOK / 4)
                continue
            for said in self._next():
                self._understand(said, sink)

    @property
    def _is_known(self) -> bool:
        """Nothing more will be heard."""
        return self._record is not None or self._is_gone

    def _must_end(self, cancel: Event) -> bool | None:
        """Whether by its deadline (True) or as asked (False); None: it may go on."""
        if cancel.is_set():
            return False
        timeout = self._spec.timeout
        return True if timeout is not None and time.monotonic() - self._since >= timeout.total_seconds() else None

    def _outcome(self, kill: Kill | None, over_since: float | None) -> Outcome | None:
        """What is known, when that is all; None: go on."""
        if kill is None:
            if self._record is not None:
                return self._recorded(self._record)
            if self._is_gone:
                return self._lost_trace()
            return self._given_up()
        if over_since is None:
            return None
        report, was_over = kill.report
        if was_over and self._record is not None:
            return self._recorded(self._record)
        is_waiting = report.verdict is KillVerdict.KILLED and time.monotonic() - over_since < RECORD_SECONDS
        if is_waiting and not self._is_known:
            return None
        record = self._record
        code = int(record.code) if record is not None and record.kind == "exit" else None
        return TimedOut(report, code) if kill.by_deadline else Killed(report, code)

    def _recorded(self, record: Record) -> Outcome:
        incomplete = self._has_restarted or "full" in record.notes
        if "timeout" in record.notes:
            return TimedOut(self._kill()[0])
        if "limit" in record.notes:
            return OutputLimit(self._kill()[0])
        match record.kind:
            case "exit":
                return Exited(int(record.code), incomplete=incomplete)
            case "signal":
                return Signalled(record.code)
            case _ if self._is_other_boot:
                return Rebooted(self._heard_at)
            case _:
                message = (
                    "the process that watched over it on the target was ended from outside (with systemd, see "
                    "KillUserProcesses in logind.conf)"
                )
                return Unknown(Cause.LOST, message, self._heard_at)

    def _lost_trace(self) -> Outcome:
        if self._is_other_boot:
            return Rebooted(self._heard_at)
        if self._is_certain:
            return Unknown(Cause.LOST, "its spool folder on the target was removed while it ran", self._heard_at)
        message = "the connection broke when it was started, and the target has no trace of it"
        return Unknown(Cause.LOST, message, self._heard_at)

    def _given_up(self) -> Outcome | None:
        if self._carrier is not None or self._spec.timeout is not None:
            return None
        if time.monotonic() - self._heard_tick < GIVE_UP.total_seconds():
            return None
        return Unknown(Cause.LOST, "the connection was lost and the target could not be reached again", self._heard_at)

    def _understand(self, said: Said, sink: OutputSink) -> None:
        match said:
            case Piece(stream, data):
                sink(stream, data, self._heard_at)
                self._offsets[stream] += len(data)
            case Restarted(stream):
                self._offsets[stream] = 0
                self._has_restarted = True
            case Record():
                self._record = said
            case OtherBoot():
                self._is_other_boot = True
            case SpoolGone():
                self._is_gone = True
            case Removed():
                pass

    # -- the way there

    def _reach(self) -> bool:
        """Whether there is a carrier; when it is time, another attempt to get one."""
        if self._carrier is None and time.monotonic() >= self._retry_at:
            self._retry_at = time.monotonic() + BACK_OFF[min(self._attempts, len(BACK_OFF) - 1)]
            self._attempts += 1
            self._attach()
        return self._carrier is not None

    def _attach(self) -> None:
        carrier = self._side_door(self._spec.needs_terminal)
        if carrier is None:
            return
        if escalate(carrier, self._spec.become, self._patience, terminal=self._spec.needs_terminal) is not None:
            carrier.close()
            return
        offsets = self._offsets[Stream.STDOUT], self._offsets[Stream.STDERR]
        text = durable_text.attach_text(self._handle, *offsets)
        begun = process.begin(carrier, self._handle.nonce, text, self._patience)
        if isinstance(begun, Started):
            self._carrier, self._frames, self._early = carrier, Frames(), begun.stdout
            self._attempts, self._is_certain = 0, True
            self._handle = _known(self._handle, begun)
            self._heard()
            return
        carrier.close()
        if isinstance(begun, wrapper.Rejection):
            self._is_gone = True
            # what was not written to its disk yet went with the restart
            self._is_other_boot = "-" not in (known := {begun.boot_id, self._handle.boot_id}) and len(known) > 1

    def _next(self) -> list[Said]:
        """What came; [] when nothing did, or the way was lost."""
        carrier = self._carrier
        if carrier is None:
            return []
        try:
            if self._early:
                data, self._early = self._early, b""
                return list(self._frames.read(data))
            piece = carrier.read()
            if piece is not None:
                self._heard()
                stream, data = piece
                # its standard error carries login noise only
                return list(self._frames.read(data)) if stream is Stream.STDOUT else []
            if carrier.is_over or time.monotonic() - self._heard_tick > SILENT_SECONDS:
                self._let_go()
            else:
                carrier.wait(LOOK)
        except (Broken, Garbled):
            self._let_go()
        return []

    def _heard(self) -> None:
        self._heard_tick = time.monotonic()
        self._heard_at = datetime.now(UTC)

    def _let_go(self) -> None:
        """Of the carrier; the run goes on."""
        carrier, self._carrier = self._carrier, None
        if carrier is not None:
            carrier.close()

    # -- the end

    def _kill(self) -> tuple[KillReport, bool]:
        text = durable_text.stop_text(self._handle, self._spec.grace)
        return kill_through(self._side_door, text, self._spec, self._patience)

    def _acknowledge(self) -> bool:
        for _ in range(_ACKNOWLEDGEMENTS):
            if self._carrier is None:
                self._record = None
                self._attach()
            if self._is_gone:
                return True
            if self._carrier is not None and self._is_removed(self._carrier):
                return True
            self._let_go()
        return False

    def _is_removed(self, carrier: Carrier) -> bool:
        """Say it to the follower, which waits for it behind its record."""
        until = time.monotonic() + self._patience
        is_said = False
        while time.monotonic() < until and self._carrier is carrier:
            if self._record is not None and not is_said:
                try:
                    carrier.feed(durable_text.ACKNOWLEDGEMENT)
                except Broken:
                    return False
                is_said = True
            for said in self._next():
                match said:
                    case Removed() | SpoolGone():
                        return True
                    case Record():
                        self._record = said
                    case _:
                        continue
        return False
