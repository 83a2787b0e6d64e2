"""A direct run over a Carrier: start it, deliver its output, end it and see that it is dead (REMOTE.md's protocol)."""

from __future__ import annotations

import dataclasses
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event

from deployx_tui.model.execution import Cause, KillReport, KillVerdict, Stream
from deployx_tui.transports.base import (
    CommandSpec,
    Exited,
    Killed,
    Outcome,
    OutputSink,
    Refused,
    RemoteHandle,
    TimedOut,
    Unknown,
)
from deployx_tui.transports.posix import wrapper
from deployx_tui.transports.posix.carrier import Broken, Carrier
from deployx_tui.transports.posix.heard import LOOK, NOISE_BYTES, Heard
from deployx_tui.transports.posix.kill import Kill, SideDoor, kill_through

#: after the command's own end, output of what it left behind is delivered until it is silent so long
LINGER = 1.0
#: larger standard input is fed by a thread of its own, else the target's full output could block both sides
FEED_AT_ONCE = 32 * 1024


@dataclass(slots=True)
class Started:
    """What had come when the mark was seen."""

    handle: RemoteHandle
    #: output of the command that came with the mark
    stdout: bytes
    #: not yet freed of login noise and mark
    stderr: bytes


def with_nonce(spec: CommandSpec) -> CommandSpec:
    """The spec with a nonce: the engine's, or a fresh one for a run that nobody stores."""
    return spec if spec.nonce else dataclasses.replace(spec, nonce=secrets.token_hex(16))


def greet(carrier: Carrier, patience: float) -> Refused | None:
    """First contact with an account: one harmless line, and its mark, before anything else is sent.

    A login file that reads standard input would swallow the first line and the rest would be run.
    """
    nonce = secrets.token_hex(16)
    mark = wrapper.hello_mark(nonce)
    try:
        carrier.feed(wrapper.hello_line(nonce))
    except Broken as error:
        return Refused(Cause.LOST, f"the connection broke before anything was sent: {error}", "run it again")
    heard = Heard()
    until = time.monotonic() + patience
    while mark not in heard.stdout:
        if not heard.take(carrier, until):
            return _no_shell(carrier, heard, patience)
    return None


def start(carrier: Carrier, spec: CommandSpec, text: bytes, patience: float) -> Started | Refused | Unknown:
    """Send the text and wait for the wrapper's mark. Refused: it certainly did not run."""
    begun = begin(carrier, spec.nonce, text, patience)
    return rejected(begun.reason, spec) if isinstance(begun, wrapper.Rejection) else begun


def begin(
    carrier: Carrier, nonce: str, text: bytes, patience: float
) -> Started | wrapper.Rejection | Refused | Unknown:
    """`start`, for any text that prints the mark of this nonce, and with the wrapper's own word why it did not run."""
    heard = Heard()
    try:
        carrier.feed(text)
    except Broken as error:
        # not all of it was handed over, and a part of the text runs nothing
        return Refused(Cause.LOST, f"the connection broke before the command was sent: {error}", "run it again")
    # its end is not sent: the command has /dev/null, and every packet costs both sides a thread's wake
    until = time.monotonic() + patience
    while True:
        noise, newline, rest = _split_at_mark(heard.stdout, nonce)
        if newline:
            mark = wrapper.read_mark(noise, nonce)
            if isinstance(mark, wrapper.Mark):
                return Started(mark.handle, rest, bytes(heard.stderr))
            if isinstance(mark, wrapper.Rejection):
                return mark
        if heard.take(carrier, until):
            continue
        if carrier.was_refused:
            return _no_shell(carrier, heard, patience)
        if carrier.take_back():
            return _not_sent(carrier, patience)
        if carrier.lost is not None:
            return Unknown(Cause.LOST, f"the connection was lost before the command answered: {carrier.lost}", heard.at)
        if carrier.is_over and carrier.ended is not None:
            # all its output came, without the mark that the text prints before anything else
            return _no_shell(carrier, heard, patience)
        if carrier.is_over:
            return Unknown(Cause.LOST, "the target closed the session without a word", heard.at)
        message = f"the target's shell did not answer within {patience:g} s; it may still run the command"
        return Unknown(Cause.SHELL, message, heard.at)


def _split_at_mark(stdout: bytearray, nonce: str) -> tuple[bytes, bytes, bytes]:
    """(everything up to the mark's line end, that line end, what follows)."""
    at = stdout.find(f"dx1 {nonce} ".encode())
    if at < 0:
        return bytes(stdout), b"", b""
    line, newline, rest = bytes(stdout[at:]).partition(b"\n")
    return line, newline, rest


def rejected(reason: str, spec: CommandSpec) -> Refused:
    if reason == "folder":
        return Refused(
            Cause.SHELL,
            f"the working directory {spec.working_directory!r} can't be entered on the target",
            "create it, or give another working directory",
        )
    return Refused(Cause.SHELL, f"there is no {spec.shell} on the target", f"install {spec.shell}, or choose sh")


def _not_sent(carrier: Carrier, patience: float) -> Refused:
    """The text was not handed over as a whole, and a part of it runs nothing."""
    if carrier.is_over and carrier.lost is None:
        remedy = "give the account a login shell that can run sh"
        return Refused(Cause.SHELL, "unsupported shell: the login shell ended before it took the command", remedy)
    why = carrier.lost or f"the target took no input within {patience:g} s"
    return Refused(Cause.LOST, f"the connection was lost before the command was sent: {why}", "run it again")


def _no_shell(carrier: Carrier, heard: Heard, patience: float) -> Refused:
    said = (bytes(heard.stdout) + bytes(heard.stderr)).decode("utf-8", "replace").strip()
    told = f"; it said: {said[:300]}" if said else ""
    remedy = "give the account a login shell that can run sh, and login files that do not read standard input"
    if carrier.lost is not None:
        message = f"the connection was lost before the command was sent: {carrier.lost}"
        return Refused(Cause.LOST, message, "run it again")
    if carrier.was_refused:
        return Refused(Cause.SHELL, f"the server runs no commands for this account{told}", remedy)
    if carrier.is_over:
        return Refused(Cause.SHELL, f"unsupported shell: the login shell ended instead of running sh{told}", remedy)
    return Refused(Cause.SHELL, f"unsupported shell: no answer from sh within {patience:g} s{told}", remedy)


class PosixProcess:
    """A command that runs on a target; what `Process` of base.py promises."""

    def __init__(
        self, carrier: Carrier, spec: CommandSpec, started: Started, side_door: SideDoor, patience: float
    ) -> None:
        self._carrier = carrier
        self._spec = spec
        self._started = started
        self._side_door = side_door
        self._patience = patience
        self._since = time.monotonic()
        self._heard_at = datetime.now(UTC)
        #: None: the mark on standard error was seen, or there is none because a terminal has one stream
        self._held_stderr: bytearray | None = None if spec.needs_terminal else bytearray(started.stderr)

    @property
    def handle(self) -> RemoteHandle:
        return self._started.handle

    def stream(self, sink: OutputSink, cancel: Event, leave: Event | None = None) -> Outcome:
        """Deliver output until the end; see Process.stream. An exception of the sink passes through."""
        try:
            self._feed()
            return self._follow(sink, cancel)
        finally:
            self._carrier.close()

    def acknowledge(self) -> bool:
        """Nothing lies on the target."""
        return True

    def _follow(self, sink: OutputSink, cancel: Event) -> Outcome:
        kill: Kill | None = None
        timeout = self._spec.timeout
        if self._started.stdout:
            sink(Stream.STDOUT, self._started.stdout, self._heard_at)
        self._deliver(sink, Stream.STDERR, b"")  # what came with the mark
        quiet_since = time.monotonic()
        while True:
            piece = self._carrier.read()
            if piece is not None:
                self._deliver(sink, *piece)
                quiet_since = time.monotonic()
            if kill is None:
                if cancel.is_set():
                    kill = Kill(self.kill, by_deadline=False)
                elif timeout is not None and time.monotonic() - self._since >= timeout.total_seconds():
                    kill = Kill(self.kill, by_deadline=True)
            if piece is not None and not (kill and kill.is_done):
                continue
            quiet = time.monotonic() - quiet_since
            outcome = self._at_rest(quiet) if kill is None else self._after_kill(kill, quiet)
            if outcome is not None:
                self._flush(sink)
                return outcome
            if kill is not None and not kill.is_done and self._carrier.is_over:
                # a carrier that is over waits for nothing
                kill.wait(LOOK)
            else:
                self._carrier.wait(self._nap(quiet))

    def _nap(self, quiet: float) -> float:
        """How long nothing can become due."""
        naps = [LOOK]
        if self._carrier.ended is not None:
            naps.append(max(0.01, LINGER - quiet))
        if self._spec.timeout is not None:
            left = self._since + self._spec.timeout.total_seconds() - time.monotonic()
            if left > 0:
                naps.append(left)
        return min(naps)

    def _at_rest(self, quiet: float) -> Outcome | None:
        """The outcome, when there is one and everything that came is delivered."""
        ended = self._carrier.ended
        if ended is not None:
            if self._carrier.is_over:
                return ended
            if quiet >= LINGER:
                return Exited(ended.code, background=True) if isinstance(ended, Exited) else ended
            return None
        if self._carrier.is_over:
            why = self._carrier.lost or "the target closed the session without saying how the command ended"
            return Unknown(Cause.LOST, f"the connection was lost while the command ran: {why}", self._heard_at)
        return None

    def _after_kill(self, kill: Kill, quiet: float) -> Outcome | None:
        if not kill.is_done:
            return None
        report, was_over = kill.report
        ended = self._carrier.ended
        if report.verdict is KillVerdict.KILLED and not self._carrier.is_over and quiet < LINGER:
            return None  # the last words of what was killed are on their way
        if was_over and ended is not None:
            return ended  # it had ended by itself
        code = ended.code if isinstance(ended, Exited) else None
        return TimedOut(report, code) if kill.by_deadline else Killed(report, code)

    def _deliver(self, sink: OutputSink, stream: Stream, data: bytes) -> None:
        self._heard_at = datetime.now(UTC)
        if stream is Stream.STDERR and self._held_stderr is not None:
            self._held_stderr += data
            _, found, rest = self._held_stderr.partition(wrapper.error_mark(self._spec.nonce))
            if not found and len(self._held_stderr) < NOISE_BYTES:
                return
            data = bytes(rest) if found else bytes(self._held_stderr)
            self._held_stderr = None
        if data:
            sink(stream, data, self._heard_at)

    def _flush(self, sink: OutputSink) -> None:
        """At the end: standard error that came with the start, or without the mark (cut on its way)."""
        held, self._held_stderr = self._held_stderr, None
        if held:
            _, found, rest = held.partition(wrapper.error_mark(self._spec.nonce))
            data = bytes(rest if found else held)
            if data:
                sink(Stream.STDERR, data, self._heard_at)

    def _feed(self) -> None:
        data = self._spec.stdin
        if data is None:
            return
        if len(data) <= FEED_AT_ONCE:
            _feed_all(self._carrier, data)
        else:
            threading.Thread(target=_feed_all, args=(self._carrier, data), daemon=True, name="deployx-stdin").start()

    def kill(self) -> tuple[KillReport, bool]:
        """Signal everything that belongs to the run, TERM then KILL, and look until nobody is left."""
        text = wrapper.cancel_text(self.handle, self._spec.grace)
        return kill_through(self._side_door, text, self._spec, self._patience)


def _feed_all(carrier: Carrier, data: bytes) -> None:
    try:
        carrier.feed(data)
        carrier.end_input()
    except Broken:
        return  # the reading side learns it too, and says so
