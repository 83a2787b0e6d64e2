from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest
from sqlalchemy import Connection, insert

from deployx_tui.errors import NotFound
from deployx_tui.model.device import DeviceDraft
from deployx_tui.model.execution import (
    Cause,
    Execution,
    ExecutionQuery,
    ExecutionStatus,
    TargetCounts,
    TargetState,
)
from deployx_tui.model.ids import DeviceId, ExecutionId, TaskId, UserId
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.model.schedule import Daily, Schedule
from deployx_tui.model.task import TaskDraft
from deployx_tui.store import devices, history, results, tasks
from deployx_tui.store.clock import from_ms
from deployx_tui.store.database import Database
from deployx_tui.store.schema import users
from tests.support.plans import recorded
from tests.support.runs import add_run

ADA, BOB = UserId(1), UserId(2)
FAILED, SUCCEEDED, RUNNING = ExecutionStatus.FAILED, ExecutionStatus.SUCCEEDED, ExecutionStatus.RUNNING


def _task(c: Connection, name: str = "nightly") -> TaskId:
    schedule = Schedule(recurrence=Daily((time(3),)), zone="UTC")
    return tasks.add(c, TaskDraft(name=name, schedule=schedule, payload=CommandPayload(body=Line("x"))), ADA, None, 1)


def _device(c: Connection, name: str) -> DeviceId:
    return devices.add(c, DeviceDraft(name=name, address="x"), ADA, 1)


def _ids(c: Connection, owner: UserId | None = None, limit: int = 2, **query: object) -> list[int]:
    found: list[int] = []
    cursor = None
    while True:
        asked = ExecutionQuery(limit=limit, cursor=cursor, **query)  # type: ignore[arg-type]  # a test's shorthand
        some, cursor = history.page(c, asked, owner)
        assert len(some) <= limit
        found += [run.id for run in some]
        if cursor is None:
            return found


@pytest.fixture
def past(c: Connection) -> Connection:
    """Runs 1 to 6; the clock stood back between 3 and 4."""
    c.execute(insert(users).values(id=2, username="bob", role="operator", created_at=0))
    web, db = _device(c, "web01"), _device(c, "db01")
    task = _task(c)
    add_run(c, 10, SUCCEEDED, task=task, targets=[web], texts={web: "all fine"})
    add_run(c, 20, FAILED, task=task, targets={web: TargetState.FAILED, db: TargetState.SUCCEEDED}, error="boom")
    add_run(c, 30, SUCCEEDED, name="ad hoc", targets=[db], owner=2, texts={db: "disk full on /var"})
    add_run(c, 25, SUCCEEDED, task=task, targets=[web, db])
    add_run(c, 40, ExecutionStatus.MISSED, task=task)
    add_run(c, 50, RUNNING, name="uptime", targets={web: TargetState.RUNNING, db: TargetState.WAITING})
    return c


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_history_is_newest_first_and_paged_by_key_under_every_filter(past: Connection, limit: int) -> None:
    assert _ids(past, limit=limit) == [6, 5, 3, 4, 2, 1]
    assert _ids(past, limit=limit, task_id=TaskId(1)) == [5, 4, 2, 1]
    assert _ids(past, limit=limit, statuses=frozenset({FAILED, RUNNING})) == [6, 2]
    assert _ids(past, limit=limit, device_id=DeviceId(1)) == [6, 4, 2, 1]
    assert _ids(past, limit=limit, since=from_ms(25), until=from_ms(40)) == [5, 3, 4]
    assert _ids(past, limit=limit, device_id=DeviceId(2), since=from_ms(25)) == [6, 4, 3]
    assert _ids(past, limit=limit, device_id=DeviceId(2), until=from_ms(25)) == [4, 2]
    assert _ids(past, limit=limit, text="nightly") == [5, 4, 2, 1]
    assert _ids(past, limit=limit, text="nightly !boom") == [5, 4, 1]
    assert _ids(past, limit=limit, text="!nightly") == [6, 3]
    assert _ids(past, limit=limit, text="nightly", statuses=frozenset({SUCCEEDED}), device_id=DeviceId(2)) == [4]
    assert _ids(past, limit=limit, text="/var full") == [3]
    assert _ids(past, limit=limit, text="...") == [6, 5, 3, 4, 2, 1]
    assert _ids(past, BOB, limit=limit) == [3]
    assert _ids(past, BOB, limit=limit, text="nightly") == []


def test_an_execution_says_what_is_known_of_it(past: Connection) -> None:
    run = history.get(past, ExecutionId(2))
    assert (run.status, run.task_id, run.task_name, run.error_message) == (FAILED, 1, "nightly", "boom")
    assert (run.created_at, run.scheduled_for, run.started_at) == (from_ms(20), from_ms(20), None)
    assert run.targets == TargetCounts(total=2, failed=1, succeeded=1)
    assert history.get(past, ExecutionId(6)).targets == TargetCounts(total=2, running=1, waiting=1)
    assert history.get(past, ExecutionId(5)).targets == TargetCounts()
    assert history.get(past, ExecutionId(3), BOB).id == 3
    for execution, owner in ((99, None), (1, BOB)):
        with pytest.raises(NotFound):
            history.get(past, ExecutionId(execution), owner)


def test_the_latest_runs_of_many_tasks_come_with_one_query(c: Connection) -> None:
    wanted = [_task(c, f"t{number}") for number in range(3)]
    twenty = [add_run(c, at, FAILED if at == 19 else SUCCEEDED, task=wanted[0]) for at in range(20)]
    newest_by_time = add_run(c, 100, task=wanted[1])
    add_run(c, 50, task=wanted[1])
    found = history.latest(c, wanted, 12)
    assert [run for run, _ in found[wanted[0]]] == twenty[:7:-1]
    assert [status for _, status in found[wanted[0]][:2]] == [FAILED, SUCCEEDED]
    assert found[wanted[1]][0][0] == newest_by_time
    assert wanted[2] not in found
    assert history.latest(c, [], 12) == {}
    assert history.by_ids(c, twenty[:2])[twenty[1]].created_at == from_ms(1)


def test_targets_page_in_the_order_of_the_plan(past: Connection) -> None:
    first, cursor = results.page(past, ExecutionId(2), limit=1)
    assert [target.device_id for target in first] == [1]
    assert cursor is not None
    second, end = results.page(past, ExecutionId(2), limit=1, cursor=cursor)
    assert ([target.device_id for target in second], end) == ([2], None)
    failed, _ = results.page(past, ExecutionId(2), frozenset({TargetState.FAILED}))
    assert [(target.device, target.cause, target.error_message) for target in failed] == [
        ("device1", Cause.EXIT, "failed here")
    ]
    assert results.get(past, ExecutionId(2), DeviceId(2)).state is TargetState.SUCCEEDED
    with pytest.raises(NotFound):
        results.get(past, ExecutionId(1), DeviceId(2))


def test_causes_fold_equal_reasons_the_most_frequent_first(c: Connection) -> None:
    hosts = [_device(c, f"h{number}") for number in range(4)]
    states = [TargetState.UNREACHABLE, TargetState.FAILED, TargetState.FAILED, TargetState.SUCCEEDED]
    run = add_run(c, 1, FAILED, targets=dict(zip(hosts, states, strict=True)))
    assert [(cause.message, cause.devices) for cause in results.causes(c, run)] == [
        ("failed here", ("device2", "device3")),
        ("unreachable here", ("device1",)),
    ]
    assert [target.device_id for target in results.every(c, run)] == hosts
    assert results.failed_in(c, run) == results.failed_in(c, run, ADA) == set(hosts[:3])
    assert results.failed_in(c, run, BOB) == frozenset()


def test_a_calendar_counts_by_due_time(past: Connection) -> None:
    counts = history.counts_between(past, [0, 20, 40, 60], None)
    assert counts.by_status == {SUCCEEDED: 3, FAILED: 1, ExecutionStatus.MISSED: 1, RUNNING: 1}
    assert counts.by_part == (1, 3, 2)
    assert history.counts_between(past, [0, 30, 60], BOB).by_status == {SUCCEEDED: 1}
    assert history.counts_between(past, [100, 110, 120], None) == history.SpanCounts({}, (0, 0))


def test_a_day_folds_the_tasks_that_ran_often(past: Connection) -> None:
    often = history.frequent_between(past, 0, 60, None, more_than=3)
    assert {(line.status, line.count, line.first, line.execution_id) for line in often} == {
        (SUCCEEDED, 2, from_ms(10), 4),
        (FAILED, 1, from_ms(20), 2),
        (ExecutionStatus.MISSED, 1, from_ms(40), 5),
    }
    rest = history.due_between(past, 0, 60, None, [line.task_id for line in often], limit=10)
    assert [run.id for run in rest] == [3, 6]

    def due(first: int, last: int, limit: int) -> list[Execution]:
        return list(history.due_between(past, first, last, None, [], limit))

    assert [run.id for run in due(0, 60, 3)] == [1, 2, 4]
    assert [run.id for run in due(20, 25, 9)] == [2]


def test_history_is_read_through_indexes(sqlite_database: Database) -> None:
    with sqlite_database.write() as c:
        c.execute(insert(users).values(id=1, username="ada", role="admin", created_at=0))
        host, task = _device(c, "web01"), _task(c)
        for at in range(5):
            add_run(c, at, task=task, targets=[host])
    asked = {
        "ix_executions_created": ExecutionQuery(limit=2, since=from_ms(1)),
        "ix_executions_task": ExecutionQuery(limit=2, task_id=task),
        "ix_executions_status": ExecutionQuery(limit=2, statuses=frozenset({SUCCEEDED})),
        "ix_targets_device": ExecutionQuery(limit=2, device_id=host, since=from_ms(1)),
        "history_search": ExecutionQuery(limit=2, text="nightly"),
    }
    for index, query in asked.items():
        cursor = None
        for _ in range(2):
            with sqlite_database.read() as c, recorded(c) as plans:
                _, cursor = history.page(c, replace(query, cursor=cursor))
            # each walk is in the order of its index; only words sort, a chunk of 200 at most
            plans.assert_indexed(sorting=bool(query.text))
            assert plans.use(index), plans
    with sqlite_database.read() as c, recorded(c) as plans:
        history.latest(c, [task], 12)
    plans.assert_indexed()
    assert plans.use("ix_executions_task")
    with sqlite_database.read() as c, recorded(c) as plans:
        history.counts_between(c, [0, 1, 2], None)
        history.frequent_between(c, 0, 9, None, 1)
        history.due_between(c, 0, 9, None, [], 5)
        results.page(c, ExecutionId(1), frozenset({TargetState.FAILED}))
        results.causes(c, ExecutionId(1))
    plans.assert_indexed(sorting=True)
    assert plans.use("COVERING INDEX ix_executions_due")
