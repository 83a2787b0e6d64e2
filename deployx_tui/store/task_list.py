"""The list of tasks: filtered, in one of four orders, paged by key.

`next` and `last` put tasks without the instant at the end, in both directions; each of their two parts has an
index of its own, so a page of a hundred thousand tasks costs what it shows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, text, tuple_

from deployx_tui.model.execution import ALIVE, ExecutionStatus
from deployx_tui.model.ids import DeviceId, GroupId, UserId
from deployx_tui.model.task import TaskQuery, TaskSort, TaskState
from deployx_tui.store.clock import to_ms
from deployx_tui.store.dialects import sets
from deployx_tui.store.dialects.parts import has_part
from deployx_tui.store.paging import Key, checked_limit, cursor_of, key_of
from deployx_tui.store.schema import executions, scheduled_tasks, task_devices, task_groups, task_tags, users
from deployx_tui.store.tasks import StoredTask, joined, stored

t = scheduled_tasks.c

#: written out as in the partial index: most tasks are active, and the few others shall not be looked for among them
_IS_AT_REST = text("scheduled_tasks.state <> 'active'")


@dataclass(frozen=True, slots=True)
class Touching:
    """Tasks that run on some devices: planning has found out what brings a device in."""

    devices: Collection[DeviceId]
    groups: Collection[GroupId]
    selectors: Collection[str]


@dataclass(frozen=True, slots=True)
class TaskPage:
    tasks: tuple[StoredTask, ...]
    #: None: the end
    next_cursor: str | None
    #: how many match; counted with the first page and carried by the cursor
    total: int


def page(c: Connection, query: TaskQuery, owner: UserId | None, touching: Touching | None) -> TaskPage:
    """One page. `owner`: only this user's tasks; `touching`: what query.device_id and query.group_id stand for."""
    limit = checked_limit(query.limit)
    conditions = _conditions(c, query, owner, touching)
    order = f"tasks.{query.sort}{'.down' if query.descending else ''}"
    first: Key = (0, None, None, None)
    part, value, id_, total = first if query.cursor is None else key_of(query.cursor, order, 4)
    rows: list[Any] = []
    parts = _parts(query)
    for number, (column, condition) in enumerate(parts):
        if number < int(part or 0) or len(rows) > limit:
            continue
        # keys first: where a filter makes the database sort, it shall not carry the drafts along
        keys = select(t.id, *(() if column is None else (column,))).where(*conditions, *condition)
        statement = _ordered(keys, column, query.descending)
        if number == part and id_ is not None:
            statement = statement.where(_beyond(column, value, id_, query.descending))
        rows += [(number, *row) for row in c.execute(statement.limit(limit + 1 - len(rows)))]
    if query.cursor is None:
        total = len(rows) if len(rows) <= limit else _count(c, conditions)
    more = None
    if len(rows) > limit:
        number, last, *values = rows[limit - 1]
        more = cursor_of(order, (number, values[0] if values else None, last, total))
    return TaskPage(_load(c, [row[1] for row in rows[:limit]]), more, int(total or 0))


def _count(c: Connection, conditions: Sequence[ColumnElement[bool]]) -> int:
    return c.execute(select(func.count()).select_from(scheduled_tasks).where(*conditions)).scalar_one()


def _load(c: Connection, wanted: Sequence[int]) -> tuple[StoredTask, ...]:
    found = {row.id: stored(row) for row in c.execute(joined().where(t.id.in_(sets.ids(c, wanted))))}
    return tuple(found[id_] for id_ in wanted)


def selectors(c: Connection) -> tuple[str, ...]:
    """The distinct selectors of all tasks."""
    query = select(t.selector).where(t.selector != "", t.deleted_at.is_(None)).distinct()
    return tuple(c.execute(query).scalars())


_Part = tuple[ColumnElement[Any] | None, tuple[ColumnElement[bool], ...]]


def _parts(query: TaskQuery) -> tuple[_Part, ...]:
    """The order as parts, one after the other: (column, condition); a part without a column is by id."""
    match query.sort:
        case TaskSort.NEXT:
            return (t.next_execution, (t.next_execution.is_not(None),)), (None, (t.next_execution.is_(None),))
        case TaskSort.LAST:
            return (t.last_execution, (t.last_execution.is_not(None),)), (None, (t.last_execution.is_(None),))
        case TaskSort.NAME:
            return ((t.task_name, ()),)
        case TaskSort.CREATED:
            return ((t.created_at, ()),)


def _ordered(statement: Select[Any], column: ColumnElement[Any] | None, descending: bool) -> Select[Any]:
    keys = [t.id] if column is None else [column, t.id]
    return statement.order_by(*(key.desc() if descending else key.asc() for key in keys))


def _beyond(column: ColumnElement[Any] | None, value: object, id_: object, descending: bool) -> ColumnElement[bool]:
    if column is None:
        return t.id < id_ if descending else t.id > id_
    here, there = tuple_(column, t.id), tuple_(value, id_)
    return here < there if descending else here > there


def _conditions(
    c: Connection, query: TaskQuery, owner: UserId | None, touching: Touching | None
) -> tuple[ColumnElement[bool], ...]:
    found: list[Any] = [t.deleted_at.is_(None)]
    found += [_word(c, word) for word in query.text.split() if word != "!"]
    if owner is not None:
        found.append(t.owner_id == owner)
    if query.owner is not None:
        found.append(t.owner_id.in_(select(users.c.id).where(users.c.username == query.owner)))
    if query.state is not None:
        found.append(t.state == query.state.value)
        if query.state is not TaskState.ACTIVE:
            found.append(_IS_AT_REST)
    if query.tag is not None:
        found.append(t.id.in_(select(task_tags.c.task_id).where(task_tags.c.tag == query.tag)))
    if query.due_before is not None:
        found.append(t.next_execution < to_ms(query.due_before))
    if query.last_status is not None:
        found.append(_last_was(query.last_status))
    if touching is not None:
        found.append(_touches(c, touching))
    return tuple(found)


def _word(c: Connection, word: str) -> ColumnElement[bool]:
    """A part of name, selector, description or tag, in any case; `!word` is its contrary."""
    part = word.removeprefix("!")
    tagged = select(task_tags.c.task_id).where(has_part(c, task_tags.c.tag, part))
    has = or_(
        has_part(c, t.task_name, part),
        has_part(c, t.selector, part),
        has_part(c, t.description, part),
        t.id.in_(tagged),
    )
    return ~has if word.startswith("!") else has


def _last_was(status: ExecutionStatus) -> ColumnElement[bool]:
    """What `history.latest` shows as the last run has this status."""
    if status.is_alive:
        return t.id.in_(select(executions.c.task_id).where(executions.c.status == status.value))
    running = select(executions.c.task_id).where(
        executions.c.status.in_([alive.value for alive in ALIVE]), executions.c.task_id.is_not(None)
    )
    newest = (
        select(executions.c.status)
        .where(executions.c.task_id == t.id)
        .order_by(executions.c.created_at.desc(), executions.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return and_(newest == status.value, t.id.not_in(running))


def _touches(c: Connection, touching: Touching) -> ColumnElement[bool]:
    by_device = select(task_devices.c.task_id).where(task_devices.c.device_id.in_(sets.ids(c, touching.devices)))
    by_group = select(task_groups.c.task_id).where(task_groups.c.group_id.in_(sets.ids(c, touching.groups)))
    return or_(t.id.in_(by_device), t.id.in_(by_group), t.selector.in_(sets.texts(c, touching.selectors)))
