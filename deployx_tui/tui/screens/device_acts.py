"""What is done to devices and groups: delete with undo, run once. Each asks what it must, acts, says what it did."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from deployx_tui.model.device import Device, Group
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.task import TaskName
from deployx_tui.model.words import counted
from deployx_tui.tui.commanding import obey
from deployx_tui.tui.commands import RunAdHoc
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.screens.ad_hoc import AdHoc
from deployx_tui.tui.screens.dialogs import confirm, names_line

if TYPE_CHECKING:
    from deployx_tui.tui.screens.place import Place


async def delete_devices(place: Place, devices: Sequence[Device], protected: Collection[DeviceId]) -> bool:
    """Out of every list; several want their count, a protected one its name. `u` takes it back. Whether any went."""
    guarded = [device for device in devices if device.id in protected]
    used = await place.attempt(place.bridge.backend.tasks.using(devices=[device.id for device in devices]))
    if used is None:
        return False
    if len(devices) > 1 or guarded:
        typed = str(len(devices)) if len(devices) > 1 else devices[0].name
        lines = [
            line(f"{counted(len(devices), 'device')}, {len(guarded)} of a protected group:"),
            names_line([device.name for device in devices]),
            *_lose_lines(used, "run there and no longer will"),
            line("their history stays, u takes it back"),
        ]
        question = confirm("Delete devices", lines, "delete", "out of every list and group", typed=typed)
        if not await place.app.push_screen_wait(question):
            return False
    gone: list[Device] = []
    for device in devices:
        if await place.attempt_done(place.bridge.backend.devices.delete(device.id, device.version)):
            gone.append(device)
    if not gone:
        return False
    what = gone[0].name if len(gone) == 1 else f"{counted(len(gone), 'device')}"

    async def take_back() -> object:
        back = [await place.bridge.backend.devices.restore(device.id) for device in gone]
        if place.deployx.place is not None:
            place.deployx.place.go_to(gone[0].id)
        return back

    place.deployx.can_undo(f"{what} {'is' if len(gone) == 1 else 'are'} back", take_back)
    lost = f", {counted(len(used), 'task')} ran there" if used else ""
    place.tell(f"{what} deleted{lost}; u takes it back", "warn")
    return True


async def delete_group(place: Place, group: Group) -> None:
    """The group goes, its devices stay. One that tasks name asks, a protected one wants its own name typed."""
    backend = place.bridge.backend
    used = await place.attempt(backend.tasks.using(groups=[group.id]))
    if used is None:
        return
    if group.draft.protected or group.draft.groups or used:
        lines = [
            line(f"{counted(len(group.members), 'device')} in it; they stay"),
            *_lose_lines(used, "find them through it and no longer will"),
            line("u takes it back"),
        ]
        question = confirm(
            f"Delete the group {group.name}",
            lines,
            "delete",
            "the group only",
            typed=group.name if group.draft.protected else "",
        )
        if not await place.app.push_screen_wait(question):
            return
    if not await place.attempt_done(place.bridge.backend.groups.delete(group.id, group.version)):
        return

    async def take_back() -> object:
        return await place.bridge.backend.groups.restore(group.id)

    place.deployx.can_undo(f"group {group.name} is back", take_back)
    place.tell(f"group {group.name} deleted; u takes it back", "warn")
    place.reload()


def _lose_lines(tasks: Sequence[TaskName], says: str) -> tuple[Line, ...]:
    if not tasks:
        return (line("no task loses a target"),)
    return (
        line(span("! ", "warn"), f"{counted(len(tasks), 'task')} {says}:"),
        names_line([task.name for task in tasks]),
    )


async def run_once(place: Place, devices: Sequence[Device]) -> None:
    """A command on devices, without a task."""
    asked = await place.app.push_screen_wait(AdHoc(place.bridge, ",".join(device.name for device in devices)))
    if asked is not None:
        await obey(place.deployx, RunAdHoc(asked.selector, asked.command))
