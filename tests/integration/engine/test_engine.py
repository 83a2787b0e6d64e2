"""The engine: each run ends once, as its targets did, whatever they, the database or our own code do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread, current_thread

import pytest
import sqlalchemy as sa

from deployx_tui.engine.engine import Engine
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.errors import DatabaseRefused, Unavailable
from deployx_tui.model.device import Contact, DeviceDraft, GroupDraft, HostKeyPolicy, TransportKind
from deployx_tui.model.execution import (
    Cause,
    ExecutionQuery,
    ExecutionStatus,
    KillReport,
    KillVerdict,
    Stream,
    TargetState,
    Trigger,
)
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId, TaskId
from deployx_tui.model.payload import CommandPayload, Commands, Line
from deployx_tui.model.schedule import Once, Schedule
from deployx_tui.model.task import TaskDraft, TaskState
from deployx_tui.output.frames import decode
from deployx_tui.output.store import OutputStore
from deployx_tui.planning.plan import make_plan
from deployx_tui.store import devices, executions, groups, history, schema, targets, tasks
from deployx_tui.store.clock import now_ms, to_ms
from deployx_tui.store.database import Database
from deployx_tui.transports.base import (
    CommandSpec,
    Exited,
    Outcome,
    OutputSink,
    Signalled,
    TimedOut,
    Unknown,
    Unreached,
)
from tests.support.bench import Bench, engine_on
from tests.support.scripted_transport import Gate, ScriptedTransport, says


def ends(outcome: Outcome):  # type: ignore[no-untyped-def]  # a behaviour
    return lambda spec, sink, cancel: outcome


def event_types(bench: Bench, execution: int) -> list[str]:
    with bench.database.read() as c:
        rows = c.execute(
            sa.select(schema.events.c.type)
            .where(schema.events.c.execution_id == execution)
            .order_by(schema.events.c.number)
        )
        return [row.type for row in rows]


def contact(bench: Bench, device: DeviceId) -> Contact:
    with bench.database.read() as c:
        return devices.get(c, device).contact


# -- how a run ends


def test_every_target_succeeded_is_succeeded(any_bench: Bench, transport: ScriptedTransport) -> None:
    bench = any_bench
    bench.add_devices("web1", "web2", "db1")
    transport.behaviour = says(b"hello\n")
    run = bench.run("uptime", on="web*")
    assert (run.status, run.error_message) == (ExecutionStatus.SUCCEEDED, "")
    assert (run.targets.total, run.targets.succeeded) == (2, 2)
    targets_ = bench.targets(run)
    assert sorted(targets_) == ["web1", "web2"]
    assert all(t.state is TargetState.SUCCEEDED and t.exit_code == 0 and t.stdout_bytes == 6 for t in targets_.values())
    assert bench.output_of(targets_["web1"]) == b"hello\n"
    assert run.plan_sha256 is not None
    assert run.started_at is not None
    assert run.finished_at is not None
    assert transport.released == 2


def test_some_failed_is_partially_succeeded_and_all_failed_is_failed(
    bench: Bench, transport: ScriptedTransport
) -> None:
    bench.add_devices("web1", "web2", "web3")
    transport.by_name["web2"] = ends(Exited(3))
    partly = bench.run("x", on="web*")
    assert partly.status is ExecutionStatus.PARTIALLY_SUCCEEDED
    assert partly.error_message == "1 of 3 targets failed: web2 exit 3"
    transport.behaviour = ends(Signalled("SEGV"))
    assert bench.run("x", on="web1,web2").status is ExecutionStatus.FAILED


def test_each_target_says_what_is_known_of_it(any_bench: Bench, transport: ScriptedTransport) -> None:
    bench = any_bench
    ids = dict(zip("abcdef", bench.add_devices(*"abcdef"), strict=True))
    killed = KillReport(KillVerdict.KILLED)
    transport.unreached["a"] = Unreached(Cause.CONNECT_TIMEOUT, "no answer in 10 s", "is it up?")
    transport.unreached["b"] = Unreached(Cause.HOST_KEY, "its key is unknown", "run deployx device trust b")
    transport.unreached["c"] = Unreached(Cause.AUTH, "no key fits", "")
    transport.by_name["d"] = ends(TimedOut(killed))
    transport.by_name["e"] = ends(Unknown(Cause.LOST, "the connection broke", datetime.now(UTC)))
    transport.by_name["f"] = ends(Signalled("TERM"))
    run = bench.run("x", timeout=5)
    found = bench.targets(run)
    assert {name: (t.state, t.cause) for name, t in found.items()} == {
        "a": (TargetState.UNREACHABLE, Cause.CONNECT_TIMEOUT),
        "b": (TargetState.UNREACHABLE, Cause.HOST_KEY),
        "c": (TargetState.UNREACHABLE, Cause.AUTH),
        "d": (TargetState.TIMED_OUT, Cause.TIMEOUT),
        "e": (TargetState.LOST, Cause.LOST),
        "f": (TargetState.FAILED, Cause.SIGNAL),
    }
    assert found["d"].kill == killed
    assert found["f"].signal == "TERM"
    assert found["b"].error_message == "its key is unknown (run deployx device trust b)"
    assert (found["a"].changed, found["e"].changed) == (False, None)
    assert {name: contact(bench, id_) for name, id_ in ids.items()} == {
        "a": Contact.UNREACHABLE,
        "b": Contact.HOST_KEY,
        "c": Contact.AUTH,
        "d": Contact.OK,
        "e": Contact.OK,
        "f": Contact.OK,
    }
    assert run.status is ExecutionStatus.LOST


def test_a_failing_command_of_a_list_is_named(bench: Bench, transport: ScriptedTransport) -> None:
    bench.add_devices("web1")
    codes = iter([0, 7])
    transport.behaviour = lambda spec, sink, cancel: Exited(next(codes))
    run = bench.run(CommandPayload(body=Commands(("first", "second", "third"))))
    target = bench.targets(run)["web1"]
    assert (target.state, target.exit_code) == (TargetState.FAILED, 7)
    assert target.error_message == "command 2 of 3 (second): exit 7"
    assert [spec.script for spec in transport.specs] == ["first", "second"]


def test_a_selector_that_matches_nothing_is_skipped_and_says_so(bench: Bench) -> None:
    bench.add_devices("web1")
    run = bench.run("x", on="db*")
    assert run.status is ExecutionStatus.SKIPPED
    assert run.error_message == "selector 'db*' matches no device"
    assert run.targets.total == 0


def test_a_name_that_is_gone_fails_a_run_by_hand_and_does_not_hold_up_a_scheduled_one(bench: Bench) -> None:
    bench.add_devices("web1")
    run = bench.run("x", on="web1,web9")
    assert run.status is ExecutionStatus.FAILED
    assert "web9" in run.error_message
    scheduled = bench.ended(bench.queue("x", on="web1,web9", trigger=Trigger.SCHEDULE))
    assert scheduled.status is ExecutionStatus.SUCCEEDED
    assert list(bench.targets(scheduled)) == ["web1"]


def test_the_plan_is_kept_and_says_why_each_target_is_in(bench: Bench) -> None:
    bench.add_devices("web1", "web2")
    run = bench.run("uptime", on="web*")
    with bench.database.read() as c:
        row = executions.load_run(c, run.id)
    assert row is not None
    assert row.plan_json is not None
    plan = json.loads(row.plan_json)
    assert [(t["device_name"], t["why"]) for t in plan["targets"]] == [("web1", "web*"), ("web2", "web*")]


def test_a_run_ends_exactly_once_and_says_so_once(any_bench: Bench, transport: ScriptedTransport) -> None:
    bench = any_bench
    bench.add_devices(*(f"web{n}" for n in range(30)))
    run = bench.run("x")
    types = event_types(bench, run.id)
    assert types.count("execution.started") == 1
    assert types.count("execution.finished") == 1
    assert types[-1] == "execution.finished"
    assert types.count("target.changed") == 60


def test_a_device_that_was_deleted_after_the_plan_was_made_is_skipped(
    bench: Bench, transport: ScriptedTransport
) -> None:
    web1, web2 = bench.add_devices("web1", "web2")
    with bench.database.write() as c:
        execution = bench.insert(c, "x", on=[web1, web2])
        executions.freeze_plan(c, execution, "{}", "0" * 64, [[(web1, "web1"), (web2, "web2")]], now_ms())
        devices.remove(c, web2, None, now_ms())
    bench.engine.wake()
    run = bench.ended(execution)
    assert run.status is ExecutionStatus.PARTIALLY_SUCCEEDED
    assert bench.targets(run)["web2"].state is TargetState.SKIPPED
    assert bench.targets(run)["web2"].error_message == "the device was deleted"


# -- cancel


def test_a_cancel_kills_what_runs_and_starts_nothing_more(
    sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport
) -> None:
    gate = Gate()
    transport.behaviour = gate
    settings = EngineSettings(workers=3)
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.LOCAL: transport}, settings) as bench:
        bench.add_devices(*(f"web{n}" for n in range(8)))
        execution = bench.queue("sleep")
        for _ in range(3):
            gate.entered.acquire()
        bench.cancel(execution)
        run = bench.ended(execution)
        assert run.status is ExecutionStatus.CANCELLED
        found = bench.targets(run).values()
        assert sorted(t.attempts for t in found) == [0] * 5 + [1] * 3
        assert {t.state for t in found} == {TargetState.CANCELLED}
        assert all(t.kill == KillReport(KillVerdict.KILLED) for t in found if t.attempts)
        assert len(transport.specs) == 3
        assert event_types(bench, execution).count("execution.finished") == 1
        bench.until(bench.engine.is_idle)


def test_a_cancel_written_by_another_process_is_seen(any_bench: Bench, transport: ScriptedTransport) -> None:
    bench = any_bench
    bench.add_devices("web1")
    gate = Gate()
    transport.behaviour = gate
    execution = bench.queue("sleep")
    gate.entered.acquire()
    with bench.database.write() as c:
        executions.request_cancel(c, execution, now_ms())
    assert bench.ended(execution).status is ExecutionStatus.CANCELLED


def test_a_cancel_of_what_is_over_or_unknown_changes_nothing(bench: Bench) -> None:
    bench.add_devices("web1")
    run = bench.run("x")
    bench.cancel(run.id)
    assert bench.get(run.id).status is ExecutionStatus.SUCCEEDED


# -- many runs


def test_a_small_run_does_not_wait_for_a_large_one(
    sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport
) -> None:
    order: list[str] = []
    gate = Gate()

    def note(spec: CommandSpec, sink: OutputSink, cancel: Event) -> Outcome:
        order.append(spec.script)
        return Exited(0)

    transport.behaviour = note
    transport.by_name["first"] = gate
    settings = EngineSettings(workers=1)
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.LOCAL: transport}, settings) as bench:
        bench.add_devices("first", *(f"web{n}" for n in range(20)))
        holding = bench.queue("hold", on="first")
        gate.entered.acquire()
        large = bench.queue("large", on="web*")
        bench.until(lambda: bench.get(large).status is ExecutionStatus.RUNNING)
        small = bench.queue("small", on="web1")
        bench.until(lambda: bench.get(small).status is ExecutionStatus.RUNNING)
        gate.open.set()
        for each in (holding, large, small):
            bench.ended(each)
    assert order.index("small") < 10  # of 21: behind what had begun, before most of the large one


def test_many_runs_due_at_once_all_end(any_bench: Bench) -> None:
    bench = any_bench
    bench.add_devices("web1", "web2")
    queued = [bench.queue("x", on="web*") for _ in range(60)]
    assert {bench.ended(each).status for each in queued} == {ExecutionStatus.SUCCEEDED}
    bench.until(bench.engine.is_idle)
    assert bench.engine.counts() == (0, 0)


def test_idle_means_that_nothing_runs_or_is_queued(bench: Bench, transport: ScriptedTransport) -> None:
    bench.add_devices("web1")
    assert bench.engine.is_idle()
    gate = Gate()
    transport.behaviour = gate
    execution = bench.queue("x")
    gate.entered.acquire()
    assert not bench.engine.is_idle()
    assert bench.engine.counts() == (1, 0)
    gate.open.set()
    bench.ended(execution)
    bench.until(bench.engine.is_idle)
    assert bench.engine.lag_ms() >= 0


# -- output


def test_output_is_read_while_the_command_runs_and_its_growth_is_told(
    any_bench: Bench, transport: ScriptedTransport
) -> None:
    bench = any_bench
    bench.add_devices("web1")
    gate = Gate()

    def talk(spec: CommandSpec, sink: OutputSink, cancel: Event) -> Outcome:
        sink(Stream.STDOUT, b"working\n", datetime.now(UTC))
        return gate(spec, sink, cancel)

    transport.behaviour = talk
    execution = bench.queue("x")
    gate.entered.acquire()
    target = bench.targets(execution)["web1"]
    assert bench.output_of(target) == b"working\n"
    assert not bench.output.read(execution, target.id).complete
    bench.until(lambda: "output.grew" in event_types(bench, execution))
    bench.until(lambda: bench.targets(execution)["web1"].stdout_bytes == 8)
    # a second later it is on disk, so that a crash would not lose it
    bench.until(lambda: b"working" in stored_inline(bench, target.id))
    gate.open.set()
    bench.ended(execution)
    assert bench.output.read(execution, target.id).complete


def stored_inline(bench: Bench, target: int) -> bytes:
    with bench.database.read() as c:
        frames = c.scalar(sa.select(schema.outputs.c.frames).where(schema.outputs.c.target_id == target)) or b""
    return b"".join(frame.data for frame in decode(frames))


def test_equal_outputs_have_the_same_digest(bench: Bench, transport: ScriptedTransport) -> None:
    bench.add_devices("web1", "web2", "web3")
    transport.behaviour = says(b"same")
    transport.by_name["web3"] = says(b"other")
    run = bench.run("x")
    with bench.database.read() as c:
        digests = dict(
            c.execute(
                sa.select(schema.execution_targets.c.device_name, schema.execution_targets.c.output_sha256)
                .where(schema.execution_targets.c.execution_id == run.id)
            ).all()
        )  # fmt: skip
    assert digests["web1"] == digests["web2"] != digests["web3"]


# -- our own bugs, and a database that is away


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
    bench.until(bench.engine.is_idle)
    assert bench.engine.troubles() == ()


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
    # nothing was run twice
    assert len(transport.specs) == 20


# -- the end of an engine


def test_a_stop_starts_nothing_more_waits_and_leaves_the_rest_to_the_next_engine(
    sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport
) -> None:
    gate = Gate()
    transport.behaviour = gate
    settings = EngineSettings(workers=2)
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.LOCAL: transport}, settings) as bench:
        bench.add_devices("a", "b", "c", "d")
        execution = bench.queue("x")
        for _ in range(2):
            gate.entered.acquire()
        stopping = Thread(target=bench.engine.stop, args=(timedelta(seconds=60),))
        stopping.start()
        assert bench.engine._starts._stopping.wait(60)
        gate.open.set()
        stopping.join()
        states = sorted(t.state.value for t in bench.targets(execution).values())
        assert states == ["succeeded", "succeeded", "waiting", "waiting"]
        assert bench.get(execution).status is ExecutionStatus.RUNNING
        assert len(transport.specs) == 2


def test_a_stop_kills_what_runs_when_its_time_is_over(bench: Bench, transport: ScriptedTransport) -> None:
    bench.add_devices("web1")
    gate = Gate()
    transport.behaviour = gate
    execution = bench.queue("x")
    gate.entered.acquire()
    bench.engine.stop(timedelta(0))
    target = bench.targets(execution)["web1"]
    assert target.state is TargetState.CANCELLED
    assert target.kill == KillReport(KillVerdict.KILLED)


def test_a_second_stop_with_less_patience_makes_the_first_one_faster(
    bench: Bench, transport: ScriptedTransport
) -> None:
    bench.add_devices("web1")
    gate = Gate()
    transport.behaviour = gate
    execution = bench.queue("x")
    gate.entered.acquire()
    first = Thread(target=bench.engine.stop, args=(timedelta(days=1),))
    first.start()
    assert bench.engine._stopping.wait(60)
    bench.engine.stop(timedelta(0))
    first.join()
    assert bench.targets(execution)["web1"].state is TargetState.CANCELLED


def test_an_engine_that_could_not_start_can_be_stopped(bench: Bench, tmp_path: Path) -> None:
    second = Engine(bench.database, EngineSettings(), {}, bench.output)
    with pytest.raises(DatabaseRefused):
        second.start()
    second.stop(timedelta(0))


# -- host keys


def test_the_policy_of_a_device_is_its_own_else_the_strictest_of_its_groups(
    bench: Bench, transport: ScriptedTransport
) -> None:
    a, b, d = bench.add_devices("a", "b", "c")
    bench.add(
        DeviceDraft(
            name="own",
            address="127.0.0.1",
            transport=TransportKind.LOCAL,
            host_key_policy=HostKeyPolicy.ACCEPT_NEW,
        )
    )
    with bench.database.write() as c:
        inner = groups.add(
            c,
            GroupDraft(name="inner", devices=(a,), host_key_policy=HostKeyPolicy.STRICT),
            bench.owner,
            now_ms(),
        )
        groups.add(
            c,
            GroupDraft(name="outer", devices=(b,), groups=(inner,), host_key_policy=HostKeyPolicy.ACCEPT_NEW),
            bench.owner,
            now_ms(),
        )
    bench.run("x")
    found = {endpoint.name: endpoint.host_key_policy for endpoint in transport.endpoints}
    assert found == {
        "a": HostKeyPolicy.STRICT,
        "b": HostKeyPolicy.ACCEPT_NEW,
        "c": HostKeyPolicy.ASK,
        "own": HostKeyPolicy.ACCEPT_NEW,
    }
    assert d


# -- schedules


def test_a_task_that_is_due_runs_by_itself_and_is_finished_when_no_instant_is_left(
    bench: Bench, transport: ScriptedTransport
) -> None:
    (web1,) = bench.add_devices("web1")
    transport.behaviour = says(b"scheduled")
    at = datetime.now(UTC) + timedelta(milliseconds=300)
    draft = TaskDraft(
        name="soon",
        schedule=Schedule(recurrence=Once(at), zone="UTC"),
        payload=CommandPayload(body=Line("uptime")),
        device_ids=(web1,),
    )
    with bench.database.write() as c:
        task = tasks.add(c, draft, bench.owner, to_ms(at), now_ms())
    bench.engine.tasks_changed()
    bench.until(lambda: bool(runs_of(bench, task)))
    (execution,) = runs_of(bench, task)
    run = bench.ended(execution)
    assert (run.status, run.trigger) == (ExecutionStatus.SUCCEEDED, Trigger.SCHEDULE)
    assert run.scheduled_for == at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert bench.output_of(bench.targets(run)["web1"]) == b"scheduled"
    with bench.database.read() as c:
        assert tasks.get(c, task).state is TaskState.FINISHED
    assert bench.engine.lag_ms() < 60_000


def runs_of(bench: Bench, task: TaskId) -> tuple[ExecutionId, ...]:
    with bench.database.read() as c:
        return tuple(run.id for run in history.page(c, ExecutionQuery(task_id=task))[0])
