"""Every query that the engine makes in a loop goes through an index: read off SQLite's plans."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from deployx_tui.model.execution import TargetState
from deployx_tui.model.ids import EngineId, ExecutionId, TargetId, TaskId, UserId
from deployx_tui.store import claims, endings, engines, events, executions, orphans, targets
from deployx_tui.store.claims import DueTask
from deployx_tui.store.database import Database
from deployx_tui.store.targets import Progress, TargetEnd, TargetStart
from tests.support.plans import recorded
from tests.support.rows import NOW_MS, add_device, add_engine, add_run, add_task, add_user, plan

#: tables of one row, or one per living engine
SMALL = ("engines", "holder", "event_stream")

RUN, TASK, TARGET = ExecutionId(1), TaskId(1), TargetId(1)
ENGINE = EngineId("e1")


def _prepare(c: Connection) -> None:
    owner = add_user(c)
    add_engine(c)
    task = add_task(c, owner)
    run = add_run(c, owner, task=task, engine=ENGINE)
    batch = plan(c, run, [(add_device(c, owner, "a"), "a"), (add_device(c, owner, "b"), "b")])
    assert (run, targets.of_batch(c, batch)[0].id) == (RUN, TARGET)


def _task(c: Connection) -> DueTask:
    return claims.due(c, NOW_MS, 1)[0]


def _end(state: TargetState = TargetState.SUCCEEDED) -> TargetEnd:
    return TargetEnd(state=state, at_ms=NOW_MS)


def _start_and_end(c: Connection) -> None:
    assert targets.start(c, TARGET, ENGINE, "t", NOW_MS)
    targets.finish_many(c, [(TARGET, "t", _end())])


def _progress(c: Connection) -> None:
    assert targets.start(c, TARGET, ENGINE, "t", NOW_MS)
    targets.progress(c, [Progress(TARGET, RUN, "t", 1, 2)], NOW_MS)


QUERIES: dict[str, Callable[[Connection], object]] = {
    "due": lambda c: claims.due(c, NOW_MS, 500),
    "next due": claims.next_due,
    "scheduled": lambda c: claims.scheduled(c, TaskId(0), 500),
    "still as read": lambda c: claims.still_as_read(c, [_task(c)]),
    "alive runs": lambda c: claims.alive_runs(c, [_task(c)]),
    "reschedule": lambda c: claims.reschedule(c, [(_task(c), NOW_MS + 1)]),
    "insert": lambda c: add_run(c, UserId(1), task=TASK, key="m:1", engine=ENGINE),
    "insert ad hoc": lambda c: [add_run(c, UserId(1), key="m:9") for _ in range(2)],
    "load": lambda c: executions.load_run(c, RUN),
    "queued": lambda c: executions.queued(c, ENGINE),
    "batches": lambda c: executions.batches(c, RUN),
    "set running": lambda c: executions.set_running(c, RUN, NOW_MS),
    "finish": lambda c: endings.finish(c, RUN, NOW_MS),
    "fail": lambda c: endings.fail(c, RUN, "x", NOW_MS),
    "cancel": lambda c: endings.request_cancel(c, RUN, NOW_MS),
    "of batch": lambda c: targets.of_batch(c, executions.batches(c, RUN)[0], TargetState.WAITING),
    "start": lambda c: targets.start_many(c, ENGINE, [TargetStart(TARGET, "t")], NOW_MS),
    "end": _start_and_end,
    "progress": _progress,
    "skip": lambda c: targets.skip_waiting(c, RUN, "x", NOW_MS),
    "orphans exist": orphans.exist,
    "orphans": orphans.left_behind,
    "lose": lambda c: orphans.lose_targets(c, NOW_MS),
    "adopt": lambda c: orphans.adopt(c, RUN, ENGINE, NOW_MS),
    "beat": lambda c: engines.beat(c, ENGINE, NOW_MS),
    "is registered": lambda c: engines.is_registered(c, ENGINE),
    "newest event": events.newest,
    "oldest event": events.oldest,
    "events": lambda c: events.after(c, "x", 0, 100),
    "prune events": lambda c: events.forget_before(c, NOW_MS, 100),
    "prune growth": lambda c: events.forget_growth(c, NOW_MS, 100),
    "prune runs": lambda c: executions.forget_before(c, NOW_MS, 100),
    "exist": lambda c: executions.exist(c, [RUN]),
    "alive": lambda c: executions.alive(c, ENGINE),
    "cancels asked": lambda c: executions.cancels_asked(c, ENGINE),
}


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_of_the_engine_has_its_index(sqlite_database: Database, name: str) -> None:
    with sqlite_database.write() as c:
        _prepare(c)
        with recorded(c) as plans:
            QUERIES[name](c)
    # what is sorted are an engine's own queue and the groups of one execution's targets
    plans.assert_indexed(sorting=name in ("queued", "orphans", "finish", "cancel"), small=SMALL)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("due", "ix_scheduled_tasks_due"),
        ("next due", "ix_scheduled_tasks_due"),
        ("alive runs", "ix_executions_task_alive"),
        ("queued", "ix_executions_status"),
        ("orphans exist", "ix_executions_status"),
        ("orphans exist", "ix_targets_running"),
        ("lose", "ix_targets_running"),
        ("prune events", "ix_events_at"),
    ],
)
def test_what_runs_at_every_tick_reads_the_few_rows_that_matter(
    sqlite_database: Database, name: str, index: str
) -> None:
    """Through an index of the living rows alone: a long history costs nothing."""
    with sqlite_database.write() as c:
        _prepare(c)
        with recorded(c) as plans:
            QUERIES[name](c)
    assert plans.use(index), plans
