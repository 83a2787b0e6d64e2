"""The durable runner: steps that outlive connection and engine, and the account of them that an engine leaves behind.

Each step is a durable run of its own. What is written down before a step begins (`DurableRun`) is enough for another
engine to go on: it attaches to that step and never starts it again. Knows no database: `keep` writes the account.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from threading import Event
from typing import Protocol

from deployx_tui.model.execution import Cause, KillReport, KillVerdict, Stream, TargetState
from deployx_tui.model.payload import CommandPayload, Commands, Reboot
from deployx_tui.model.secret import Secret
from deployx_tui.runners.command import (
    RunFacts,
    Step,
    before_step,
    facts_of,
    named,
    spec_of,
    step_nonce,
    steps_of,
    summed,
)
from deployx_tui.transports.base import (
    SPOOL_BASES,
    CommandSpec,
    Connection,
    Detached,
    Exited,
    Gone,
    Killed,
    Outcome,
    Process,
    Rebooted,
    Refused,
    RemoteHandle,
    Signalled,
    TimedOut,
    Unknown,
    Unreached,
)

#: seconds between attempts to reach a target on which something runs; the last one repeats
BACK_OFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
#: a target that restarts has so long to come back, where its run has no deadline
BOOT_PATIENCE = timedelta(minutes=30)
#: a target without a deadline is looked for so long
GIVE_UP = timedelta(hours=24)
_LOOK = 0.2
#: what a system that goes down sends to everything on it; and the exit code of a shell whose command got it
_OF_A_SHUTDOWN = {"HUP": 129, "KILL": 137, "TERM": 143}


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableRun:
    """How far a durable run on one target has come: what another engine needs to go on.

    Written when the target is claimed, again right before a step is sent, and when it is over.
    """

    #: of the first step; it determines the others
    nonce: str
    #: what a script that speaks to deployx itself begins its lines with: nothing else on the target is told it
    mark: str = field(default_factory=lambda: token_hex(16))
    spool_bases: tuple[str, ...] = SPOOL_BASES
    #: the step that runs, or is about to begin
    step: int = 0
    #: bytes of stdout and stderr that the steps before it said
    bases: tuple[int, int] = (0, 0)
    #: not a byte of this step was sent
    is_due: bool = True
    #: it waits until the target answers from another boot than this; None: for nothing
    boot: str | None = None
    #: of the steps before it; the first one whole
    failures: tuple[RunFacts, ...] = ()

    def to_json(self) -> str:
        """As it is stored beside the target."""
        # "durable" first: lists tell it by the beginning of the text
        found = {
            "durable": True,
            "nonce": self.nonce,
            "mark": self.mark,
            "spool_bases": self.spool_bases,
            "step": self.step,
            "bases": self.bases,
            "is_due": self.is_due,
            "boot": self.boot,
            "failures": [
                {"exit_code": each.exit_code, "signal": each.signal, "message": each.message} for each in self.failures
            ],
        }
        return json.dumps(found, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> DurableRun | None:
        """None: it is no durable run."""
        found = json.loads(text or "{}")
        if not found.get("durable"):
            return None
        out, err = found["bases"]
        return cls(
            nonce=found["nonce"],
            mark=found.get("mark", found["nonce"]),
            spool_bases=tuple(found["spool_bases"]),
            step=found["step"],
            bases=(out, err),
            is_due=found["is_due"],
            boot=found["boot"],
            failures=tuple(_failure(each["exit_code"], each["signal"], each["message"]) for each in found["failures"]),
        )


def _failure(code: int | None, signal: str | None, message: str) -> RunFacts:
    cause = Cause.EXIT if code is not None else Cause.SIGNAL
    return RunFacts(state=TargetState.FAILED, exit_code=code, signal=signal, cause=cause, message=message)


class Output(Protocol):
    """Where a run's output is kept, as far as the runner must know it."""

    def write(self, stream: Stream, data: bytes, at: datetime) -> None: ...

    def raw_offset(self, stream: Stream) -> int: ...


@dataclass(frozen=True, slots=True)
class Left:
    """It goes on on the target; another engine takes it up."""


@dataclass(frozen=True, slots=True)
class Over:
    """It has ended. `acknowledge` is to be called when that is kept."""

    facts: RunFacts
    acknowledge: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What a durable run asks of the engine that runs it."""

    #: a connection to the target, from a pool or a new one
    connect: Callable[[], Connection | Unreached]
    output: Output
    #: write down how far it is, and what was said until now; returns the run with its bases
    keep: Callable[[DurableRun], DurableRun]
    cancel: Event
    leave: Event


def run_durable(
    payload: CommandPayload,
    run: DurableRun,
    ways: Ways,
    *,
    parameters: Mapping[str, str | Secret],
    password: Secret | None = None,
    timeout: timedelta | None,
    is_taken_up: bool,
) -> Over | Left:
    """Run the payload from the run's step to its end. `timeout`: what is left for all steps together.

    `is_taken_up`: another engine has, or may have, started this step. Blocks.
    """
    return _Durable(payload, run, ways, parameters, password, timeout).run(is_taken_up=is_taken_up)


class _Durable:
    def __init__(
        self,
        payload: CommandPayload,
        run: DurableRun,
        ways: Ways,
        parameters: Mapping[str, str | Secret],
        password: Secret | None,
        timeout: timedelta | None,
    ) -> None:
        self._payload, self._now, self._ways, self._timeout = payload, run, ways, timeout
        self._parameters, self._password = parameters, password
        self._steps = steps_of(payload)
        self._deadline = None if timeout is None else time.monotonic() + timeout.total_seconds()
        body = payload.body
        self._goes_on = isinstance(body, Commands) and not body.stop_on_failure

    def run(self, *, is_taken_up: bool) -> Over | Left:
        is_taken_up = is_taken_up and not self._now.is_due
        last = RunFacts(state=TargetState.SUCCEEDED)
        process: Process | None = None
        if self._now.boot is not None and (late := self._await_boot(self._now.boot)) is not None:
            return late
        for number in range(self._now.step, len(self._steps)):
            step = self._steps[number]
            if not is_taken_up:
                early = before_step(step, number, self._ways.cancel, self._left(), self._timeout)
                if early is not None:
                    return Over(early)
            begun = self._take_up(step) if is_taken_up else self._start(step, is_first=number == 0)
            is_taken_up = False
            process = begun if not isinstance(begun, _Ended) else None
            outcome = begun.outcome if isinstance(begun, _Ended) else self._followed(begun)
            if isinstance(outcome, Detached):
                return Left()
            restarts = number == 0 and self._payload.reboot is Reboot.EXPECTED
            if restarts and process is not None and process.handle.boot_id != "-" and _may_be_its_restart(outcome):
                # whether it was is seen at once: the target answers from another boot, or does not in time
                outcome = Exited(min(self._payload.success_codes))
            facts = named(facts_of(outcome, self._payload.success_codes, self._timeout), step)
            acknowledge = None if process is None else process.acknowledge
            is_failure = facts.state is TargetState.FAILED and self._goes_on
            if facts.state is not TargetState.SUCCEEDED and not is_failure:
                return Over(facts, acknowledge)
            failures = (*self._now.failures, facts) if is_failure else self._now.failures
            last = last if is_failure else facts
            restarts = restarts and not is_failure
            if number + 1 == len(self._steps) and not restarts:
                return Over(summed(failures, len(self._steps)) or last, acknowledge)
            boot = process.handle.boot_id if restarts and process is not None else None
            reached = replace(self._now, step=number + 1, failures=failures, is_due=True, boot=boot)
            self._now = self._ways.keep(reached)
            if acknowledge is not None:
                acknowledge()
            if boot is not None and (late := self._await_boot(boot)) is not None:
                return late
        return Over(summed(self._now.failures, len(self._steps)) or last)

    def _await_boot(self, boot: str) -> Over | Left | None:
        """Return None when the target answers from another boot; then the next step may begin."""
        if boot == "-":
            message = "this system does not tell one boot from another, so nobody knows whether it was restarted"
            return Over(RunFacts(state=TargetState.FAILED, cause=Cause.REBOOT, message=message))
        probe = CommandSpec(script="exit 0", timeout=timedelta(seconds=30))

        def attempt() -> Process | Outcome | None:
            connection = self._ways.connect()
            if isinstance(connection, Unreached):
                return None
            begun = connection.start(replace(probe, nonce=token_hex(16)))
            if isinstance(begun, Refused | Unknown):
                return None
            begun.stream(lambda *_: None, self._ways.cancel)
            return None if begun.handle.boot_id == boot else begun

        if self._deadline is None:
            self._deadline = time.monotonic() + BOOT_PATIENCE.total_seconds()
            found = self._until_reached(attempt)
            self._deadline = None
        else:
            found = self._until_reached(attempt)
        if not isinstance(found, _Ended):
            if self._now.step < len(self._steps):
                self._now = self._ways.keep(replace(self._now, boot=None))
            return None
        match found.outcome:
            case Detached():
                return Left()
            case TimedOut():
                message = "it was expected to restart, and did not answer from another boot in time"
                return Over(RunFacts(state=TargetState.TIMED_OUT, cause=Cause.REBOOT, message=message))
            case outcome:
                return Over(facts_of(outcome, self._payload.success_codes, self._timeout))

    def _followed(self, process: Process) -> Outcome:
        return process.stream(self._ways.output.write, self._ways.cancel, self._ways.leave)

    def _left(self) -> timedelta | None:
        return None if self._deadline is None else timedelta(seconds=self._deadline - time.monotonic())

    def _spec(self, step: Step) -> CommandSpec:
        left = self._left()
        # one that is over its time is attached to all the same, and ended
        left = None if left is None else max(left, timedelta(milliseconds=1))
        nonce = step_nonce(self._now.nonce, self._now.step)
        spec = spec_of(self._payload, step, self._parameters, left, nonce, self._password)
        return replace(spec, spool_bases=self._now.spool_bases)

    def _start(self, step: Step, *, is_first: bool) -> Process | _Ended:
        """The first one as any run is started; a later one waits for a target that is away."""
        if is_first:
            connection = self._ways.connect()
            if isinstance(connection, Unreached):
                return _Ended(connection)
            begun = self._sent(connection, step)
            return _Ended(begun) if isinstance(begun, Refused | Unknown) else begun

        def attempt() -> Process | Outcome | None:
            connection = self._ways.connect()
            if isinstance(connection, Unreached):
                return None
            begun = self._sent(connection, step)
            return None if isinstance(begun, Refused) and begun.cause is Cause.LOST else begun

        found = self._until_reached(attempt)
        if isinstance(found, _Ended) and isinstance(found.outcome, Detached):
            self._now = self._ways.keep(replace(self._now, is_due=True))
        return found

    def _sent(self, connection: Connection, step: Step) -> Process | Refused | Unknown:
        """Start it. From the commit before it on, nobody may start it again: it can only be attached to."""
        if self._now.is_due:
            self._now = self._ways.keep(replace(self._now, is_due=False))
        return connection.start(self._spec(step))

    def _take_up(self, step: Step) -> Process | _Ended:
        """Attach to what another engine started, as soon as the target can be reached."""
        handle = RemoteHandle.of_durable(step_nonce(self._now.nonce, self._now.step), self._now.spool_bases)
        output = self._ways.output
        out, err = (
            max(0, output.raw_offset(stream) - base)
            for stream, base in zip((Stream.STDOUT, Stream.STDERR), self._now.bases, strict=True)
        )

        def attempt() -> Process | Outcome | None:
            connection = self._ways.connect()
            if isinstance(connection, Unreached):
                return None
            begun = connection.attach(handle, out, err, self._spec(step))
            if isinstance(begun, Gone):
                return Unknown(Cause.LOST, f"the engine ended, and {begun.message}", datetime.now(UTC))
            return None if isinstance(begun, Refused | Unknown) else begun

        return self._until_reached(attempt)

    def _until_reached(self, attempt: Callable[[], Process | Outcome | None]) -> Process | _Ended:
        """Try again and again, until cancelled, let go of, or too late."""
        unknown = KillReport(KillVerdict.UNKNOWN)
        since = datetime.now(UTC)
        give_up = time.monotonic() + GIVE_UP.total_seconds()
        number = 0
        while True:
            found = attempt()
            if found is not None:
                return _Ended(found) if isinstance(found, Outcome) else found
            retry_at = time.monotonic() + BACK_OFF[min(number, len(BACK_OFF) - 1)]
            number += 1
            while time.monotonic() < retry_at:
                if self._ways.leave.is_set():
                    return _Ended(Detached())
                if self._ways.cancel.wait(_LOOK):
                    return _Ended(Killed(unknown))
                if self._deadline is not None and time.monotonic() > self._deadline:
                    return _Ended(TimedOut(unknown))
                if time.monotonic() > give_up:
                    return _Ended(Unknown(Cause.LOST, "the target could not be reached again", since))


def _may_be_its_restart(outcome: Outcome) -> bool:
    """Whether a command may have ended so because its target went down: it is told to end, then made to."""
    match outcome:
        case Rebooted() | Unknown():
            return True
        case Signalled(name):
            return name in _OF_A_SHUTDOWN
        case Exited(code):
            return code in _OF_A_SHUTDOWN.values()
        case _:
            return False


@dataclass(frozen=True, slots=True)
class _Ended:
    """There is no process to follow."""

    outcome: Outcome
