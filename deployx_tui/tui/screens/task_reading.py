"""The rows that the Tasks screen has read: by filter, in pages, and the bad ones of any kind. It knows no widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from deployx_tui.errors import NotFound
from deployx_tui.model.ids import DeviceId, GroupId, TaskId
from deployx_tui.model.task import Task, TaskQuery, TaskSort
from deployx_tui.tui.filters import TaskFilter, parse_filter
from deployx_tui.tui.render.tasks import BAD

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend

PAGE = 200


class Listing:
    """What was asked for, and the tasks that came: the pages so far, in the order of the last question."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        #: how many fit the filter, and how many there are; None: not read yet
        self.total: int | None = None
        self.all: int | None = None
        self.filter = TaskFilter()
        #: the filter as it was typed
        self.text = ""
        self.only_failures = False
        #: a list that is being read comes to its end before it is read again: steady events would cancel it for ever
        self.is_loading = False
        self._cursor: str | None = None

    @property
    def has_more(self) -> bool:
        return self._cursor is not None

    @property
    def is_filtered(self) -> bool:
        return bool(self.text or self.only_failures)

    def ask(self, text: str) -> None:
        """Another filter line; what stands beyond the first page is not read again for it."""
        self.text = text.strip()
        self.filter = parse_filter(text)
        self.tasks = self.tasks[:PAGE]

    async def read(self, backend: Backend, sort: TaskSort, *, descending: bool) -> None:
        """The list anew, as far as it was read. Raises what the backend raises, NotFound for an `on:` that is none."""
        self.is_loading = True
        try:
            query = await query_of(backend, self.filter, sort, descending=descending)
            if self.only_failures:
                tasks, cursor, total = await read_failures(backend, query)
            else:
                tasks, cursor, total = await read_tasks(backend, query, max(PAGE, len(self.tasks)))
            everything = (await backend.tasks.list(TaskQuery(limit=1))).total if self.is_filtered else total
        finally:
            self.is_loading = False
        self.tasks, self._cursor, self.total, self.all = tasks, cursor, total, everything

    async def read_more(self, backend: Backend, sort: TaskSort, *, descending: bool) -> Sequence[Task]:
        """The next page; raises as `read`."""
        if self._cursor is None:
            return ()
        query = await query_of(backend, self.filter, sort, descending=descending)
        page = await backend.tasks.list(replace(query, cursor=self._cursor))
        self.tasks.extend(page.items)
        self._cursor = page.next_cursor
        return page.items

    async def read_one(self, backend: Backend, task_id: TaskId) -> Task | None:
        """A newer form of one of them, put in its place; None when it is none of them."""
        if not any(task.id == task_id for task in self.tasks):
            return None
        fresh = await backend.tasks.get(task_id)
        self.tasks = [fresh if each.id == fresh.id else each for each in self.tasks]
        return fresh


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
