"""How the Tasks screen asks for its rows: by filter, in pages, and the bad ones of any kind."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from deployx_tui.errors import NotFound
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.task import Task, TaskQuery, TaskSort
from deployx_tui.tui.filters import TaskFilter
from deployx_tui.tui.render.tasks import BAD

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend

PAGE = 200


async def query_of(backend: Backend, wanted: TaskFilter, sort: TaskSort, *, descending: bool) -> TaskQuery:
    """The filter as a query; NotFound when `on:` names neither a group nor a device."""
    group: GroupId | None = None
    device: DeviceId | None = None
    if wanted.on is not None:
        try:
            group = (await backend.groups.find(wanted.on)).id
        except NotFound:
            device = (await backend.devices.find(wanted.on)).id
    return TaskQuery(
        text=wanted.text,
        state=wanted.state,
        last_status=wanted.status,
        owner=wanted.owner,
        tag=wanted.tag,
        group_id=group,
        device_id=device,
        sort=sort,
        descending=descending,
        limit=PAGE,
    )


async def read_tasks(backend: Backend, query: TaskQuery, wanted: int) -> tuple[list[Task], str | None, int | None]:
    """At least `wanted` rows when there are so many; rows, cursor of the next page, how many match in all."""
    page = await backend.tasks.list(query)
    tasks = list(page.items)
    while page.next_cursor is not None and len(tasks) < wanted:
        page = await backend.tasks.list(replace(query, cursor=page.next_cursor))
        tasks.extend(page.items)
    return tasks, page.next_cursor, page.total


async def read_failures(backend: Backend, query: TaskQuery) -> tuple[list[Task], str | None, int | None]:
    """Tasks whose last run went wrong in any way: one question a status, put together in one order."""
    tasks: list[Task] = []
    total = 0
    for status in sorted(BAD):
        page = await backend.tasks.list(replace(query, last_status=status))
        tasks.extend(page.items)
        total += page.total if page.total is not None else len(page.items)
    tasks.sort(key=partial(_order, query.sort), reverse=query.descending)
    return tasks, None, total


def _order(sort: TaskSort, task: Task) -> tuple[bool, float, str]:
    """The same order as the store's, for tasks that came from several questions."""
    if sort is TaskSort.NAME:
        return (False, 0.0, task.name)
    at = {
        TaskSort.NEXT: task.next_execution,
        TaskSort.CREATED: task.created_at,
        TaskSort.LAST: task.last_execution,
    }[sort]
    return (at is None, 0.0 if at is None else at.timestamp(), task.name)
