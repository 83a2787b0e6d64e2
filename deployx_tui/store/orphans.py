"""What engines that are no more left behind: executions and running targets whose engine has no row."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from deployx_tui.model.execution import Cause, ExecutionStatus, TargetState
from deployx_tui.model.ids import EngineId, ExecutionId, TargetId
from deployx_tui.store import events, targets
from deployx_tui.store.executions import IS_ALIVE
from deployx_tui.store.schema import attempts, engines, execution_targets, executions

_t = execution_targets.c

#: why such a target is lost
LOST = "the engine ended while it ran; its outcome is unknown"

#: nobody, or an engine without a row, has it
_RUN_IS_ORPHAN = sa.and_(
    IS_ALIVE,
    sa.or_(
        executions.c.engine_id.is_(None),
        ~sa.exists(sa.select(engines.c.id).where(engines.c.id == executions.c.engine_id)),
    ),
)
#: written out: only so is the partial index seen to fit
_TARGET_IS_ORPHAN = sa.and_(
    sa.text("execution_targets.state = 'running'"),
    ~sa.exists(sa.select(engines.c.id).where(engines.c.id == _t.owner)),
)


def exist(c: Connection) -> bool:
    """Whether there is anything to take over."""
    runs = sa.exists(sa.select(executions.c.id).where(_RUN_IS_ORPHAN))
    running = sa.exists(sa.select(_t.id).where(_TARGET_IS_ORPHAN))
    return bool(c.scalar(sa.select(sa.or_(runs, running))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """An execution whose engine is no more."""

    id: ExecutionId
    status: ExecutionStatus
    due_at_ms: int
    draft_json: str
    is_planned: bool
    is_cancelled: bool
    #: some target has been tried
    has_started: bool
    #: targets that were not
    waiting: int
    #: targets that run on, or are begun again
    going_on: int


def left_behind(c: Connection) -> tuple[Orphan, ...]:
    """Executions that are alive and belong to no living engine, the earliest due first."""
    of_run = execution_targets.c.execution_id == executions.c.id
    waiting = sa.select(sa.func.count()).where(of_run, execution_targets.c.state == TargetState.WAITING.value)
    handle = execution_targets.c.remote_handle
    going_on = sa.select(sa.func.count()).where(
        of_run,
        execution_targets.c.state == TargetState.RUNNING.value,
        sa.or_(
            *(handle.startswith(each, autoescape=True) for each in (targets.DURABLE_HANDLE, targets.REPEATABLE_HANDLE))
        ),
    )
    tried = sa.exists().where(
        of_run,
        execution_targets.c.state.not_in(
            [TargetState.WAITING.value, TargetState.CANCELLED.value, TargetState.SKIPPED.value]
        ),
    )
    rows = c.execute(
        sa.select(
            executions,
            waiting.scalar_subquery().label("waiting"),
            going_on.scalar_subquery().label("going_on"),
            tried.label("has_started"),
        )
        .where(_RUN_IS_ORPHAN)
        .order_by(executions.c.due_at, executions.c.id)
    )
    return tuple(
        Orphan(
            id=ExecutionId(row.id),
            status=ExecutionStatus(row.status),
            due_at_ms=row.due_at,
            draft_json=row.draft,
            is_planned=row.plan is not None,
            is_cancelled=bool(row.cancel_requested),
            has_started=bool(row.has_started),
            waiting=row.waiting,
            going_on=row.going_on,
        )
        for row in rows
    )


def adopt(c: Connection, execution: ExecutionId, engine: EngineId, now_ms: int) -> None:
    """It is this engine's from here on: one that ran is queued again, for the targets that still wait; one that waited
    too, and this engine sees for itself what there is to wait for."""
    had_begun = executions.c.status.in_([ExecutionStatus.RUNNING.value, ExecutionStatus.WAITING.value])
    row = c.execute(
        sa.update(executions)
        .where(executions.c.id == execution)
        .values(
            engine_id=engine,
            status=sa.case((had_begun, ExecutionStatus.QUEUED.value), else_=executions.c.status),
            wait_reason=None,
        )
        .returning(executions.c.task_id, executions.c.status)
    ).one()
    events.append(
        c,
        "execution.changed",
        at_ms=now_ms,
        task_id=row.task_id,
        execution_id=execution,
        facts=[("status", row.status)],
    )


@dataclass(frozen=True, slots=True)
class OrphanTarget:
    """A running target whose engine is no more."""

    id: TargetId
    execution: ExecutionId
    handle_json: str | None


def running(c: Connection) -> tuple[OrphanTarget, ...]:
    """Running targets of engines that are no more."""
    rows = c.execute(sa.select(_t.id, _t.execution_id, _t.remote_handle).where(_TARGET_IS_ORPHAN).order_by(_t.id))
    return tuple(OrphanTarget(TargetId(row.id), ExecutionId(row.execution_id), row.remote_handle) for row in rows)


def adopt_target(c: Connection, target: TargetId, engine: EngineId, token: str) -> None:
    """It goes on under this engine, with a token that the dead one does not know."""
    c.execute(sa.update(execution_targets).where(_t.id == target).values(owner=engine, claim=token))


def lose_targets(c: Connection, now_ms: int) -> frozenset[ExecutionId]:
    """Running targets of engines that are no more: their outcome is unknown. Returns the executions concerned."""
    rows = c.execute(
        sa.update(execution_targets)
        .where(_TARGET_IS_ORPHAN)
        .values(
            state=TargetState.LOST.value,
            cause=Cause.LOST.value,
            finished_at=now_ms,
            error_message=LOST,
        )
        .returning(_t.id, _t.execution_id, _t.device_id, _t.attempts)
    ).all()
    if rows:
        lost = {"state": TargetState.LOST.value, "cause": Cause.LOST.value, "finished_at": now_ms}
        c.execute(
            sa.update(attempts)
            .where(attempts.c.target_id == sa.bindparam("target"), attempts.c.number == sa.bindparam("try"))
            .values(**lost),
            [{"target": row.id, "try": row.attempts} for row in rows],
        )
    events.append_many(
        c,
        [
            targets.changed(ExecutionId(row.execution_id), row.id, row.device_id, TargetState.LOST, now_ms)
            for row in rows
        ],
    )
    return frozenset(ExecutionId(row.execution_id) for row in rows)
