"""A small inventory: webs, a database, groups in groups and groups by selector."""

from __future__ import annotations

from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.inventory import Inventory, InventoryDevice, InventoryGroup

DEVICES: dict[str, set[str]] = {
    "web01": {"prod", "web"},
    "web02": {"prod", "web"},
    "web07": {"stage", "web"},
    "db01": {"prod"},
    "cache": set(),
}
IDS = {name: DeviceId(number) for number, name in enumerate(DEVICES, start=1)}


def group(
    number: int, name: str, *devices: str, groups: tuple[int, ...] = (), selector: str | None = None
) -> InventoryGroup:
    return InventoryGroup(
        id=GroupId(number),
        name=name,
        selector=selector,
        devices=frozenset(IDS[device] for device in devices),
        groups=frozenset(GroupId(child) for child in groups),
    )


def inventory(*more: InventoryGroup) -> Inventory:
    groups = (
        group(1, "web", "web01", "web02", "web07"),
        group(2, "data", "db01"),
        group(3, "all-of-it", groups=(1, 2)),
        group(4, "production", selector="tag:prod"),
        group(5, "cache"),
        *more,
    )
    return Inventory(
        devices={number: InventoryDevice(number, name, frozenset(DEVICES[name])) for name, number in IDS.items()},
        groups={one.id: one for one in groups},
    )
