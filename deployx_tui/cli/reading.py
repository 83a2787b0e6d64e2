"""Names into ids, and whole lists out of pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deployx_tui.model.words import counted

if TYPE_CHECKING:
    from deployx_tui.cli.invocation import Invocation
    from deployx_tui.model.device import Device, Group
    from deployx_tui.model.ids import CredentialId, DeviceId, GroupId
    from deployx_tui.model.task import TaskName
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


async def credential_ids(backend: Backend, names: Sequence[str]) -> tuple[CredentialId, ...]:
    """Of names or ids; NotFound."""
    return tuple([(await backend.credentials.find(name)).id for name in names])


async def device_ids(backend: Backend, names: Sequence[str]) -> tuple[DeviceId, ...]:
    """Of names or ids; NotFound, Ambiguous."""
    return tuple([(await backend.devices.find(name)).id for name in names])


async def note_shared_name(call: Invocation, backend: Backend, name: str) -> None:
    """A word where a device and a group have this name: for whoever has just given it to one of them."""
    from deployx_tui.cli import printing
    from deployx_tui.errors import NotFound
    from deployx_tui.planning.names import shared_name_words

    try:
        device, group = await backend.devices.find(name), await backend.groups.find(name)
    except NotFound:
        return
    # both are found by their ids too
    if device.name == group.name:
        printing.note(call, f"! {shared_name_words(name, device.id)}")


def use_words(tasks: Sequence[TaskName], shown: int = 5) -> str:
    """ "used by 2 tasks: nightly-backup (1), reports (4)"."""
    names = ", ".join(f"{one.name} ({one.id})" for one in tasks[:shown])
    more = f" and {len(tasks) - shown} more" if len(tasks) > shown else ""
    return f"used by {counted(len(tasks), 'task')}: {names}{more}"
