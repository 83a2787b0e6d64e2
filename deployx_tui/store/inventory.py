"""The inventory snapshot: what planning needs to know of devices and groups, in five queries.

Reads only; `store/devices.py` and `store/groups.py` write, and call `touch` in the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

from sqlalchemy import Connection, select

from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.inventory import Inventory, InventoryDevice, InventoryGroup
from deployx_tui.store import counters, facts
from deployx_tui.store.schema import (
    device_group_map,
    device_groups,
    device_tags,
    devices,
    group_group_map,
)

K = TypeVar("K")
V = TypeVar("V")


def load_inventory(c: Connection) -> Inventory:
    """Every device and group that is not deleted. 10,000 devices take some 30 ms, so keep it per `version`."""
    alive = {
        DeviceId(row.id): row
        for row in c.execute(
            select(devices.c.id, devices.c.device_name, devices.c.jump_id).where(devices.c.deleted_at.is_(None))
        )
    }
    systems = facts.systems(c)
    tags = _gather((DeviceId(row.device_id), row.tag) for row in c.execute(select(device_tags)))
    members = _gather(
        (GroupId(row.group_id), DeviceId(row.device_id))
        for row in c.execute(select(device_group_map))
        if row.device_id in alive
    )
    groups = c.execute(
        select(device_groups.c.id, device_groups.c.group_name, device_groups.c.selector).where(
            device_groups.c.deleted_at.is_(None)
        )
    ).all()
    known = {row.id for row in groups}
    children = _gather(
        (GroupId(row.group_id), GroupId(row.child_id))
        for row in c.execute(select(group_group_map))
        if row.child_id in known
    )
    return Inventory(
        devices={
            id_: InventoryDevice(
                id_, row.device_name, tags.get(id_, frozenset()), *systems.get(id_, facts.NO_SYSTEM), row.jump_id
            )
            for id_, row in alive.items()
        },
        groups={
            GroupId(row.id): InventoryGroup(
                GroupId(row.id),
                row.group_name,
                row.selector,
                members.get(GroupId(row.id), frozenset()),
                children.get(GroupId(row.id), frozenset()),
            )
            for row in groups
        },
    )


def version(c: Connection) -> int:
    """Grows with every change that `load_inventory` would show; a snapshot of the same version is still true."""
    return counters.read(c, counters.INVENTORY)


def touch(c: Connection) -> None:
    """Say that devices or groups changed; first of all in their transactions, which then follow one another."""
    counters.grow(c, counters.INVENTORY)


def _gather(pairs: Iterable[tuple[K, V]]) -> dict[K, frozenset[V]]:
    found: defaultdict[K, set[V]] = defaultdict(set)
    for key, value in pairs:
        found[key].add(value)
    return {key: frozenset(values) for key, values in found.items()}
