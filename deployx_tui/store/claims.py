"""Due tasks, and the fires that are made of them. The decisions are `engine/claim.py`'s."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from deployx_tui.model.execution import ExecutionStatus, Trigger
from deployx_tui.model.ids import EngineId, ExecutionId, TaskId, UserId
from deployx_tui.model.task import TaskState
from deployx_tui.store import events
from deployx_tui.store.dialects.insert import insert_new
from deployx_tui.store.events import NewEvent
from deployx_tui.store.executions import IS_ALIVE
from deployx_tui.store.schema import executions, scheduled_tasks, task_versions, users
from deployx_tui.store.search import RunText, remember

_t = scheduled_tasks.c


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTask:
    """A task as it was read; it is claimed only if `next_ms` and `version` are still these."""

    id: TaskId
    version: int
    #: the instant that is due
    next_ms: int
    name: str
    #: canonical JSON of its TaskDraft; None: the row of its version is missing
    draft_json: str | None
    owner_id: UserId
    owner: str
    owner_is_disabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFire:
    """What becomes of a due instant."""

    task: DueTask
    status: ExecutionStatus
    summary: str
    #: why it does not run; "" when it does
    why: str = ""
    #: the task's next instant; None: none is left
    next_ms: int | None
    #: the task can't go on by itself: it is paused, visibly
    pauses: bool = False


_DUE = (
    sa.select(
        _t.id,
        _t.version,
        _t.next_execution,
        _t.task_name,
        _t.owner_id,
        task_versions.c.draft,
        users.c.username,
        users.c.disabled,
    )
    .outerjoin(task_versions, (task_versions.c.task_id == _t.id) & (task_versions.c.version == _t.version))
    .join(users, users.c.id == _t.owner_id)
    .where(_t.next_execution.is_not(None))
)


def due(c: Connection, now_ms: int, limit: int) -> tuple[DueTask, ...]:
    """Tasks whose instant has come, the earliest first. Paused, finished and deleted ones have no instant."""
    rows = c.execute(_DUE.where(_t.next_execution <= now_ms).order_by(_t.next_execution).limit(limit))
    return _read(rows)


def scheduled(c: Connection, after: TaskId, limit: int) -> tuple[DueTask, ...]:
    """All tasks that have an instant, by id, from after one on."""
    return _read(c.execute(_DUE.where(_t.id > after).order_by(_t.id).limit(limit)))


def _read(rows: sa.CursorResult[Any]) -> tuple[DueTask, ...]:
    return tuple(
        DueTask(
            id=TaskId(row.id),
            version=row.version,
            next_ms=row.next_execution,
            name=row.task_name,
            draft_json=row.draft,
            owner_id=UserId(row.owner_id),
            owner=row.username,
            owner_is_disabled=bool(row.disabled),
        )
        for row in rows
    )


def next_due(c: Connection) -> int | None:
    """The earliest instant of all tasks; None: nothing is scheduled."""
    return c.scalar(
        sa.select(_t.next_execution).where(_t.next_execution.is_not(None)).order_by(_t.next_execution).limit(1)
    )


def still_as_read(c: Connection, tasks: Iterable[DueTask]) -> tuple[DueTask, ...]:
    """Those that nobody has edited or claimed meanwhile, locked until this transaction ends.

    On PostgreSQL a task that another engine is claiming right now is left to it.
    """
    wanted = {task.id: task for task in tasks}
    rows = c.execute(
        sa.select(_t.id, _t.version, _t.next_execution).where(_t.id.in_(list(wanted))).with_for_update(skip_locked=True)
    )
    found = {row.id for row in rows if (row.version, row.next_execution) == _as_read(wanted[row.id])}
    return tuple(task for task in wanted.values() if task.id in found)


def _as_read(task: DueTask) -> tuple[int, int]:
    return task.version, task.next_ms


def alive_runs(c: Connection, tasks: Iterable[DueTask]) -> Mapping[TaskId, Sequence[ExecutionId]]:
    """The executions of each task that are queued, waiting or running, the oldest first; no task without any.

    Few: what a task's overlap rule lets be.
    """
    rows = c.execute(
        sa.select(executions.c.task_id, executions.c.id).where(
            executions.c.task_id.in_([task.id for task in tasks]), IS_ALIVE
        )
    )
    found: defaultdict[TaskId, list[ExecutionId]] = defaultdict(list)
    # sorted here: an ORDER BY would tempt the database to walk all executions by id
    for task, execution in sorted((row.task_id, row.id) for row in rows):
        found[TaskId(task)].append(ExecutionId(execution))
    return found


def write(c: Connection, engine: EngineId, fires: Sequence[NewFire], now_ms: int) -> tuple[ExecutionId, ...]:
    """Make the executions and move the tasks on; both for tasks that `still_as_read` gave in this transaction.

    Returns the executions that shall run. An instant that has its row already (a clock that went back) makes none.
    """
    if not fires:
        return ()
    made = c.execute(
        insert_new(c, executions).returning(executions.c.id, executions.c.task_id),
        [_row(engine, fire, now_ms) for fire in fires],
    )
    ids = {TaskId(row.task_id): ExecutionId(row.id) for row in made}
    c.execute(_ADVANCE, [{"task": fire.task.id, "next": fire.next_ms} for fire in fires])
    over = [(fire, ids[fire.task.id]) for fire in fires if not fire.status.is_alive and fire.task.id in ids]
    _settle(c, fires, over)
    remember(c, (RunText(id_, None, f"{fire.task.name} {fire.summary} {fire.why}") for fire, id_ in over))
    events.append_many(c, [_told(fire, ids[fire.task.id], now_ms) for fire in fires if fire.task.id in ids])
    return tuple(ids[fire.task.id] for fire in fires if fire.status.is_alive and fire.task.id in ids)


def give_back_ahead(c: Connection, now_ms: int) -> None:
    """Instants that a clock, set back since, had passed without a run: they come again, beside the row that says so."""
    e = executions.c
    c.execute(
        sa.update(executions)
        .where(*_written_ahead(now_ms), e.status.in_([ExecutionStatus.MISSED.value, ExecutionStatus.SKIPPED.value]))
        .values(
            fire_key=e.fire_key + "@" + sa.cast(e.id, sa.Text),
            error_message=e.error_message + "; the clock was set back since, and the instant comes again",
        )
    )


def taken_ahead(c: Connection, now_ms: int) -> frozenset[tuple[TaskId, int]]:
    """(task, instant in ms) of runs that a clock, set back since, had started early: they don't run again."""
    e = executions.c
    rows = c.execute(sa.select(e.task_id, e.scheduled_for, e.fire_key).where(*_written_ahead(now_ms)))
    return frozenset((TaskId(row.task_id), row.scheduled_for) for row in rows if "@" not in row.fire_key)


def _written_ahead(now_ms: int) -> tuple[sa.ColumnElement[bool], ...]:
    e = executions.c
    return e.created_at > now_ms, e.scheduled_for > now_ms, e.trigger == Trigger.SCHEDULE.value


def reschedule(c: Connection, moved: Sequence[tuple[DueTask, int | None]]) -> None:
    """Give tasks of `still_as_read` another next instant, without a fire."""
    if moved:
        c.execute(_ADVANCE, [{"task": task.id, "next": next_ms} for task, next_ms in moved])


_ADVANCE = sa.update(scheduled_tasks).where(_t.id == sa.bindparam("task")).values(next_execution=sa.bindparam("next"))


def _row(engine: EngineId, fire: NewFire, now_ms: int) -> dict[str, object]:
    task = fire.task
    return {
        "task_id": task.id,
        "task_version": task.version,
        "task_name": task.name,
        "summary": fire.summary,
        "fire_key": f"s:{task.next_ms}",
        "trigger": Trigger.SCHEDULE.value,
        "status": fire.status.value,
        "owner_id": task.owner_id,
        "started_by": task.owner,
        "scheduled_for": task.next_ms,
        "due_at": task.next_ms,
        "created_at": now_ms,
        "completed_time": None if fire.status.is_alive else now_ms,
        "engine_id": engine,
        "draft": task.draft_json or "{}",
        "error_message": fire.why,
    }


def _settle(c: Connection, fires: Sequence[NewFire], over: Sequence[tuple[NewFire, ExecutionId]]) -> None:
    """What the fires that do not run mean for their tasks."""
    if over:
        c.execute(
            sa.update(scheduled_tasks)
            .where(_t.id == sa.bindparam("task"))
            .values(last_execution_id=sa.bindparam("run")),
            [{"task": fire.task.id, "run": id_} for fire, id_ in over],
        )
    ended = [fire.task.id for fire in fires if fire.next_ms is None and not fire.status.is_alive and not fire.pauses]
    if ended:
        alive = sa.exists().where(executions.c.task_id == _t.id, IS_ALIVE)
        c.execute(
            sa.update(scheduled_tasks)
            .where(_t.id.in_(ended), _t.state == TaskState.ACTIVE.value, ~alive)
            .values(state=TaskState.FINISHED.value)
        )
    paused = [fire.task.id for fire in fires if fire.pauses]
    if paused:
        c.execute(sa.update(scheduled_tasks).where(_t.id.in_(paused)).values(state=TaskState.PAUSED.value))


def _told(fire: NewFire, execution: ExecutionId, now_ms: int) -> NewEvent:
    return NewEvent(
        type="execution.changed" if fire.status.is_alive else "execution.finished",
        at_ms=now_ms,
        task_id=fire.task.id,
        execution_id=execution,
        facts=(("status", fire.status.value),),
    )
