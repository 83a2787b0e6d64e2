"""A payload becomes steps, and outcomes become facts that say what is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from deployx_tui.model.execution import Cause, KillReport, KillVerdict, Stream, TargetState
from deployx_tui.model.payload import CommandPayload, Commands, Line, Script, Shell
from deployx_tui.runners.command import RunFacts, run_command, step_nonce
from deployx_tui.transports.base import (
    CommandSpec,
    Exited,
    Gone,
    Killed,
    Outcome,
    OutputSink,
    Refused,
    RemoteHandle,
    Signalled,
    TimedOut,
    Unknown,
)

NONCE = "ab" * 16
KILLED = KillReport(KillVerdict.KILLED)


@dataclass
class Scripted:
    """A connection whose commands end as the test says; it records what was asked of it."""

    outcomes: Iterator[Outcome]
    specs: list[CommandSpec] = field(default_factory=list)
    #: set this after each command
    cancel_after: Event | None = None

    def start(self, spec: CommandSpec) -> ScriptedProcess | Refused | Unknown:
        self.specs.append(spec)
        outcome = next(self.outcomes)
        return outcome if isinstance(outcome, Refused) else ScriptedProcess(self, outcome)

    def attach(
        self, handle: RemoteHandle, stdout_offset: int, stderr_offset: int, spec: CommandSpec
    ) -> ScriptedProcess | Refused | Unknown | Gone:
        raise NotImplementedError

    def close(self) -> None: ...


@dataclass
class ScriptedProcess:
    connection: Scripted
    outcome: Outcome
    handle: RemoteHandle = field(default_factory=lambda: RemoteHandle(NONCE, 1, "1/1", "boot"))

    def acknowledge(self) -> bool:
        return True

    def stream(self, sink: OutputSink, cancel: Event, leave: Event | None = None) -> Outcome:
        sink(Stream.STDOUT, b"said", datetime.now(UTC))
        if self.connection.cancel_after is not None:
            self.connection.cancel_after.set()
        return self.outcome


def run(
    payload: CommandPayload,
    *outcomes: Outcome,
    timeout: timedelta | None = None,
    ticks: Iterator[float] | None = None,
    cancel: Event | None = None,
) -> tuple[RunFacts, list[CommandSpec]]:
    connection = Scripted(iter(outcomes), cancel_after=cancel)
    ticks = ticks or iter(range(1000))
    facts = run_command(
        payload,
        connection,
        lambda *_: None,
        cancel or Event(),
        timeout=timeout,
        nonce=NONCE,
        clock=lambda: float(next(ticks)),
    )
    return facts, connection.specs


LINE = CommandPayload(body=Line("make"))
HEARD = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("outcome", "state", "cause", "message"),
    [
        (Exited(0), TargetState.SUCCEEDED, None, ""),
        (Exited(3), TargetState.FAILED, Cause.EXIT, "exit 3"),
        (
            Exited(0, background=True),
            TargetState.SUCCEEDED,
            None,
            "background processes kept the output open",
        ),
        (Signalled("SEGV"), TargetState.FAILED, Cause.SIGNAL, "ended by SIGSEGV"),
        (
            Refused(Cause.SHELL, "no fish here", "install it"),
            TargetState.FAILED,
            Cause.SHELL,
            "no fish here (install it)",
        ),
        (
            Killed(KILLED, 5),
            TargetState.CANCELLED,
            Cause.KILLED,
            "cancelled; it ended by itself with exit 5 when it was told to; its processes are dead",
        ),
        (TimedOut(KILLED), TargetState.TIMED_OUT, Cause.TIMEOUT, "timed out after 1m30s; its processes are dead"),
        (
            Killed(KillReport(KillVerdict.ALIVE, (7, 8))),
            TargetState.CANCELLED,
            Cause.KILLED,
            "cancelled; still alive: 7, 8",
        ),
        (
            Unknown(Cause.LOST, "the connection broke", HEARD),
            TargetState.LOST,
            Cause.LOST,
            "the connection broke; it may have run, last heard at 2026-11-23 15:00:00 UTC",
        ),
    ],
)
def test_each_outcome_becomes_what_is_known(
    outcome: Outcome, state: TargetState, cause: Cause | None, message: str
) -> None:
    facts, _ = run(LINE, outcome, timeout=timedelta(seconds=90))
    assert (facts.state, facts.cause, facts.message) == (state, cause, message)


def test_what_was_refused_has_changed_nothing_and_what_ran_may_have() -> None:
    assert run(LINE, Refused(Cause.SHELL, "no"))[0].changed is False
    assert run(LINE, Exited(1))[0].changed is None


def test_success_codes_decide_what_success_is() -> None:
    payload = CommandPayload(body=Line("x"), success_codes=frozenset({0, 3}))
    assert run(payload, Exited(3))[0].state is TargetState.SUCCEEDED
    assert run(payload, Exited(3))[0].exit_code == 3
    assert run(payload, Exited(1))[0].state is TargetState.FAILED


def test_the_spec_names_the_shell_the_environment_and_the_folder() -> None:
    payload = CommandPayload(
        body=Script("cd /\nls"), shell=Shell.BASH, environment=(("A", "1"),), working_directory="/srv"
    )
    _, (spec,) = run(payload, Exited(0))
    assert (spec.script, spec.shell, spec.working_directory, spec.nonce) == ("cd /\nls", Shell.BASH, "/srv", NONCE)
    assert spec.environment == {"A": "1"}
    assert spec.timeout is None


def test_the_first_failing_command_ends_the_target_and_is_named() -> None:
    payload = CommandPayload(body=Commands(("stop it", "swap  it", "start it")))
    facts, specs = run(payload, Exited(0), Exited(5))
    assert (facts.state, facts.exit_code) == (TargetState.FAILED, 5)
    assert facts.message == "command 2 of 3 (swap it): exit 5"
    assert [spec.script for spec in specs] == ["stop it", "swap  it"]


def test_without_stop_on_failure_every_command_runs_and_the_target_fails_at_the_end() -> None:
    payload = CommandPayload(body=Commands(("a", "b", "c"), stop_on_failure=False))
    facts, specs = run(payload, Exited(4), Exited(0), Signalled("TERM"))
    assert [spec.script for spec in specs] == ["a", "b", "c"]
    assert (facts.state, facts.exit_code) == (TargetState.FAILED, 4)
    assert facts.message == "2 of 3 commands failed, the first was command 1 of 3 (a): exit 4"
    assert run(payload, Exited(0), Exited(0), Exited(0))[0].state is TargetState.SUCCEEDED


def test_a_lost_command_ends_the_target_whatever_stop_on_failure_says() -> None:
    payload = CommandPayload(body=Commands(("a", "b"), stop_on_failure=False))
    facts, specs = run(payload, Unknown(Cause.LOST, "gone", HEARD))
    assert facts.state is TargetState.LOST
    assert len(specs) == 1


def test_each_command_has_its_own_nonce_and_the_first_is_the_stored_one() -> None:
    payload = CommandPayload(body=Commands(("a", "b", "c")))
    _, specs = run(payload, Exited(0), Exited(0), Exited(0))
    nonces = [spec.nonce for spec in specs]
    assert nonces == [step_nonce(NONCE, number) for number in range(3)]
    assert nonces[0] == NONCE
    assert len(set(nonces)) == 3
    assert all(len(nonce) == 32 for nonce in nonces)


def test_the_time_is_for_all_commands_together() -> None:
    payload = CommandPayload(body=Commands(("a", "b", "c")))
    facts, specs = run(
        payload, Exited(0), Exited(0), timeout=timedelta(seconds=10), ticks=iter([100.0, 100.0, 107.0, 111.0])
    )
    assert [spec.timeout for spec in specs] == [timedelta(seconds=10), timedelta(seconds=3)]
    assert facts.state is TargetState.TIMED_OUT
    assert facts.message == "the time of 10s was over before command 3 of 3 (c)"


def test_a_cancel_before_the_start_starts_nothing() -> None:
    cancel = Event()
    cancel.set()
    facts, specs = run(LINE, cancel=cancel)
    assert (facts.state, facts.changed, specs) == (TargetState.CANCELLED, False, [])


def test_a_cancel_between_two_commands_starts_no_further_one() -> None:
    payload = CommandPayload(body=Commands(("a", "b")))
    facts, specs = run(payload, Exited(0), cancel=Event())
    assert facts.state is TargetState.CANCELLED
    assert facts.message == "cancelled before command 2 of 2 (b)"
    assert len(specs) == 1
