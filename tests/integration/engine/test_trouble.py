"""Our own bugs, and a database that is away: what they hit ends or waits, nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread, current_thread

import pytest
import sqlalchemy as sa

from deployx_tui.engine.settings import EngineSettings
from deployx_tui.errors import Unavailable
from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.execution import (
    Cause,
    ExecutionStatus,
    TargetState,
)
from deployx_tui.model.ids import TargetId
from deployx_tui.output.store import OutputStore
from deployx_tui.planning.plan import make_plan
from deployx_tui.store import schema, targets
from deployx_tui.store.database import Database
from deployx_tui.transports.base import (
    CommandSpec,
    Outcome,
    OutputSink,
    Signalled,
    Unknown,
    Unreached,
)
from tests.support.bench import Bench, engine_on
from tests.support.scripted_transport import ScriptedTransport, says


def test_a_bug_in_a_transport_ends_its_target_and_nothing_else(bench: Bench, transport: ScriptedTransport) -> None:
    bench.add_devices("web1", "web2", "web3")

    def explode(spec: CommandSpec, sink: OutputSink, cancel: Event) -> Outcome:
        raise ZeroDivisionError("a bug")

    transport.by_name["web1"] = explode
    transport.unreached["web2"] = ValueError("another bug")
    run = bench.run("x")
    assert run.status is ExecutionStatus.PARTIALLY_SUCCEEDED
    found = bench.targets(run)
    assert found["web1"].state is TargetState.LOST  # it may have run
    assert "ZeroDivisionError: a bug" in found["web1"].error_message
    assert found["web2"].state is TargetState.FAILED
    assert "nothing was sent" in found["web2"].error_message
    assert found["web3"].state is TargetState.SUCCEEDED
    assert bench.run("x", on="web3").status is ExecutionStatus.SUCCEEDED


def test_a_device_of_a_transport_that_is_not_there_fails_with_a_message(bench: Bench) -> None:
    bench.add(DeviceDraft(name="far", address="127.0.0.1", transport=TransportKind.SSH))
    run = bench.run("x")
    assert run.status is ExecutionStatus.FAILED
    assert "no transport ssh" in bench.targets(run)["far"].error_message


def test_a_bug_in_planning_ends_its_run_and_nothing_else(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.add_devices("web1")

    def explode(**facts: object) -> object:
        if "explode" in str(facts["work"]):
            raise ZeroDivisionError
        return make_plan(**facts)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr("deployx_tui.engine.dispatcher.make_plan", explode)
    bad, good = bench.queue("explode"), bench.queue("x")
    assert bench.ended(good).status is ExecutionStatus.SUCCEEDED
    run = bench.ended(bad)
    assert run.status is ExecutionStatus.FAILED
    assert "failed to plan" in run.error_message


def test_a_bug_in_starting_skips_what_waits_instead_of_waiting_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add_devices("web1", "web2")

    def explode(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(targets, "start_many", explode)
    run = bench.run("x")
    assert run.status is ExecutionStatus.SKIPPED
    assert {t.state for t in bench.targets(run).values()} == {TargetState.SKIPPED}
    monkeypatch.undo()
    assert bench.run("x").status is ExecutionStatus.SUCCEEDED


def test_a_result_whose_output_can_not_be_written_keeps_its_outcome_and_takes_no_other_with_it(
    bench: Bench, transport: ScriptedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add_devices("web1", "web2")
    keep = OutputStore.keep

    def explode(self: OutputStore, c: object, target: object, totals: object) -> None:
        if getattr(totals, "head", b"") == b"bad":
            raise ZeroDivisionError
        keep(self, c, target, totals)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(OutputStore, "keep", explode)
    transport.behaviour = says(b"good")
    transport.by_name["web2"] = says(b"bad")
    run = bench.run("x")
    assert run.status is ExecutionStatus.SUCCEEDED
    found = bench.targets(run)
    assert bench.output_of(found["web1"]) == b"good"
    assert found["web2"].exit_code == 0
    assert found["web2"].output_cut
    assert "failed to keep what it said: ZeroDivisionError" in found["web2"].error_message
    bench.until(bench.engine.is_idle)


@pytest.mark.parametrize("also_less", [False, True])
def test_a_result_that_can_not_be_written_at_all_is_lost_and_never_left_running(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, also_less: bool
) -> None:
    bench.add_devices("web1", "web2")
    finish_many, lose = targets.finish_many, targets.lose
    broken = {bench.add(DeviceDraft(name="web3", address="127.0.0.1", transport=TransportKind.LOCAL))}
    refused: list[str] = []

    def explode(c: sa.Connection, ends: list[tuple[TargetId, str, targets.TargetEnd]]) -> object:
        ids = [target for target, _, _ in ends]
        device = schema.execution_targets.c.device_id
        if broken & {*c.scalars(sa.select(device).where(schema.execution_targets.c.id.in_(ids)))}:
            raise ZeroDivisionError
        return finish_many(c, ends)

    def explode_twice(c: sa.Connection, *facts: object) -> bool:
        if also_less and len(refused) < 2:
            refused.append("")
            raise ZeroDivisionError
        return lose(c, *facts)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(targets, "finish_many", explode)
    monkeypatch.setattr(targets, "lose", explode_twice)
    monkeypatch.setattr("deployx_tui.engine.results._AFTER_A_BUG_SECONDS", 0.01)
    run = bench.run("x")
    assert run.status is ExecutionStatus.PARTIALLY_SUCCEEDED
    found = bench.targets(run)
    assert {name: target.state for name, target in found.items()} == {
        "web1": TargetState.SUCCEEDED,
        "web2": TargetState.SUCCEEDED,
        "web3": TargetState.LOST,
    }
    assert "which is unknown" in found["web3"].error_message
    # told a moment after the commit that wrote it
    bench.until(lambda: bench.engine.troubles() == ())
    bench.until(bench.engine.is_idle)


def test_what_a_hostile_target_says_is_always_a_result_that_can_be_written(
    any_bench: Bench, transport: ScriptedTransport
) -> None:
    any_bench.add_devices("web1", "web2", "web3", "web4")
    hostile = "\x00 \x1b]0;owned\x07 \ud800 \u202e " + "A" * 1_000_000
    transport.unreached["web1"] = Unreached(Cause.UNREACHABLE, hostile, hostile)
    transport.by_name["web2"] = lambda spec, sink, cancel: Signalled("K\x00\ud800")
    transport.by_name["web3"] = lambda spec, sink, cancel: Unknown(Cause.LOST, hostile, datetime.now(UTC))
    transport.by_name["web4"] = says(hostile.encode(errors="surrogatepass"))
    run = any_bench.run("x")
    assert run.status is ExecutionStatus.PARTIALLY_SUCCEEDED
    assert len(run.error_message) < 20_000
    found = any_bench.targets(run)
    states = {name: target.state for name, target in found.items()}
    assert states == {
        "web1": TargetState.UNREACHABLE,
        "web2": TargetState.FAILED,
        "web3": TargetState.LOST,
        "web4": TargetState.SUCCEEDED,
    }
    assert "owned" in found["web1"].error_message
    assert "deployx itself" not in "".join(target.error_message for target in found.values())
    assert all(len(target.error_message) < 5_000 for target in found.values())


def test_a_bug_after_a_target_was_started_ends_it_as_lost(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.add_devices("web1")

    def explode(self: object, at: object) -> object:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("deployx_tui.output.writer.OutputWriter.close", explode)
    run = bench.run("x")
    assert run.status is ExecutionStatus.LOST
    assert "ZeroDivisionError: a bug; the command may have run" in bench.targets(run)["web1"].error_message
    bench.until(bench.engine.is_idle)


def test_a_run_that_the_database_cut_off_between_plan_and_start_goes_on_when_it_serves_again(
    bench: Bench, transport: ScriptedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add_devices("web1")
    refused: list[object] = []

    def away(*facts: object) -> object:
        if not refused:
            refused.append(facts)
            raise Unavailable("disk failed")
        return of_batch(*facts)  # type: ignore[arg-type]  # passed on as it came

    of_batch = targets.of_batch
    monkeypatch.setattr(targets, "of_batch", away)
    assert bench.run("x").status is ExecutionStatus.SUCCEEDED
    assert len(refused) == len(transport.specs) == 1


def test_a_plan_whose_commit_was_done_but_not_confirmed_is_run_once(
    any_bench: Bench, transport: ScriptedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_bench.add_devices("web1")
    write, cut = Database.write, Event()

    @contextmanager
    def cutting(self: Database, durable: bool = False) -> Iterator[sa.Connection]:
        with write(self, durable) as c:
            yield c
        if current_thread().name == "deployx-dispatcher" and not cut.is_set():
            cut.set()
            raise Unavailable("the line broke before the answer")

    monkeypatch.setattr(Database, "write", cutting)
    assert any_bench.run("x").status is ExecutionStatus.SUCCEEDED
    assert cut.is_set()
    assert len(transport.specs) == 1


def test_a_bug_in_beginning_a_batch_ends_its_run_and_nothing_else(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add_devices("web1")

    def explode(*_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr("deployx_tui.engine.run_batch.endpoints", explode)
    run = bench.run("x")
    assert run.status is ExecutionStatus.SKIPPED
    assert "failed to begin it" in bench.targets(run)["web1"].error_message
    monkeypatch.undo()
    assert bench.run("x").status is ExecutionStatus.SUCCEEDED


def test_nothing_starts_while_the_database_is_away_and_all_goes_on_when_it_is_back(
    bench: Bench, transport: ScriptedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add_devices("web1")
    is_away, refused = Event(), Event()
    write = Database.write

    @contextmanager
    def away(self: Database, durable: bool = False) -> Iterator[sa.Connection]:
        if is_away.is_set() and current_thread().name.startswith("deployx-worker"):
            refused.set()
            raise Unavailable("disk full")
        with write(self, durable) as c:
            yield c

    monkeypatch.setattr(Database, "write", away)
    is_away.set()
    execution = bench.queue("x")
    assert refused.wait(60)
    bench.until(lambda: bench.engine.troubles() == ("no target can start: disk full",))
    assert transport.specs == []
    is_away.clear()
    assert bench.ended(execution).status is ExecutionStatus.SUCCEEDED
    assert len(transport.specs) == 1


def test_results_wait_for_a_database_that_is_away_and_it_is_said_once(
    bench: Bench, transport: ScriptedTransport, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bench.add_devices("web1")
    is_away, refused = Event(), Event()
    finish_many = targets.finish_many

    def away(*facts: object) -> object:
        if is_away.is_set():
            refused.set()
            raise Unavailable("disk full")
        return finish_many(*facts)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(targets, "finish_many", away)
    is_away.set()
    transport.behaviour = says(b"kept")
    execution = bench.queue("x")
    for _ in range(3):
        assert refused.wait(60)
        refused.clear()
    assert bench.engine.troubles() == ("results wait: disk full",)
    target = bench.targets(execution)["web1"]
    assert target.state is TargetState.RUNNING
    assert bench.output_of(target) == b"kept"
    is_away.clear()
    assert bench.ended(execution).status is ExecutionStatus.SUCCEEDED
    assert bench.output_of(target) == b"kept"
    bench.until(lambda: bench.engine.troubles() == ())
    said = [record.message for record in caplog.records if record.name == "deployx_tui.engine.results"]
    assert said == ["results wait: disk full", "results are written again"]


def test_a_stop_waits_for_a_disk_that_is_full_and_loses_no_result(
    sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_full, refused = Event(), Event()
    is_full.set()
    finish_many = targets.finish_many

    def full(*facts: object) -> object:
        if is_full.is_set():
            refused.set()
            raise Unavailable("database or disk is full")
        return finish_many(*facts)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(targets, "finish_many", full)
    settings = EngineSettings(kill_wait=timedelta(0))
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.LOCAL: transport}, settings) as bench:
        bench.add_devices("web1")
        execution = bench.queue("x")
        assert refused.wait(60)
        stopping = Thread(target=bench.engine.stop, args=[timedelta(0)])
        stopping.start()
        # asked again while it stops
        for _ in range(3):
            refused.clear()
            assert refused.wait(60)
        assert stopping.is_alive()
        is_full.clear()
        stopping.join(60)
        assert not stopping.is_alive()
        assert bench.get(execution).status is ExecutionStatus.SUCCEEDED


def test_a_stop_ends_although_the_disk_stays_full_and_the_next_engine_tells_the_truth(
    sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_full, refused = Event(), Event()
    finish_many = targets.finish_many

    def full(*facts: object) -> object:
        if is_full.is_set():
            refused.set()
            raise Unavailable("database or disk is full")
        return finish_many(*facts)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(targets, "finish_many", full)
    monkeypatch.setattr("deployx_tui.engine.results._MOST_WAITING", 1)
    monkeypatch.setattr("deployx_tui.engine.engine.RESULTS_PATIENCE", timedelta(seconds=0.1))
    monkeypatch.setattr("deployx_tui.engine.engine._JOIN_SECONDS", 0.5)
    settings = EngineSettings(kill_wait=timedelta(0), workers=1)
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.LOCAL: transport}, settings) as bench:
        bench.add_devices(*(f"web{number}" for number in range(20)))
        is_full.set()
        execution = bench.queue("x")
        assert refused.wait(60)
        stopping = Thread(target=bench.engine.stop, args=[timedelta(0)])
        stopping.start()
        stopping.join(60)
        assert not stopping.is_alive()
    is_full.clear()
    with engine_on(
        sqlite_database, tmp_path / "output", {TransportKind.LOCAL: transport}, owner=bench.owner
    ) as following:
        run = following.ended(execution)
        assert run.status is ExecutionStatus.PARTIALLY_SUCCEEDED
        states = [target.state for target in following.targets(run).values()]
        assert TargetState.LOST in states
        assert len(states) == 20
    # nothing was run twice; of what is lost nobody knows whether it ran
    assert 20 - states.count(TargetState.LOST) <= len(transport.specs) <= 20
