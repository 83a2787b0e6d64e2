"""Targets that may be begun again: over broken connections, engines that end, and to take back what was changed.

What moves the files is scripted here; with real ones it is `test_files.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from deployx_tui.engine import run_repeatable, work
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.errors import InvalidInput
from deployx_tui.model.changes import ChangeKind, FileChange, RollbackPayload, TargetChanges
from deployx_tui.model.device import TransportKind
from deployx_tui.model.execution import Cause, ExecutionStatus, Stream, TargetState, TransferProgress
from deployx_tui.model.facts import Facts
from deployx_tui.model.files import FilePayload
from deployx_tui.model.payload import RunAs
from deployx_tui.output.store import OutputStore
from deployx_tui.runners.command import RunFacts
from deployx_tui.runners.files.run import FileRun
from deployx_tui.store import abandoned, changes, endings, engines, history, results
from deployx_tui.store import facts as known_facts
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.transports.base import Unreached
from tests.support.bench import Bench, engine_on
from tests.support.scripted_transport import ScriptedTransport

PAYLOAD = FilePayload(items=(), target_path="/srv/motd")
ONE = TargetChanges(files=(FileChange(path="/srv/motd", kind=ChangeKind.CREATED, after="a" * 64),))
TWO = TargetChanges(files=(FileChange(path="/srv/issue", kind=ChangeKind.CREATED, after="b" * 64),))
NOTHING = TargetChanges()

FINE = RunFacts(state=TargetState.SUCCEEDED, changed=True)
UNCHANGED = RunFacts(state=TargetState.SUCCEEDED, changed=False)
BROKEN = RunFacts(state=TargetState.LOST, cause=Cause.LOST, message="the connection broke")

Done = tuple[RunFacts, TargetChanges]


@dataclass
class Attempt:
    run: FileRun
    connection: Any
    say: Callable[..., None]
    cancel: Event
    progress: Callable[[int, int], None]


@dataclass
class Scripted:
    """Stands for the runners of files: each attempt at a device does what its list says next, the last one for ever."""

    attempts: list[Attempt] = field(default_factory=list)
    behaviours: dict[str, list[Done | Callable[[Attempt], Done]]] = field(default_factory=dict)
    #: what was to be taken back, by nonce
    rollbacks: list[tuple[TargetChanges, dict[str, Any]]] = field(default_factory=list)
    rollback: Done = (FINE, TWO)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run_files(self, run: FileRun, connection: Any, say: Any, cancel: Event, progress: Any) -> Done:
        attempt = Attempt(run, connection, say, cancel, progress)
        with self.lock:
            self.attempts.append(attempt)
            behaviours = self.behaviours.get(run.device, [(FINE, ONE)])
            behaviour = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
        return behaviour if isinstance(behaviour, tuple) else behaviour(attempt)

    def run_rollback(self, made: TargetChanges, connection: Any, say: Any, cancel: Event, **more: Any) -> Done:
        with self.lock:
            self.rollbacks.append((made, more))
        return self.rollback


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    scripted = Scripted()
    monkeypatch.setattr(work, "run_files", scripted.run_files)
    monkeypatch.setattr(work, "run_rollback", scripted.run_rollback)
    monkeypatch.setattr("deployx_tui.engine.run_repeatable.BACK_OFF", (0.0,))
    return scripted


def until_closed(attempt: Attempt) -> Done:
    """It moves a file until its connection breaks."""
    assert attempt.connection.closed.wait(60)
    return BROKEN, NOTHING


def until_cancelled(attempt: Attempt) -> Done:
    assert attempt.cancel.wait(60)
    return RunFacts(state=TargetState.CANCELLED, cause=Cause.KILLED, message="cancelled"), NOTHING


# ---- broken connections


def test_a_break_in_the_middle_is_gone_on_with_under_the_same_nonce(
    bench: Bench, transport: ScriptedTransport, runner: Scripted
) -> None:
    bench.add_devices("web1", "web2")
    runner.behaviours["web1"] = [(BROKEN, ONE), (BROKEN, NOTHING), (FINE, ONE)]
    run = bench.run(PAYLOAD)
    assert run.status is ExecutionStatus.SUCCEEDED
    found = bench.targets(run)
    assert (found["web1"].changed, found["web1"].attempts) == (True, 1)
    with bench.database.read() as c:
        assert changes.load(c, run.id, found["web1"].device_id) == ONE
    mine = [attempt for attempt in runner.attempts if attempt.run.device == "web1"]
    assert len(mine) == 3
    assert len({attempt.run.nonce for attempt in mine}) == 1
    assert len({id(attempt.connection) for attempt in mine}) == 3
    assert transport.released == 4


def test_what_several_attempts_changed_is_told_once(bench: Bench, runner: Scripted) -> None:
    bench.add_devices("web1")
    between, after = (FileChange(path="/srv/motd", kind=ChangeKind.REPLACED, before="a", after=x) for x in "bc")
    runner.behaviours["web1"] = [
        (BROKEN, TargetChanges(files=(between, *TWO.files))),
        (BROKEN, TargetChanges(files=(replace(after, before="b"),))),
        (BROKEN, NOTHING),
    ]
    run = bench.run(PAYLOAD)
    assert run.status is ExecutionStatus.LOST
    with bench.database.read() as c:
        assert changes.load(c, run.id, bench.targets(run)["web1"].device_id).files == (after, *TWO.files)


def test_one_that_breaks_again_and_again_is_lost_and_says_how_often(bench: Bench, runner: Scripted) -> None:
    bench.add_devices("web1")
    runner.behaviours["web1"] = [(BROKEN, ONE)]
    run = bench.run(PAYLOAD)
    assert run.status is ExecutionStatus.LOST
    target = bench.targets(run)["web1"]
    assert target.changed is True, "that much is known"
    assert f"broke {run_repeatable.MOST_BREAKS} times" in target.error_message
    assert "at last: the connection broke" in target.error_message
    assert len(runner.attempts) == run_repeatable.MOST_BREAKS


def test_as_long_as_bytes_arrive_no_break_is_the_last(bench: Bench, runner: Scripted) -> None:
    bench.add_devices("web1")
    breaks = 3 * run_repeatable.MOST_BREAKS

    def further(attempt: Attempt) -> Done:
        attempt.progress(len(runner.attempts), 1000)
        return (FINE, ONE) if len(runner.attempts) > breaks else (BROKEN, NOTHING)

    runner.behaviours["web1"] = [further]
    assert bench.run(PAYLOAD).status is ExecutionStatus.SUCCEEDED
    assert len(runner.attempts) == breaks + 1


def test_a_host_that_was_never_reached_is_unreachable_at_once(
    bench: Bench, transport: ScriptedTransport, runner: Scripted
) -> None:
    bench.add_devices("web1")
    transport.unreached["web1"] = Unreached(Cause.REFUSED, "connection refused")
    run = bench.run(PAYLOAD)
    target = bench.targets(run)["web1"]
    assert (target.state, target.cause, target.changed) == (TargetState.UNREACHABLE, Cause.REFUSED, False)
    assert len(transport.endpoints) == 1


def test_a_host_that_goes_away_in_the_middle_is_lost_after_many_tries(
    bench: Bench, transport: ScriptedTransport, runner: Scripted
) -> None:
    bench.add_devices("web1")

    def goes_away(attempt: Attempt) -> Done:
        transport.unreached["web1"] = Unreached(Cause.CONNECT_TIMEOUT, "no answer")
        return BROKEN, NOTHING

    runner.behaviours["web1"] = [goes_away]
    run = bench.run(PAYLOAD)
    target = bench.targets(run)["web1"]
    assert (target.state, target.cause, target.changed) == (TargetState.LOST, Cause.LOST, None)
    assert target.error_message.endswith("no answer")


@pytest.mark.parametrize("away", [False, True])
def test_a_cancel_is_heeded_between_two_attempts_and_clears_up(
    bench: Bench, transport: ScriptedTransport, runner: Scripted, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    bench.add_devices("web1")
    monkeypatch.setattr("deployx_tui.engine.run_repeatable.BACK_OFF", (3600.0,))
    broke = Event()

    def breaks(attempt: Attempt) -> Done:
        if away:
            transport.unreached["web1"] = Unreached(Cause.REFUSED, "connection refused")
        broke.set()
        return BROKEN, ONE

    runner.behaviours["web1"] = [breaks, until_cancelled]
    execution = bench.queue(PAYLOAD)
    assert broke.wait(60)
    bench.cancel(execution)
    run = bench.ended(execution)
    assert run.status is ExecutionStatus.CANCELLED
    target = bench.targets(run)["web1"]
    assert target.state is TargetState.CANCELLED
    assert len(runner.attempts) == (1 if away else 2), "who clears up is the runner"
    assert ("may lie beside its place" in target.error_message) is away
    with bench.database.read() as c:
        assert changes.load(c, run.id, target.device_id) == ONE, "what was changed before can be taken back"


def test_the_deadline_ends_the_tries(bench: Bench, runner: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.add_devices("web1")
    monkeypatch.setattr("deployx_tui.engine.run_repeatable.BACK_OFF", (3600.0,))
    late = RunFacts(state=TargetState.TIMED_OUT, cause=Cause.TIMEOUT, message="the time was over")
    runner.behaviours["web1"] = [(BROKEN, NOTHING), (late, NOTHING)]
    run = bench.run(PAYLOAD, timeout=1)
    assert bench.targets(run)["web1"].state is TargetState.TIMED_OUT
    left = runner.attempts[0].run.timeout
    assert left is not None
    assert timedelta(0) < left <= timedelta(seconds=1)


def test_a_bug_in_a_runner_ends_its_target_and_nothing_else(bench: Bench, runner: Scripted) -> None:
    bench.add_devices("web1", "web2")

    def explode(attempt: Attempt) -> Done:
        raise ZeroDivisionError("a bug")

    runner.behaviours["web1"] = [explode]
    run = bench.run(PAYLOAD)
    found = bench.targets(run)
    assert found["web1"].state is TargetState.LOST
    assert "ZeroDivisionError: a bug" in found["web1"].error_message
    assert found["web2"].state is TargetState.SUCCEEDED


def test_what_has_changed_on_disk_here_fails_before_it_is_sent(bench: Bench, runner: Scripted) -> None:
    bench.add_devices("web1")

    def changed(attempt: Attempt) -> Done:
        raise InvalidInput.of("artifact", "nginx.conf@3 has changed on disk", "add it again")

    runner.behaviours["web1"] = [changed]
    run = bench.run(PAYLOAD)
    target = bench.targets(run)["web1"]
    assert (target.state, target.cause, target.changed) == (TargetState.FAILED, Cause.VERIFY, False)
    assert "nginx.conf@3 has changed on disk" in target.error_message


# ---- engines that end


def test_an_engine_that_stops_lets_go_of_it_and_the_next_one_goes_on(
    database: Database, tmp_path: Path, runner: Scripted
) -> None:
    transports = {TransportKind.LOCAL: ScriptedTransport()}
    began = Event()

    def first(attempt: Attempt) -> Done:
        attempt.say(Stream.STDOUT, b"half of it is over\n", datetime.now(UTC))
        attempt.progress(5, 10)
        began.set()
        return until_closed(attempt)

    def second(attempt: Attempt) -> Done:
        attempt.say(Stream.STDOUT, b"the rest too\n", datetime.now(UTC))
        return FINE, ONE

    runner.behaviours["web1"] = [first, second]
    with engine_on(database, tmp_path / "output", transports) as bench:
        (device,) = bench.add_devices("web1")
        execution = bench.queue(PAYLOAD)
        assert began.wait(60)
        owner = bench.owner
    with engine_on(database, tmp_path / "output", transports, owner=owner) as bench:
        run = bench.ended(execution)
        assert run.status is ExecutionStatus.SUCCEEDED
        target = bench.targets(run)["web1"]
        assert (target.changed, target.attempts) == (True, 1)
        assert bench.output_of(target) == b"half of it is over\nthe rest too\n"
        one, two = runner.attempts
        assert one.run.nonce == two.run.nonce
        with database.read() as c:
            assert changes.load(c, run.id, device) == ONE


def test_without_an_engine_it_is_shown_to_be_gone_on_with(
    sqlite_database: Database, tmp_path: Path, runner: Scripted
) -> None:
    began = Event()

    def first(attempt: Attempt) -> Done:
        began.set()
        return until_closed(attempt)

    runner.behaviours["web1"] = [first]
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.LOCAL: ScriptedTransport()}) as bench:
        bench.add_devices("web1")
        execution = bench.queue(PAYLOAD)
        assert began.wait(60)
    reader = Database.open(sqlite_database.url)
    assert abandoned.show(reader, [bench.engine.id]) == 1
    with reader.read() as c:
        (target,) = results.every(c, execution)
        assert history.get(c, execution).status is ExecutionStatus.RUNNING
    assert target.state is TargetState.RUNNING
    assert target.error_message == "its engine ended; the next engine goes on with it where it stopped"
    reader.close()


def test_an_engine_that_was_taken_for_dead_stops_at_once(bench: Bench, runner: Scripted) -> None:
    bench.add_devices("web1")
    began, stopped = Event(), Event()

    def moves(attempt: Attempt) -> Done:
        began.set()
        found = until_closed(attempt)
        stopped.set()
        return found

    runner.behaviours["web1"] = [moves]
    bench.queue(PAYLOAD)
    assert began.wait(60)
    with bench.database.write() as c:
        engines.remove(c, bench.engine.id)  # as the other engine does that begins it again
    assert stopped.wait(60)
    bench.until(bench.engine.is_at_rest)
    assert len(runner.attempts) == 1


def test_a_drain_waits_for_it(bench: Bench, runner: Scripted) -> None:
    bench.add_devices("web1")
    began, gate = Event(), Event()

    def slow(attempt: Attempt) -> Done:
        began.set()
        assert gate.wait(60)
        return FINE, ONE

    runner.behaviours["web1"] = [slow]
    execution = bench.queue(PAYLOAD)
    assert began.wait(60)
    stopping = threading.Thread(target=bench.engine.stop, args=(timedelta(minutes=1),))
    stopping.start()
    gate.set()
    stopping.join(60)
    assert bench.get(execution).status is ExecutionStatus.SUCCEEDED


def test_one_that_was_cancelled_meanwhile_is_ended_by_the_next_engine(
    database: Database, tmp_path: Path, runner: Scripted
) -> None:
    transports = {TransportKind.LOCAL: ScriptedTransport()}
    began = Event()

    def first(attempt: Attempt) -> Done:
        began.set()
        return until_closed(attempt)

    runner.behaviours["web1"] = [first, until_cancelled]
    with engine_on(database, tmp_path / "output", transports) as bench:
        bench.add_devices("web1")
        execution = bench.queue(PAYLOAD)
        assert began.wait(60)
        owner = bench.owner
    with database.write() as c:
        assert endings.request_cancel(c, execution, now_ms())
    with engine_on(database, tmp_path / "output", transports, owner=owner) as bench:
        run = bench.ended(execution)
        assert run.status is ExecutionStatus.CANCELLED
        assert bench.targets(run)["web1"].state is TargetState.CANCELLED
        assert len(runner.attempts) == 2, "who clears up behind it is its runner"


# ---- what can't be kept


@pytest.mark.parametrize("what", ["output", "changes_to_json", "keep"])
def test_a_result_that_can_not_be_kept_whole_is_kept_as_far_as_it_can(
    bench: Bench, runner: Scripted, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    (device,) = bench.add_devices("web1")

    def explode(*facts: object) -> None:
        if facts[-1]:  # nothing is kept of what changed nothing
            raise ZeroDivisionError

    if what == "output":
        monkeypatch.setattr(OutputStore, "keep", explode)
    else:
        monkeypatch.setattr(changes, what, explode)

    def says(attempt: Attempt) -> Done:
        attempt.say(Stream.STDOUT, b"1 file is over\n", datetime.now(UTC))
        return FINE, ONE

    runner.behaviours["web1"] = [says]
    run = bench.run(PAYLOAD)
    assert run.status is ExecutionStatus.SUCCEEDED
    target = bench.targets(run)["web1"]
    assert target.changed is True
    with bench.database.read() as c:
        kept = changes.load(c, run.id, device)
    if what == "output":
        assert kept == ONE, "a bug that an output brought out does not cost the rollback"
        assert "failed to keep what it said" in target.error_message
    else:
        assert kept == NOTHING
        assert "failed to keep what it changed" in target.error_message
        assert "can't be rolled back" in target.error_message


# ---- how far it is, and what it needs


def test_progress_stands_in_running_targets_and_is_told(bench: Bench, runner: Scripted) -> None:
    bench.add_devices("web1")
    gate = Event()

    def moves(attempt: Attempt) -> Done:
        attempt.progress(3 << 30, 10 << 30)
        assert gate.wait(60)
        return FINE, ONE

    runner.behaviours["web1"] = [moves]
    execution = bench.queue(PAYLOAD)
    bench.until(
        lambda: (
            [each.progress for each in bench.targets(execution).values()]
            == [TransferProgress(done=3 << 30, total=10 << 30)]
        )
    )
    assert "output.grew" in bench.event_types(execution)
    gate.set()
    run = bench.ended(execution)
    assert bench.targets(run)["web1"].progress is None
    assert (run.targets.changed, run.targets.unchanged) == (1, 0)


class Told:
    """A connection that tells of its device."""

    def __init__(self, inner: Any, log: list[str]) -> None:
        self._inner, self._log = inner, log

    def facts(self, cancel: Event) -> Facts:
        self._log.append("asked")
        return Facts(kernel="Linux", os_id="debian", os_version="13")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.fixture
def telling(transport: ScriptedTransport, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    asked: list[str] = []
    connect = transport.connect
    monkeypatch.setattr(transport, "connect", lambda *a: Told(connect(*a), asked))
    yield asked


def test_where_the_place_depends_on_the_system_an_unknown_device_is_asked_once(
    sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport, telling: list[str], runner: Scripted
) -> None:
    payload = replace(PAYLOAD, platform_paths=(("debian", "/srv/debian"),))
    transports = {TransportKind.LOCAL: transport}
    settings = EngineSettings(facts_age=None)
    with engine_on(sqlite_database, tmp_path / "output", transports, settings) as bench:
        (device,) = bench.add_devices("web1")
        bench.run(PAYLOAD)
        assert (telling, runner.attempts[-1].run.facts) == ([], None), "a plain one asks nobody"
        bench.run(payload)
        told = runner.attempts[-1].run.facts
        assert told is not None
        assert (told.os_id, telling) == ("debian", ["asked"])
        with bench.database.read() as c:
            assert known_facts.by_devices(c, [device])[device].facts.os_id == "debian"
        bench.run(payload)
        known = runner.attempts[-1].run.facts
        assert known is not None
        assert (known.os_id, telling) == ("debian", ["asked"]), "what is known is not asked again"


# ---- rollback


def test_a_rollback_goes_where_something_was_changed_with_what_was_changed(bench: Bench, runner: Scripted) -> None:
    devices = dict(zip(("web1", "web2", "web3"), bench.add_devices("web1", "web2", "web3"), strict=True))
    runner.behaviours["web2"] = [(UNCHANGED, NOTHING)]
    payload = replace(PAYLOAD, run_as=RunAs(user="root"))
    run = bench.run(payload)
    assert (run.targets.changed, run.targets.unchanged) == (2, 1)
    back = bench.run(RollbackPayload(execution=run.id, force=True), on=())
    assert back.status is ExecutionStatus.SUCCEEDED
    assert bench.targets(back).keys() == {"web1", "web3"}
    assert [made for made, _ in runner.rollbacks] == [ONE, ONE]
    more = runner.rollbacks[0][1]
    assert (more["force"], more["run_as"]) == (True, RunAs(user="root")), "as the account that changed it"
    with bench.database.read() as c:
        assert {each.rolled_back_by for each in changes.of_execution(c, run.id)} == {back.id}
        assert changes.load(c, back.id, devices["web1"]) == TWO, "what it changed can be taken back too"
    again = bench.run(RollbackPayload(execution=run.id), on=())
    assert again.status is ExecutionStatus.FAILED
    assert f"was rolled back by execution {back.id}" in again.error_message
    assert bench.run(RollbackPayload(execution=back.id), on=()).status is ExecutionStatus.SUCCEEDED
    assert runner.rollbacks[-1][0] == TWO
    assert runner.rollbacks[-1][1]["run_as"] == RunAs(user="root")


def test_where_a_rollback_failed_it_can_be_tried_again(bench: Bench, runner: Scripted) -> None:
    bench.add_devices("web1", "web2")
    run = bench.run(PAYLOAD)
    failed = RunFacts(state=TargetState.FAILED, cause=Cause.VERIFY, changed=False, message="changed since")
    runner.rollback = failed, NOTHING
    back = bench.run(RollbackPayload(execution=run.id), on="web1")
    assert back.status is ExecutionStatus.FAILED
    assert bench.targets(back).keys() == {"web1"}
    runner.rollback = FINE, TWO
    again = bench.run(RollbackPayload(execution=run.id), on=())
    assert bench.targets(again).keys() == {"web1", "web2"}


def test_a_rollback_of_nothing_is_refused_and_says_why(bench: Bench, runner: Scripted) -> None:
    bench.add_devices("web1")
    plain = bench.run("true")
    for payload, why in (
        (RollbackPayload(execution=plain.id), "changed nothing"),
        (RollbackPayload(execution=type(plain.id)(999)), "there is no execution 999"),
    ):
        refused = bench.run(payload, on=())
        assert refused.status is ExecutionStatus.FAILED
        assert why in refused.error_message
