"""Tasks in the database: one row each, and a row in `task_versions` for every edit. Lists are in `task_list.py`.

What a draft means is planning's and scheduling's knowledge; callers give the next instant. Paused, deleted and
finished tasks have none (`next_execution` NULL), which is why no ticker ever sees them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from deployx_tui.errors import Ambiguous, NotFound
from deployx_tui.model.codec import JSON, canonical, draft_from_json, draft_to_json, schedule_from_json
from deployx_tui.model.ids import TaskId, UserId, id_of
from deployx_tui.model.payload_json import payload_to_json
from deployx_tui.model.schedule import Once, Schedule
from deployx_tui.model.task import TaskDraft, TaskState
from deployx_tui.store import counters
from deployx_tui.store.clock import from_ms, to_ms
from deployx_tui.store.dialects import sets
from deployx_tui.store.identity import refuse_stale
from deployx_tui.store.near import near
from deployx_tui.store.schema import (
    scheduled_tasks,
    task_devices,
    task_groups,
    task_tags,
    task_versions,
    users,
)

_MOST_CANDIDATES = 20
#: the columns that a schedule is made of
_RULE = (
    scheduled_tasks.c.recurrence_type,
    scheduled_tasks.c.recurrence_config,
    scheduled_tasks.c.zone,
    scheduled_tasks.c.gap,
    scheduled_tasks.c.fold,
    scheduled_tasks.c.scheduled_time,
    scheduled_tasks.c.end_at,
)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTask:
    id: TaskId
    draft: TaskDraft
    state: TaskState
    version: int
    owner_id: UserId
    owner: str
    created_at: datetime
    updated_at: datetime
    #: None: it will not fire
    next_execution: datetime | None
    last_execution: datetime | None
    execution_count: int


def add(c: Connection, draft: TaskDraft, owner: UserId, next_ms: int | None, now_ms: int) -> TaskId:
    """A new, active task in its first version. The caller has validated the draft."""
    made = c.execute(
        insert(scheduled_tasks)
        .values(
            **_columns(draft),
            state=TaskState.ACTIVE.value,
            owner_id=owner,
            created_at=now_ms,
            updated_at=now_ms,
            next_execution=next_ms,
            version=1,
        )
        .returning(scheduled_tasks.c.id)
    )
    task = TaskId(made.scalar_one())
    _relate(c, task, draft)
    _keep_version(c, task, 1, canonical(draft_to_json(draft)), owner, now_ms)
    return task


def change(
    c: Connection,
    task: StoredTask,
    draft: TaskDraft,
    state: TaskState,
    next_ms: int | None,
    editor: UserId,
    now_ms: int,
) -> None:
    """Replace the draft of a task read by `locked` in this transaction."""
    version = task.version + 1
    c.execute(
        update(scheduled_tasks)
        .where(scheduled_tasks.c.id == task.id)
        .values(**_columns(draft), state=state.value, next_execution=next_ms, version=version, updated_at=now_ms)
    )
    for relation in (task_tags, task_devices, task_groups):
        c.execute(delete(relation).where(relation.c.task_id == task.id))
    _relate(c, task.id, draft)
    _keep_version(c, task.id, version, canonical(draft_to_json(draft)), editor, now_ms)


def set_state(
    c: Connection, task: StoredTask, state: TaskState, next_ms: int | None, editor: UserId, now_ms: int
) -> None:
    """Pause, resume, finish or cancel a task read by `locked`. A version of its own, with the same draft."""
    version = task.version + 1
    c.execute(
        update(scheduled_tasks)
        .where(scheduled_tasks.c.id == task.id)
        .values(state=state.value, next_execution=next_ms, version=version, updated_at=now_ms)
    )
    _keep_version(c, task.id, version, canonical(draft_to_json(task.draft)), editor, now_ms)


def remove(c: Connection, task: StoredTask, editor: UserId, now_ms: int) -> None:
    """Out of every list and off the ticker; its versions and executions stay, and `restore` undoes it."""
    set_state(c, task, task.state, None, editor, now_ms)
    c.execute(update(scheduled_tasks).where(scheduled_tasks.c.id == task.id).values(deleted_at=now_ms))


def restore(
    c: Connection, task: StoredTask, state: TaskState, next_ms: int | None, editor: UserId, now_ms: int
) -> None:
    """Undo `remove`, for a task read by `locked_deleted`."""
    set_state(c, task, state, next_ms, editor, now_ms)
    c.execute(update(scheduled_tasks).where(scheduled_tasks.c.id == task.id).values(deleted_at=None))


def get(c: Connection, task: TaskId, owner: UserId | None = None) -> StoredTask:
    """NotFound when there is none, it is deleted, or it is not `owner`'s (None: anybody's)."""
    return _one(c, _with_owner(alive(), owner).where(scheduled_tasks.c.id == task), str(task))


def by_ids(c: Connection, wanted: Collection[TaskId]) -> tuple[StoredTask, ...]:
    """Those that exist and are not deleted."""
    return tuple(stored(row) for row in c.execute(alive().where(scheduled_tasks.c.id.in_(sets.ids(c, wanted)))))


def owner_of(c: Connection, task: TaskId) -> UserId | None:
    """Of a task, deleted or not; None when there is none."""
    found = c.execute(select(scheduled_tasks.c.owner_id).where(scheduled_tasks.c.id == task)).scalar_one_or_none()
    return UserId(found) if found is not None else None


def locked(c: Connection, task: TaskId, owner: UserId | None, version: int | None = None) -> StoredTask:
    """`get` for an edit: nobody else changes it before this transaction ends. Conflict when `version` is old."""
    _lock(c, task)
    found = get(c, task, owner)
    refuse_stale("task", found.version, version)
    return found


def locked_deleted(c: Connection, task: TaskId, owner: UserId | None) -> StoredTask:
    """A deleted task for its `restore`; NotFound when it is not deleted."""
    _lock(c, task)
    gone = joined().where(scheduled_tasks.c.deleted_at.is_not(None))
    return _one(c, _with_owner(gone, owner).where(scheduled_tasks.c.id == task), str(task))


def locked_even_deleted(c: Connection, task: TaskId) -> StoredTask:
    """A task whose runs are asked for: history outlives it."""
    _lock(c, task)
    return _one(c, joined().where(scheduled_tasks.c.id == task), str(task))


def find(c: Connection, name_or_id: str, owner: UserId | None = None) -> StoredTask:
    """By exact name, else by id. Ambiguous when several have the name."""
    named = _with_owner(alive(), owner).where(scheduled_tasks.c.task_name == name_or_id)
    rows = c.execute(named.order_by(scheduled_tasks.c.id).limit(_MOST_CANDIDATES)).all()
    if len(rows) > 1:
        raise Ambiguous("task", name_or_id, [f"{row.id} ({row.username})" for row in rows])
    if rows:
        return stored(rows[0])
    id_ = id_of(name_or_id)
    if id_ is None:
        seen = _with_owner(alive(), owner)
        raise NotFound("task", name_or_id, near(c, seen, scheduled_tasks.c.task_name, name_or_id))
    return get(c, TaskId(id_), owner)


def named(c: Connection, name: str, owner: UserId | None = None) -> tuple[TaskId, ...]:
    """The first tasks that have exactly this name, by id."""
    query = _with_owner(alive(), owner).where(scheduled_tasks.c.task_name == name)
    return tuple(TaskId(row.id) for row in c.execute(query.order_by(scheduled_tasks.c.id).limit(_MOST_CANDIDATES)))


def schedules(c: Connection, owner: UserId | None = None) -> tuple[tuple[Schedule, int], ...]:
    """The distinct schedules of tasks that fire, and how many tasks have each.

    A hundred thousand tasks are read as the few rules that they have: nothing of them is decoded twice.
    """
    t = scheduled_tasks.c
    query = select(*_RULE, func.count().label("number")).where(
        t.deleted_at.is_(None), t.state == TaskState.ACTIVE.value
    )
    if owner is not None:
        query = query.where(t.owner_id == owner)
    return tuple((_schedule(*row[:7]), row.number) for row in c.execute(query.group_by(*_RULE)))


def firing(
    c: Connection, before_ms: int, owner: UserId | None = None
) -> Mapping[Schedule, Sequence[tuple[TaskId, str]]]:
    """(id, name) of every task whose next instant lies before `before_ms`, by the rule that they share."""
    t = scheduled_tasks.c
    query = select(t.id, t.task_name, *_RULE).where(t.next_execution < before_ms)
    found: defaultdict[tuple[Any, ...], list[tuple[TaskId, str]]] = defaultdict(list)
    for id_, name, *rule in c.execute(query if owner is None else query.where(t.owner_id == owner)):
        found[tuple(rule)].append((TaskId(id_), name))
    return {_schedule(*rule): tasks for rule, tasks in found.items()}


def every(c: Connection, owner: UserId | None = None) -> Iterator[StoredTask]:
    """All tasks, by name; to be read to the end inside the transaction."""
    query = alive().order_by(scheduled_tasks.c.task_name, scheduled_tasks.c.id)
    return (stored(row) for row in c.execute(_with_owner(query, owner)))


def joined() -> Select[Any]:
    """Tasks with their present draft and their owner's name; deleted ones too."""
    return (
        select(scheduled_tasks, task_versions.c.draft, users.c.username)
        .join(
            task_versions,
            (task_versions.c.task_id == scheduled_tasks.c.id) & (task_versions.c.version == scheduled_tasks.c.version),
        )
        .join(users, users.c.id == scheduled_tasks.c.owner_id)
    )


def alive() -> Select[Any]:
    return joined().where(scheduled_tasks.c.deleted_at.is_(None))


def stored(row: Row[Any]) -> StoredTask:
    """A row of `joined`."""
    return StoredTask(
        id=TaskId(row.id),
        draft=read_draft(row.draft),
        state=TaskState(row.state),
        version=row.version,
        owner_id=UserId(row.owner_id),
        owner=row.username,
        created_at=from_ms(row.created_at),
        updated_at=from_ms(row.updated_at),
        next_execution=from_ms(row.next_execution) if row.next_execution is not None else None,
        last_execution=from_ms(row.last_execution) if row.last_execution is not None else None,
        execution_count=row.execution_count,
    )


@lru_cache(maxsize=4096)
def read_draft(text: str) -> TaskDraft:
    """A kept draft. Versions never change, so a list that is read again decodes nothing."""
    return draft_from_json(json.loads(text))


@lru_cache(maxsize=20_000)
def _schedule(
    kind: str, config: str | None, zone: str, gap: str, fold: str, start_ms: int | None, end_ms: int | None
) -> Schedule:
    """Of the columns of _RULE."""
    rule: dict[str, JSON] | None = json.loads(config) if config is not None else None
    start = None if start_ms is None else from_ms(start_ms).isoformat()
    return schedule_from_json(
        {
            "recurrence_type": kind,
            "short_month": rule.pop("short_month") if rule is not None else None,
            "recurrence_config": rule,
            "timezone": zone,
            "gap": gap,
            "fold": fold,
            "scheduled_time": start if kind == "once" else None,
            "start": start if kind != "once" else None,
            "end": None if end_ms is None else from_ms(end_ms).isoformat(),
        }
    )


def _one(c: Connection, query: Select[Any], name: str) -> StoredTask:
    row = c.execute(query).one_or_none()
    if row is None:
        raise NotFound("task", name)
    return stored(row)


def _with_owner(query: Select[Any], owner: UserId | None) -> Select[Any]:
    return query if owner is None else query.where(scheduled_tasks.c.owner_id == owner)


def _lock(c: Connection, task: TaskId) -> None:
    # a no-op on SQLite, whose write transaction has locked everything
    c.execute(select(scheduled_tasks.c.id).where(scheduled_tasks.c.id == task).with_for_update())


def _keep_version(c: Connection, task: TaskId, version: int, draft: str, editor: UserId, now_ms: int) -> None:
    counters.grow(c, counters.TASKS)
    c.execute(
        insert(task_versions).values(task_id=task, version=version, draft=draft, editor_id=editor, created_at=now_ms)
    )


def _relate(c: Connection, task: TaskId, draft: TaskDraft) -> None:
    """What lists filter by."""
    relations: Sequence[tuple[Any, list[Mapping[str, Any]]]] = (
        (task_tags, [{"task_id": task, "tag": tag} for tag in sorted(draft.tags)]),
        (task_devices, [{"task_id": task, "device_id": device} for device in sorted(set(draft.device_ids))]),
        (task_groups, [{"task_id": task, "group_id": group} for group in sorted(set(draft.group_ids))]),
    )
    for relation, rows in relations:
        if rows:
            c.execute(insert(relation), rows)


def _columns(draft: TaskDraft) -> dict[str, str | int | None]:
    plain = draft_to_json(draft)
    config = plain["recurrence_config"]
    if isinstance(config, dict):
        config = {**config, "short_month": plain["short_month"]}
    rule = draft.schedule.recurrence
    start = rule.at if isinstance(rule, Once) else draft.schedule.start
    return {
        "task_name": draft.name,
        "task_type": str(plain["task_type"]),
        "description": draft.description,
        "scheduled_time": None if start is None else to_ms(start),
        "end_at": None if draft.schedule.end is None else to_ms(draft.schedule.end),
        "recurrence_type": str(plain["recurrence_type"]),
        "recurrence_config": None if config is None else canonical(config),
        "zone": draft.schedule.zone,
        "gap": draft.schedule.gap.value,
        "fold": draft.schedule.fold.value,
        "selector": draft.selector,
        "payload": canonical(payload_to_json(draft.payload)),
        "overlap": draft.overlap.kind.value,
        "overlap_limit": draft.overlap.limit,
        "grace_ms": draft.grace // _MILLISECOND,
        "timeout_ms": None if draft.timeout is None else draft.timeout // _MILLISECOND,
    }
