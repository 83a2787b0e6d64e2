"""How executions end: by what their targets add up to, by a cancel, or for a reason that no target has."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from deployx_tui.model.codec import canonical
from deployx_tui.model.execution import Cause, ExecutionStatus, TargetCounts, TargetState
from deployx_tui.model.ids import ExecutionId, TaskId
from deployx_tui.model.task import TaskState
from deployx_tui.store import events, outcome
from deployx_tui.store.executions import IS_ALIVE
from deployx_tui.store.schema import execution_batches, execution_targets, executions, scheduled_tasks
from deployx_tui.store.search import RunText, remember


def finish(c: Connection, execution: ExecutionId, now_ms: int) -> ExecutionStatus:
    """End an execution whose targets are all over: status, counts and sentence come from them.

    Called again after a target that counted as lost ended after all, it is computed anew; else a second call, or one
    while a target waits or runs, changes nothing. Returns the status that stands afterwards.
    """
    run = c.execute(
        sa.select(executions.c.status, executions.c.cancel_requested, executions.c.wait_reason, executions.c.result)
        .where(executions.c.id == execution)
        .with_for_update()
    ).one()
    before = ExecutionStatus(run.status)
    status, why, found = verdict(c, execution, is_cancelled=bool(run.cancel_requested))
    if found.waiting or found.running:
        return before
    result = canonical(dict(outcome.counts_to_json(found)))
    if not before.is_alive and (not found.total or result == run.result):
        return before
    if status is ExecutionStatus.CANCELLED and not found.total:
        why = outcome.cancelled_unplanned(run.wait_reason)
    _end(c, execution, status, why, now_ms, result=result)
    return status


def verdict(c: Connection, execution: ExecutionId, *, is_cancelled: bool) -> tuple[ExecutionStatus, str, TargetCounts]:
    """What its targets add up to, the sentence that says why, and how many ended how. Only asked: see `finish`."""
    ended = _ended(c, execution)
    found = outcome.counts(ended)
    status = outcome.status_of(found, is_cancelled=is_cancelled)
    return status, outcome.sentence(ended, _first_failures(c, execution)), found


def fail(c: Connection, execution: ExecutionId, why: str, now_ms: int) -> None:
    """End an execution that could not be planned or run at all, saying why. One that is over stays as it is."""
    _end(c, execution, ExecutionStatus.FAILED, why, now_ms, only_alive=True)


def miss(c: Connection, execution: ExecutionId, why: str, now_ms: int) -> None:
    """End an execution that nothing was started of, and that is too late now."""
    _end(c, execution, ExecutionStatus.MISSED, why, now_ms, only_alive=True)


def skip(c: Connection, execution: ExecutionId, why: str, now_ms: int) -> None:
    """End an execution that has nothing to do, saying why. One that is over stays as it is."""
    _end(c, execution, ExecutionStatus.SKIPPED, why, now_ms, only_alive=True)


def request_cancel(c: Connection, execution: ExecutionId, now_ms: int) -> bool:
    """Waiting targets end cancelled, running ones are marked for the engine to kill; with none running it is over.

    False: it was over already.
    """
    asked = c.execute(sa.update(executions).where(executions.c.id == execution, IS_ALIVE).values(cancel_requested=1))
    if asked.rowcount == 0:
        return False
    of_run = execution_targets.c.execution_id == execution
    c.execute(
        sa.update(execution_targets)
        .where(of_run, execution_targets.c.state == TargetState.WAITING.value)
        .values(state=TargetState.CANCELLED.value, cancel_requested=1, finished_at=now_ms)
    )
    running = c.execute(
        sa.update(execution_targets)
        .where(of_run, execution_targets.c.state == TargetState.RUNNING.value)
        .values(cancel_requested=1)
    )
    if running.rowcount == 0:
        finish(c, execution, now_ms)
    else:
        events.append(c, "execution.changed", at_ms=now_ms, execution_id=execution, facts=[("cancel_requested", 1)])
    return True


def _end(
    c: Connection,
    execution: ExecutionId,
    status: ExecutionStatus,
    why: str,
    now_ms: int,
    *,
    result: str | None = None,
    only_alive: bool = False,
) -> None:
    statement = sa.update(executions).where(executions.c.id == execution)
    if only_alive:
        statement = statement.where(IS_ALIVE)
    row = c.execute(
        statement.values(
            status=status.value, wait_reason=None, completed_time=now_ms, result=result, error_message=why
        ).returning(executions.c.task_id, executions.c.task_name, executions.c.summary)
    ).one_or_none()
    if row is None:
        return
    c.execute(sa.update(execution_batches).where(execution_batches.c.execution_id == execution).values(status="done"))
    if row.task_id is not None:
        _settle_task(c, TaskId(row.task_id), execution)
    remember(c, [RunText(execution, None, f"{row.task_name} {row.summary} {why}")])
    events.append(
        c,
        "execution.finished",
        at_ms=now_ms,
        task_id=row.task_id,
        execution_id=execution,
        facts=[("status", status.value)],
    )


def _settle_task(c: Connection, task: TaskId, last: ExecutionId) -> None:
    """A run of a task is over: it is the last one now; with no instant left and none alive the task is finished.

    A deleted one has no instant because it is deleted: whether any is left is seen when it is restored.
    """
    t = scheduled_tasks
    c.execute(sa.update(t).where(t.c.id == task).values(last_execution_id=last))
    alive = sa.exists().where(executions.c.task_id == task, IS_ALIVE)
    c.execute(
        sa.update(t)
        .where(t.c.id == task, t.c.state == TaskState.ACTIVE.value, t.c.next_execution.is_(None), ~alive)
        .where(t.c.deleted_at.is_(None))
        .values(state=TaskState.FINISHED.value)
    )


def _ended(c: Connection, execution: ExecutionId) -> list[outcome.Ended]:
    t = execution_targets.c
    kinds = (t.state, t.exit_code, t.signal, t.cause, t.changed)
    rows = c.execute(sa.select(*kinds, sa.func.count().label("n")).where(t.execution_id == execution).group_by(*kinds))
    return [_to_ended(row, row.n) for row in rows]


def _first_failures(c: Connection, execution: ExecutionId) -> list[tuple[str, outcome.Ended]]:
    t = execution_targets.c
    fine = (TargetState.SUCCEEDED, TargetState.CANCELLED, TargetState.SKIPPED)
    rows = c.execute(
        sa.select(t.device_name, t.state, t.exit_code, t.signal, t.cause, t.changed)
        .where(t.execution_id == execution, t.state.not_in([state.value for state in fine]))
        .order_by(t.id)
        .limit(3)
    )
    return [(row.device_name, _to_ended(row, 1)) for row in rows]


def _to_ended(row: Any, count: int) -> outcome.Ended:
    cause = None if row.cause is None else Cause(row.cause)
    changed = None if row.changed is None else bool(row.changed)
    return outcome.Ended(TargetState(row.state), row.exit_code, row.signal, cause, count, changed)
