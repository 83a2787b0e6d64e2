"""What a task runs on now: its selector, its device ids and its group ids together. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.inventory import Inventory
from deployx_tui.planning.selectors import Failed, members, resolve


def resolve_targets(
    selector: str,
    device_ids: Iterable[DeviceId],
    group_ids: Iterable[GroupId],
    inventory: Inventory,
    failed: Failed | None = None,
    *,
    lenient: bool = False,
) -> tuple[tuple[DeviceId, str, str], ...]:
    """(id, name, what brought it in) of each device once, by name.

    Ids of devices and groups that are gone mean nothing (`planning.validate` tells of them). InvalidInput as
    `selectors.resolve` raises it; a blank selector means nothing.
    """
    why: dict[DeviceId, str] = {}
    if selector.strip():
        why.update({device: term for device, _, term in resolve(selector, inventory, failed, lenient=lenient).devices})
    for device in device_ids:
        if device in inventory.devices:
            why.setdefault(device, inventory.devices[device].name)
    for group in group_ids:
        for device in members(inventory, group):
            why.setdefault(device, f"@{inventory.groups[group].name}")
    found = [(device, inventory.devices[device].name, term) for device, term in why.items()]
    return tuple(sorted(found, key=lambda row: (row[1], row[0])))
