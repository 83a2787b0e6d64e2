"""Names into ids, and whole lists out of pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployx_tui.model.device import Device, Group
    from deployx_tui.model.ids import DeviceId, GroupId
    from deployx_tui.model.task import Task
    from deployx_tui.service.backend import Backend


async def all_devices(backend: Backend, text: str = "") -> list[Device]:
    """Every device by name, whose name or address holds `text`."""
    found: list[Device] = []
    cursor: str | None = None
    while True:
        page = await backend.devices.list(text, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def all_groups(backend: Backend) -> dict[GroupId, Group]:
    return {one.id: one for one in (await backend.groups.list()).items}


async def group_ids(backend: Backend, names: Sequence[str]) -> tuple[GroupId, ...]:
    """Of names or ids, with or without `@`; NotFound, Ambiguous."""
    return tuple([(await backend.groups.find(name.removeprefix("@"))).id for name in names])


async def device_ids(backend: Backend, names: Sequence[str]) -> tuple[DeviceId, ...]:
    """Of names or ids; NotFound, Ambiguous."""
    return tuple([(await backend.devices.find(name)).id for name in names])


async def tasks_that_name(
    backend: Backend, *, groups: Sequence[Group] = (), devices: Sequence[Device] = ()
) -> list[Task]:
    """Tasks that lose targets when these are deleted: by id, or by a word of their selector. No pattern counts."""
    from dataclasses import replace

    from deployx_tui.model.task import TaskQuery
    from deployx_tui.planning.selectors import GroupTerm, Word, parse

    group_names, device_names = {one.name for one in groups}, {one.name for one in devices}
    group_ids, device_ids = {one.id for one in groups}, {one.id for one in devices}

    def is_named(one: Task) -> bool:
        if group_ids.intersection(one.draft.group_ids) or device_ids.intersection(one.draft.device_ids):
            return True
        terms = parse(one.draft.selector).terms if one.draft.selector.strip() else ()
        return any(
            (isinstance(term, Word) and term.name in group_names | device_names)
            or (isinstance(term, GroupTerm) and term.pattern in group_names)
            for term in terms
        )

    query = TaskQuery(limit=1000)
    found: list[Task] = []
    while True:
        page = await backend.tasks.list(query)
        found += [one for one in page.items if is_named(one)]
        if page.next_cursor is None:
            return found
        query = replace(query, cursor=page.next_cursor)


def use_words(tasks: Sequence[Task], shown: int = 5) -> str:
    """ "used by 2 tasks: nightly-backup (1), reports (4)"."""
    names = ", ".join(f"{one.name} ({one.id})" for one in tasks[:shown])
    more = f" and {len(tasks) - shown} more" if len(tasks) > shown else ""
    return f"used by {len(tasks)} {'task' if len(tasks) == 1 else 'tasks'}: {names}{more}"
