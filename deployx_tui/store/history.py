"""What ran: executions, read for lists and the calendar. The engine's writers are in `executions.py`.

Newest first is by (created_at, id); with words or a device it is by id, the order of their indexes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, or_, select, tuple_

from deployx_tui.errors import NotFound
from deployx_tui.model.execution import (
    ALIVE,
    Execution,
    ExecutionQuery,
    ExecutionStatus,
    TargetCounts,
    TargetState,
    Trigger,
)
from deployx_tui.model.ids import ExecutionId, TaskId, UserId
from deployx_tui.model.payload import TaskType
from deployx_tui.store import outcome, search
from deployx_tui.store.clock import from_ms, to_ms
from deployx_tui.store.dialects import sets
from deployx_tui.store.paging import Key, checked_limit, cursor_of, key_of
from deployx_tui.store.schema import execution_targets, executions
from deployx_tui.store.search import Words

e = executions.c
x = execution_targets.c

_BY_TIME = "executions"
_BY_ID = "executions.id"

#: what a list of executions shows; the draft and the plan stay where they are
#: the type of a run, by the field that its draft has its payload in. A draft is canonical: no text within it can hold
#: such a field with its quotes
_TYPE = case(
    (e.draft.like('{"command\\_payload":%', escape="\\"), TaskType.COMMAND.value),
    (e.draft.like('%,"software\\_payload":{%', escape="\\"), TaskType.SOFTWARE_DEPLOYMENT.value),
    (e.draft.like('%,"file\\_payload":{%', escape="\\"), TaskType.FILE_DEPLOYMENT.value),
    (e.draft.like('%,"rollback\\_payload":{%', escape="\\"), TaskType.FILE_DEPLOYMENT.value),
    else_=TaskType.COMMAND.value,
)
_SHOWN: tuple[Any, ...] = (
    _TYPE.label("task_type"),
    e.id,
    e.task_id,
    e.task_name,
    e.summary,
    e.trigger,
    e.status,
    e.wait_reason,
    e.started_by,
    e.scheduled_for,
    e.due_at,
    e.created_at,
    e.execution_time,
    e.completed_time,
    e.plan_sha256,
    e.result,
    e.error_message,
)


def page(c: Connection, query: ExecutionQuery, owner: UserId | None = None) -> tuple[tuple[Execution, ...], str | None]:
    """One page, newest first. `owner`: only runs on this user's permissions."""
    limit = checked_limit(query.limit)
    words = Words.parse(query.text)
    statement = _filtered(c, query, owner, words)
    if words.wanted:
        rows, order = _with_words(c, statement, query, words, limit + 1), _BY_ID
    elif query.device_id is not None:
        rows, order = _on_device(c, statement, query, limit + 1), _BY_ID
    else:
        rows, order = _by_time(c, statement, query, limit + 1), _BY_TIME
    shown = rows[:limit]
    more = None
    if len(rows) > limit:
        last = shown[-1]
        key: Key = (last.id,) if order == _BY_ID else (last.created_at, last.id)
        more = cursor_of(order, key)
    return _executions(c, shown), more


def get(c: Connection, execution: ExecutionId, owner: UserId | None = None) -> Execution:
    """NotFound when there is none, or it is not `owner`'s (None: anybody's)."""
    query = select(*_SHOWN).where(e.id == execution)
    rows = c.execute(query if owner is None else query.where(e.owner_id == owner)).all()
    if not rows:
        raise NotFound("execution", str(execution))
    return _executions(c, rows)[0]


def alive(c: Connection, owner: UserId | None = None) -> tuple[ExecutionId, ...]:
    """Everything that runs, waits or is queued, the oldest first."""
    query = select(e.id).where(e.status.in_([status.value for status in ALIVE])).order_by(e.id)
    rows = c.execute(query if owner is None else query.where(e.owner_id == owner))
    return tuple(ExecutionId(row) for row in rows.scalars())


def owner_of(c: Connection, execution: ExecutionId) -> UserId | None:
    """On whose permissions it runs; None when there is no such execution."""
    found = c.execute(select(e.owner_id).where(e.id == execution)).scalar_one_or_none()
    return UserId(found) if found is not None else None


def by_ids(c: Connection, wanted: Collection[ExecutionId]) -> Mapping[ExecutionId, Execution]:
    if not wanted:
        return {}
    rows = c.execute(select(*_SHOWN).where(e.id.in_(sets.ids(c, wanted)))).all()
    return {execution.id: execution for execution in _executions(c, rows)}


def latest(
    c: Connection, tasks: Collection[TaskId], count: int
) -> Mapping[TaskId, tuple[tuple[ExecutionId, ExecutionStatus], ...]]:
    """Up to `count` newest executions of each task, newest first. One walk of the index per task, in one query."""
    if not tasks:
        return {}
    inner = executions.alias("inner_executions")
    asked = sets.ids(c, tasks).subquery("asked")
    newest = (
        select(inner.c.id)
        .where(inner.c.task_id == asked.c[0])
        .order_by(inner.c.created_at.desc(), inner.c.id.desc())
        .limit(count)
        .correlate(asked)
    )
    rows = c.execute(
        select(e.task_id, e.id, e.status, e.created_at).select_from(asked).join(executions, e.id.in_(newest))
    ).all()
    found: defaultdict[TaskId, list[tuple[ExecutionId, ExecutionStatus]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True):
        found[TaskId(row.task_id)].append((ExecutionId(row.id), ExecutionStatus(row.status)))
    return {task: tuple(runs) for task, runs in found.items()}


@dataclass(frozen=True, slots=True)
class SpanCounts:
    """How many executions were due in a span: the same ones by status, and by its parts."""

    by_status: Mapping[ExecutionStatus, int]
    by_part: tuple[int, ...]


def counts_between(c: Connection, bounds: Sequence[int], owner: UserId | None) -> SpanCounts:
    """Executions by due time from the first of `bounds` on, before the last. Neighbours bound a part; at least two."""
    inner = bounds[1:-1]
    part = case(*((e.due_at < bound, number) for number, bound in enumerate(inner)), else_=len(inner))
    query = (
        select(e.status, part.label("part"), func.count().label("number"))
        .where(*_due_in(bounds[0], bounds[-1], owner))
        # by its name: PostgreSQL would not see that two expressions with parameters are the same
        .group_by(e.status, "part")
    )
    by_status: defaultdict[ExecutionStatus, int] = defaultdict(int)
    by_part = [0] * (len(inner) + 1)
    for row in c.execute(query):
        by_status[ExecutionStatus(row.status)] += row.number
        by_part[row.part] += row.number
    return SpanCounts(dict(by_status), tuple(by_part))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsOfTask:
    """How often a task ran in a span, with one outcome."""

    task_id: TaskId
    task_name: str
    status: ExecutionStatus
    count: int
    first: datetime
    #: the newest of them
    execution_id: ExecutionId


def frequent_between(
    c: Connection, first_ms: int, last_ms: int, owner: UserId | None, more_than: int
) -> tuple[RunsOfTask, ...]:
    """Tasks that were due more often than `more_than` times in [first, last), a line for each outcome."""
    span = _due_in(first_ms, last_ms, owner)
    often = select(e.task_id).where(*span, e.task_id.is_not(None)).group_by(e.task_id)
    query = (
        select(
            e.task_id,
            e.status,
            func.max(e.task_name).label("task_name"),
            func.count().label("number"),
            func.min(e.due_at).label("first"),
            func.max(e.id).label("newest"),
        )
        .where(*span, e.task_id.in_(often.having(func.count() > more_than)))
        .group_by(e.task_id, e.status)
    )
    return tuple(
        RunsOfTask(
            task_id=TaskId(row.task_id),
            task_name=row.task_name,
            status=ExecutionStatus(row.status),
            count=row.number,
            first=from_ms(row.first),
            execution_id=ExecutionId(row.newest),
        )
        for row in c.execute(query)
    )


def due_between(
    c: Connection, first_ms: int, last_ms: int, owner: UserId | None, without: Collection[TaskId], limit: int
) -> tuple[Execution, ...]:
    """The first executions of [first, last) by due time, without those of some tasks."""
    query = select(*_SHOWN).where(*_due_in(first_ms, last_ms, owner)).order_by(e.due_at, e.id).limit(limit)
    if without:
        query = query.where(or_(e.task_id.is_(None), e.task_id.not_in(sets.ids(c, without))))
    return _executions(c, c.execute(query).all())


# ---- the three walks


def _filtered(c: Connection, query: ExecutionQuery, owner: UserId | None, words: Words) -> Select[Any]:
    statement = select(*_SHOWN)
    if query.task_id is not None:
        statement = statement.where(e.task_id == query.task_id)
    if query.statuses:
        statement = statement.where(e.status.in_(sorted(status.value for status in query.statuses)))
    if query.since is not None:
        statement = statement.where(e.created_at >= to_ms(query.since))
    if query.until is not None:
        statement = statement.where(e.created_at <= to_ms(query.until))
    if owner is not None:
        statement = statement.where(e.owner_id == owner)
    if words.unwanted:
        statement = statement.where(search.lacks(c, words))
    return statement


def _by_time(c: Connection, statement: Select[Any], query: ExecutionQuery, limit: int) -> Sequence[Row[Any]]:
    statement = statement.order_by(e.created_at.desc(), e.id.desc()).limit(limit)
    if query.cursor is not None:
        created, id_ = key_of(query.cursor, _BY_TIME, 2)
        statement = statement.where(tuple_(e.created_at, e.id) < tuple_(created, id_))
    return c.execute(statement).all()


def _on_device(c: Connection, statement: Select[Any], query: ExecutionQuery, limit: int) -> Sequence[Row[Any]]:
    statement = (
        statement.join(execution_targets, x.execution_id == e.id)
        .where(x.device_id == query.device_id)
        .order_by(x.execution_id.desc())
        .limit(limit)
    )
    if query.since is not None:
        # so that the walk down the device's runs ends where the time does
        first = select(func.min(e.id)).where(e.created_at >= to_ms(query.since)).scalar_subquery()
        statement = statement.where(x.execution_id >= first)
    if query.cursor is not None:
        (before,) = key_of(query.cursor, _BY_ID, 1)
        statement = statement.where(x.execution_id < before)
    return c.execute(statement).all()


def _with_words(
    c: Connection, statement: Select[Any], query: ExecutionQuery, words: Words, limit: int
) -> Sequence[Row[Any]]:
    if query.device_id is not None:
        on_device = select(x.execution_id).where(x.execution_id == e.id, x.device_id == query.device_id)
        statement = statement.where(on_device.exists())
    before = ExecutionId(int(key_of(query.cursor, _BY_ID, 1)[0] or 0)) if query.cursor is not None else None
    found: list[Row[Any]] = []
    candidates = search.newest(c, words, before)
    while len(found) < limit and (some := list(islice(candidates, 200))):
        found += c.execute(statement.where(e.id.in_(sets.ids(c, some))).order_by(e.id.desc())).all()
    return found[:limit]


def _due_in(first_ms: int, last_ms: int, owner: UserId | None) -> tuple[ColumnElement[bool], ...]:
    span = (e.due_at >= first_ms, e.due_at < last_ms)
    return span if owner is None else (*span, e.owner_id == owner)


# ---- rows to nouns


def _executions(c: Connection, rows: Sequence[Row[Any]]) -> tuple[Execution, ...]:
    """Counts of runs that are over stand in the row; those of the others are counted, all in one query."""
    counts = _counts(c, [row.id for row in rows if row.result is None])
    return tuple(
        Execution(
            id=ExecutionId(row.id),
            task_id=TaskId(row.task_id) if row.task_id is not None else None,
            task_name=row.task_name,
            started_by=row.started_by,
            trigger=Trigger(row.trigger),
            status=ExecutionStatus(row.status),
            scheduled_for=_instant(row.scheduled_for),
            due_at=from_ms(row.due_at),
            created_at=from_ms(row.created_at),
            started_at=_instant(row.execution_time),
            finished_at=_instant(row.completed_time),
            targets=counts.get(row.id, TargetCounts())
            if row.result is None
            else TargetCounts(**json.loads(row.result)),
            error_message=row.error_message,
            wait_reason=row.wait_reason,
            plan_sha256=row.plan_sha256,
            summary=row.summary,
            type=TaskType(row.task_type),
        )
        for row in rows
    )


def _counts(c: Connection, wanted: Collection[int]) -> Mapping[int, TargetCounts]:
    if not wanted:
        return {}
    query = (
        select(x.execution_id, x.state, x.changed, func.count().label("number"))
        .where(x.execution_id.in_(sets.ids(c, wanted)))
        .group_by(x.execution_id, x.state, x.changed)
    )
    found: defaultdict[int, list[outcome.Ended]] = defaultdict(list)
    for row in c.execute(query):
        changed = None if row.changed is None else bool(row.changed)
        ended = outcome.Ended(TargetState(row.state), None, None, None, row.number, changed)
        found[row.execution_id].append(ended)
    return {id_: outcome.counts(ended) for id_, ended in found.items()}


def _instant(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)
