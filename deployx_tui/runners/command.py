"""The command runner: a payload becomes steps on a connection, and what became of them becomes facts.

A line or a script is one step; each of several commands is a step of its own, with its own exit code, in a fresh
shell (a `cd` or an export does not reach the next one). Knows connections and outcomes only: no database, no
output store. Nothing is ever run twice here.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event
from types import MappingProxyType
from typing import assert_never

from deployx_tui.model.execution import Cause, KillReport, KillVerdict, TargetState
from deployx_tui.model.parse import format_duration
from deployx_tui.model.payload import CommandPayload, Commands, Line, Script
from deployx_tui.model.secret import Secret
from deployx_tui.model.words import ended_by
from deployx_tui.transports.base import (
    Become,
    CommandSpec,
    Connection,
    Detached,
    Exited,
    Killed,
    Outcome,
    OutputLimit,
    OutputSink,
    Process,
    Rebooted,
    Refused,
    Signalled,
    TimedOut,
    Unknown,
    Unreached,
)

log = logging.getLogger(__name__)

#: how much of a command a message repeats
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """How a run on one target ended. The message is not masked yet."""

    state: TargetState
    #: of the step that decided; None unless its command exited, also after it was told to end
    exit_code: int | None = None
    #: without SIG; None unless a signal ended it
    signal: str | None = None
    cause: Cause | None = None
    kill: KillReport | None = None
    #: False: nothing has run; None: unknown, as after any command
    changed: bool | None = None
    #: "" when there is nothing to say
    message: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a payload."""

    script: str
    #: how a message names it; "" when it is the only one
    title: str


def run_command(
    payload: CommandPayload,
    connection: Connection,
    sink: OutputSink,
    cancel: Event,
    *,
    parameters: Mapping[str, str | Secret] = MappingProxyType({}),
    timeout: timedelta | None,
    nonce: str,
    password: Secret | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> RunFacts:
    """Run the payload to its end, each step with the same `parameters`.

    `timeout` is for all steps together; `nonce` is the one stored with the start; `password` is what the way to another
    account asks for, None: it must not ask. `clock` counts seconds. Blocks; the sink is called in this thread.
    """
    steps = steps_of(payload)
    deadline = None if timeout is None else clock() + timeout.total_seconds()
    goes_on = isinstance(payload.body, Commands) and not payload.body.stop_on_failure
    failures: list[RunFacts] = []
    last = RunFacts(state=TargetState.SUCCEEDED)
    for number, step in enumerate(steps):
        left = None if deadline is None else timedelta(seconds=deadline - clock())
        facts = before_step(step, number, cancel, left, timeout)
        if facts is None:
            spec = spec_of(payload, step, parameters, left, step_nonce(nonce, number), password)
            outcome = _run_step(spec, connection, sink, cancel)
            facts = named(facts_of(outcome, payload.success_codes, timeout), step)
        if facts.state is TargetState.SUCCEEDED:
            last = facts
        elif facts.state is TargetState.FAILED and goes_on:
            failures.append(facts)
        else:
            return facts
    return summed(failures, len(steps)) or last


def summed(failures: Sequence[RunFacts], steps: int) -> RunFacts | None:
    """What commands that failed without ending the run make of it; None: none failed."""
    if len(failures) > 1:
        count = f"{len(failures)} of {steps} commands failed, the first was "
        return replace(failures[0], message=count + failures[0].message)
    return failures[0] if failures else None


def named(facts: RunFacts, step: Step) -> RunFacts:
    """The message says which of several steps it is about."""
    return replace(facts, message=f"{step.title}: {facts.message}") if step.title and facts.message else facts


def step_nonce(nonce: str, number: int) -> str:
    """Each step's own 128 bits; the first step has the stored ones, and they determine the others."""
    if number == 0:
        return nonce
    return hashlib.sha256(f"{nonce}/{number}".encode()).hexdigest()[:32]


def unreached(outcome: Unreached) -> RunFacts:
    """No connection: nothing was sent."""
    return RunFacts(
        state=TargetState.UNREACHABLE,
        cause=outcome.cause,
        changed=False,
        message=_with_remedy(outcome.message, outcome.remedy),
    )


def cancelled_before_start() -> RunFacts:
    return RunFacts(state=TargetState.CANCELLED, changed=False, message="cancelled before it started")


def steps_of(payload: CommandPayload) -> tuple[Step, ...]:
    """What is run one after the other."""
    match payload.body:
        case Line(command):
            return (Step(command, ""),)
        case Script(text):
            return (Step(text, ""),)
        case Commands((only,)):
            return (Step(only, ""),)
        case Commands(commands):
            return tuple(
                Step(command, f"command {number} of {len(commands)} ({_shown(command)})")
                for number, command in enumerate(commands, start=1)
            )
        case _:
            assert_never(payload.body)


def before_step(
    step: Step, number: int, cancel: Event, left: timedelta | None, timeout: timedelta | None
) -> RunFacts | None:
    """What ends the run between two steps; None: go on."""
    if cancel.is_set():
        if number == 0:
            return cancelled_before_start()
        return RunFacts(state=TargetState.CANCELLED, cause=Cause.KILLED, message=f"cancelled before {step.title}")
    if left is not None and left <= timedelta(0):
        return RunFacts(
            state=TargetState.TIMED_OUT,
            cause=Cause.TIMEOUT,
            message=f"the time of {_duration(timeout or left)} was over before {step.title or 'it began'}",
        )
    return None


def spec_of(
    payload: CommandPayload,
    step: Step,
    parameters: Mapping[str, str | Secret],
    timeout: timedelta | None,
    nonce: str,
    password: Secret | None,
) -> CommandSpec:
    """What a transport is told of a step; `password` as in `run_command`."""
    run_as = payload.run_as
    return CommandSpec(
        script=step.script,
        shell=payload.shell,
        environment=dict(payload.environment),
        parameters=parameters,
        working_directory=payload.working_directory,
        become=None if run_as is None else Become(method=run_as.method, user=run_as.user, password=password),
        umask=payload.umask,
        tty=payload.tty,
        timeout=timeout,
        nonce=nonce,
        durable=payload.durable,
    )


def _run_step(spec: CommandSpec, connection: Connection, sink: OutputSink, cancel: Event) -> Outcome:
    process = connection.start(spec)
    if isinstance(process, Refused | Unknown):
        return process
    outcome = process.stream(sink, cancel)
    if spec.durable and not isinstance(outcome, Unknown | Detached):
        # nobody attaches to it again: whoever runs it begins anew, so its traces go at once
        _acknowledge(process)
    return outcome


def _acknowledge(process: Process) -> None:
    try:
        is_removed = process.acknowledge()
    except Exception:  # how it ended is known; what lies on the target is swept there after a week
        log.exception("removing the spool of run %s", process.handle.nonce)
        return
    if not is_removed:
        log.info("the spool folder of run %s stays on its target for a week", process.handle.nonce)


def facts_of(outcome: Outcome, success_codes: frozenset[int], timeout: timedelta | None) -> RunFacts:
    """How a step ended, as facts of its run."""
    match outcome:
        case Exited(code, background, incomplete):
            notes = ["background processes kept the output open"] if background else []
            notes += ["a part of its output may be missing"] if incomplete else []
            note = "; ".join(notes)
            if code in success_codes:
                return RunFacts(state=TargetState.SUCCEEDED, exit_code=code, message=note)
            message = f"exit {code}" + (f"; {note}" if note else "")
            return RunFacts(state=TargetState.FAILED, exit_code=code, cause=Cause.EXIT, message=message)
        case Signalled(signal):
            return RunFacts(state=TargetState.FAILED, signal=signal, cause=Cause.SIGNAL, message=ended_by(signal))
        case Unreached():
            return unreached(outcome)
        case Refused(cause, message, remedy):
            return RunFacts(state=TargetState.FAILED, cause=cause, changed=False, message=_with_remedy(message, remedy))
        case TimedOut(kill, code):
            after = f" after {_duration(timeout)}" if timeout else ""
            return RunFacts(
                state=TargetState.TIMED_OUT,
                exit_code=code,
                cause=Cause.TIMEOUT,
                kill=kill,
                message=f"timed out{after}; {_exited(code)}{_found(kill)}",
            )
        case Killed(kill, code):
            return RunFacts(
                state=TargetState.CANCELLED,
                exit_code=code,
                cause=Cause.KILLED,
                kill=kill,
                message=f"cancelled; {_exited(code)}{_found(kill)}",
            )
        case Unknown(cause, message, last_heard):
            heard = f"{last_heard:%Y-%m-%d %H:%M:%S} UTC"
            return RunFacts(
                state=TargetState.LOST, cause=cause, message=f"{message}; it may have run, last heard at {heard}"
            )
        case OutputLimit(kill):
            message = f"ended on the target: its output grew above the limit there; {_found(kill)}"
            return RunFacts(state=TargetState.FAILED, cause=Cause.OUTPUT_LIMIT, kill=kill, message=message)
        case Rebooted(last_heard):
            message = f"the target was restarted while it ran; last heard at {last_heard:%Y-%m-%d %H:%M:%S} UTC"
            return RunFacts(state=TargetState.LOST, cause=Cause.LOST, message=message)
        case Detached():
            raise ValueError("a run that was let go of has not ended")
        case _:
            assert_never(outcome)


def _exited(code: int | None) -> str:
    """Of a command that was told to end."""
    return "" if code is None else f"it ended by itself with exit {code} when it was told to; "


def _found(kill: KillReport) -> str:
    match kill.verdict:
        case KillVerdict.KILLED:
            return "its processes are dead"
        case KillVerdict.ALIVE:
            return f"still alive: {', '.join(map(str, kill.pids))}"
        case KillVerdict.UNKNOWN:
            return "whether its processes are dead is unknown"
        case _:
            assert_never(kill.verdict)


def _with_remedy(message: str, remedy: str) -> str:
    return f"{message} ({remedy})" if remedy else message


def _duration(span: timedelta) -> str:
    return format_duration(span) if span >= timedelta(seconds=1) else f"{span.total_seconds():g}s"


def _shown(command: str) -> str:
    line = " ".join(command.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
