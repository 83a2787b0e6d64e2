"""What the engine starts and when: a due task by itself, many runs beside each other, idleness."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.device import TransportKind
from deployx_tui.model.execution import (
    ExecutionQuery,
    ExecutionStatus,
    Trigger,
)
from deployx_tui.model.ids import ExecutionId, TaskId
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.model.schedule import Once, Schedule
from deployx_tui.model.task import TaskDraft, TaskState
from deployx_tui.store import history, tasks
from deployx_tui.store.clock import now_ms, to_ms
from deployx_tui.store.database import Database
from deployx_tui.transports.base import (
    CommandSpec,
    Exited,
    Outcome,
    OutputSink,
)
from tests.support.bench import Bench, engine_on
from tests.support.scripted_transport import Gate, ScriptedTransport, says


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
