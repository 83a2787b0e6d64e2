"""Executions: their rows from the fire on. How they end is `store/endings.py`; who may see them, and lists, are
`store/history.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, TextClause

from deployx_tui.model.execution import ALIVE, ExecutionStatus, TargetState, Trigger
from deployx_tui.model.ids import BatchId, DeviceId, EngineId, ExecutionId, TaskId, UserId
from deployx_tui.store import events
from deployx_tui.store.dialects.insert import insert_new
from deployx_tui.store.schema import execution_batches, execution_targets, executions, scheduled_tasks
from deployx_tui.store.search import RunText, forget, remember

#: written out as in the partial indexes: with bound values SQLite's planner would not see that they fit
IS_ALIVE: TextClause = sa.text("scheduled_task_executions.status IN ('queued','waiting','awaiting_approval','running')")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """What the engine must know to run an execution."""

    id: ExecutionId
    #: None: an ad-hoc run
    task_id: TaskId | None
    task_version: int | None
    task_name: str
    summary: str
    trigger: Trigger
    status: ExecutionStatus
    #: on whose permissions it runs
    owner_id: UserId
    started_by: str
    scheduled_for_ms: int | None
    due_at_ms: int
    #: canonical JSON of the TaskDraft
    draft_json: str
    #: canonical JSON; None before it is planned. With a plan, the targets that still wait are what is left to do
    plan_json: str | None
    #: the engine that claimed it
    engine_id: EngineId | None
    cancel_requested: bool


def insert(
    c: Connection,
    *,
    task_id: TaskId | None,
    task_version: int | None,
    fire_key: str,
    trigger: Trigger,
    draft_json: str,
    owner_id: UserId,
    started_by: str,
    task_name: str,
    summary: str,
    engine_id: EngineId | None,
    status: ExecutionStatus,
    due_at_ms: int,
    scheduled_for_ms: int | None,
    now_ms: int,
) -> tuple[ExecutionId, bool]:
    """A new execution and True; or, when this task (or ad hoc) has this fire key already, that one and False."""
    new = c.scalar(
        insert_new(c, executions)
        .values(
            task_id=task_id,
            task_version=task_version,
            fire_key=fire_key,
            trigger=trigger.value,
            draft=draft_json,
            owner_id=owner_id,
            started_by=started_by,
            task_name=task_name,
            summary=summary,
            engine_id=engine_id,
            status=status.value,
            due_at=due_at_ms,
            scheduled_for=scheduled_for_ms,
            created_at=now_ms,
            completed_time=None if status.is_alive else now_ms,
        )
        .returning(executions.c.id)
    )
    if new is None:
        old = by_fire_key(c, task_id, fire_key)
        if old is None:
            raise LookupError(f"execution {fire_key!r} of task {task_id} is neither new nor there")
        return old, False
    id_ = ExecutionId(new)
    remember(c, [RunText(id_, None, f"{task_name} {summary}")])
    type_ = "execution.changed" if status.is_alive else "execution.finished"
    events.append(c, type_, at_ms=now_ms, task_id=task_id, execution_id=id_, facts=[("status", status.value)])
    return id_, True


def load_run(c: Connection, execution: ExecutionId) -> RunRow | None:
    """None: there is no such execution."""
    row = c.execute(sa.select(executions).where(executions.c.id == execution)).one_or_none()
    if row is None:
        return None
    return RunRow(
        id=ExecutionId(row.id),
        task_id=None if row.task_id is None else TaskId(row.task_id),
        task_version=row.task_version,
        task_name=row.task_name,
        summary=row.summary,
        trigger=Trigger(row.trigger),
        status=ExecutionStatus(row.status),
        owner_id=UserId(row.owner_id),
        started_by=row.started_by,
        scheduled_for_ms=row.scheduled_for,
        due_at_ms=row.due_at,
        draft_json=row.draft,
        plan_json=row.plan,
        engine_id=None if row.engine_id is None else EngineId(row.engine_id),
        cancel_requested=bool(row.cancel_requested),
    )


def by_fire_key(c: Connection, task: TaskId | None, fire_key: str) -> ExecutionId | None:
    """The execution of this task (None: ad hoc) with this fire key; None when there is none."""
    of_task = executions.c.task_id.is_(None) if task is None else executions.c.task_id == task
    found = c.scalar(sa.select(executions.c.id).where(of_task, executions.c.fire_key == fire_key))
    return None if found is None else ExecutionId(found)


def alive_of(c: Connection, task: TaskId) -> tuple[ExecutionId, ...]:
    """The executions of a task that are queued, waiting or running, the oldest first."""
    rows = c.scalars(sa.select(executions.c.id).where(executions.c.task_id == task, IS_ALIVE).order_by(executions.c.id))
    return tuple(ExecutionId(row) for row in rows)


def queued(c: Connection, engine: EngineId) -> tuple[ExecutionId, ...]:
    """What this engine has claimed or adopted and not yet started, the earliest due first."""
    is_queued = executions.c.status == ExecutionStatus.QUEUED.value
    rows = c.scalars(
        sa.select(executions.c.id)
        .where(executions.c.engine_id == engine, IS_ALIVE, is_queued)
        .order_by(executions.c.due_at, executions.c.id)
    )
    return tuple(ExecutionId(id_) for id_ in rows)


def freeze_plan(
    c: Connection,
    execution: ExecutionId,
    plan_json: str,
    sha256: str,
    batches: Sequence[Sequence[tuple[DeviceId, str]]],
    now_ms: int,
    summary: str = "",
) -> tuple[BatchId, ...]:
    """Keep the plan and its targets (device and its name), a batch after the other. Returns the batches' ids.

    `summary`: what it does, where that is known better than when it fired; "": it stays.

    () and nothing written when the execution was cancelled, is over, or was planned before.
    """
    frozen = c.execute(
        sa.update(executions)
        .where(executions.c.id == execution, IS_ALIVE, executions.c.cancel_requested == 0, executions.c.plan.is_(None))
        .values(plan=plan_json, plan_sha256=sha256, **({"summary": summary} if summary else {}))
        .returning(executions.c.task_id)
    ).one_or_none()
    if frozen is None:
        return ()
    ids = []
    for number, batch in enumerate(batches, start=1):
        new = sa.insert(execution_batches).values(execution_id=execution, number=number, status="queued")
        id_ = c.scalars(new.returning(execution_batches.c.id)).one()
        ids.append(BatchId(id_))
        if batch:
            common = {"execution_id": execution, "batch_id": id_, "batch": number, "state": TargetState.WAITING.value}
            rows = [{**common, "device_id": device, "device_name": name} for device, name in batch]
            c.execute(sa.insert(execution_targets), rows)
    events.append(
        c,
        "execution.changed",
        at_ms=now_ms,
        task_id=frozen.task_id,
        execution_id=execution,
        facts=[("targets", sum(len(batch) for batch in batches))],
    )
    return tuple(ids)


def batches(c: Connection, execution: ExecutionId) -> tuple[BatchId, ...]:
    """All of an execution's batches, in their order; () before it is planned."""
    rows = c.scalars(
        sa.select(execution_batches.c.id)
        .where(execution_batches.c.execution_id == execution)
        .order_by(execution_batches.c.number)
    )
    return tuple(BatchId(id_) for id_ in rows)


def set_running(c: Connection, execution: ExecutionId, now_ms: int, *, even_cancelled: bool = False) -> bool:
    """It runs now: said once in its life, and counted in its task. False: it was cancelled or is over.

    `even_cancelled`: something of it runs that is to be ended.
    """
    first = sa.func.coalesce(executions.c.execution_time, now_ms)
    may_run = () if even_cancelled else (executions.c.cancel_requested == 0,)
    row = c.execute(
        sa.update(executions)
        .where(executions.c.id == execution, IS_ALIVE, *may_run)
        .values(status=ExecutionStatus.RUNNING.value, wait_reason=None, execution_time=first)
        .returning(executions.c.task_id, executions.c.task_name, executions.c.summary, executions.c.execution_time)
    ).one_or_none()
    if row is None:
        return False
    if row.execution_time == now_ms and row.task_id is not None:
        c.execute(
            sa.update(scheduled_tasks)
            .where(scheduled_tasks.c.id == row.task_id)
            .values(execution_count=scheduled_tasks.c.execution_count + 1, last_execution=now_ms)
        )
    remember(c, [RunText(execution, None, f"{row.task_name} {row.summary}")])
    events.append(c, "execution.started", at_ms=now_ms, task_id=row.task_id, execution_id=execution)
    return True


def wait(c: Connection, execution: ExecutionId, reason: str, now_ms: int) -> None:
    """A queued one waits, for something that `reason` names; `release` lets it go on."""
    row = c.execute(
        sa.update(executions)
        .where(executions.c.id == execution, executions.c.status == ExecutionStatus.QUEUED.value)
        .values(status=ExecutionStatus.WAITING.value, wait_reason=reason)
        .returning(executions.c.task_id)
    ).one_or_none()
    if row is not None:
        facts = [("status", ExecutionStatus.WAITING.value), ("wait_reason", reason)]
        events.append(c, "execution.changed", at_ms=now_ms, task_id=row.task_id, execution_id=execution, facts=facts)


def release(c: Connection, engine: EngineId, reason: str, now_ms: int) -> tuple[ExecutionId, ...]:
    """What waits for it at this engine is queued again."""
    waits = executions.c.status == ExecutionStatus.WAITING.value
    rows = c.execute(
        sa.update(executions)
        .where(executions.c.engine_id == engine, IS_ALIVE, waits, executions.c.wait_reason == reason)
        .values(status=ExecutionStatus.QUEUED.value, wait_reason=None)
        .returning(executions.c.id, executions.c.task_id)
    ).all()
    for row in rows:
        events.append(
            c,
            "execution.changed",
            at_ms=now_ms,
            task_id=row.task_id,
            execution_id=ExecutionId(row.id),
            facts=[("status", ExecutionStatus.QUEUED.value)],
        )
    return tuple(ExecutionId(row.id) for row in rows)


def alive(c: Connection, engine: EngineId) -> Mapping[ExecutionStatus, int]:
    """How many executions of an engine are not over, by status."""
    rows = c.execute(
        sa.select(executions.c.status, sa.func.count().label("n"))
        .where(executions.c.engine_id == engine, IS_ALIVE)
        .group_by(executions.c.status)
    )
    return {ExecutionStatus(row.status): row.n for row in rows}


def cancels_asked(c: Connection, engine: EngineId) -> tuple[ExecutionId, ...]:
    """Executions of an engine that are not over and that somebody, maybe in another process, wants to stop."""
    rows = c.scalars(
        sa.select(executions.c.id).where(executions.c.engine_id == engine, IS_ALIVE, executions.c.cancel_requested == 1)
    )
    return tuple(ExecutionId(id_) for id_ in rows)


def forget_before(c: Connection, at_ms: int, limit: int) -> tuple[ExecutionId, ...]:
    """Delete up to `limit` executions that were made and over before an instant, with their targets and outputs.

    The last run of each task stays, however old it is. Returns those that went.
    """
    is_last = sa.exists().where(
        scheduled_tasks.c.id == executions.c.task_id, scheduled_tasks.c.last_execution_id == executions.c.id
    )
    old = c.scalars(
        sa.select(executions.c.id)
        .where(executions.c.created_at < at_ms, executions.c.completed_time < at_ms, ~is_last)
        .order_by(executions.c.created_at, executions.c.id)
        .limit(limit)
    ).all()
    for id_ in old:
        forget(c, ExecutionId(id_))
    if old:
        c.execute(sa.delete(executions).where(executions.c.id.in_(old)))
    return tuple(ExecutionId(id_) for id_ in old)


def over(c: Connection, wanted: Sequence[ExecutionId]) -> frozenset[ExecutionId]:
    """Those of the given executions that are over: nothing of them will be written any more."""
    statement = sa.select(executions.c.id).where(executions.c.id.in_(wanted), executions.c.status.not_in(ALIVE))
    rows = c.scalars(statement)
    return frozenset(ExecutionId(id_) for id_ in rows)


def exist(c: Connection, wanted: Sequence[ExecutionId]) -> frozenset[ExecutionId]:
    """Those of the given executions that are in the history."""
    return frozenset(
        ExecutionId(id_) for id_ in c.scalars(sa.select(executions.c.id).where(executions.c.id.in_(wanted)))
    )
