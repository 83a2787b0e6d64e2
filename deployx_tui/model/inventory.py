"""Devices and groups as a selector sees them: a snapshot, made by the store, read by planning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deployx_tui.model.device import DeviceDraft
from deployx_tui.model.facts import KnownFacts, canonical_arch
from deployx_tui.model.ids import DeviceId, GroupId


@dataclass(frozen=True, slots=True)
class InventoryDevice:
    id: DeviceId
    name: str
    tags: frozenset[str]
    #: what `os:` finds it by, such as debian and linux; empty: unknown
    os: frozenset[str] = frozenset()
    #: by its one name (`facts.canonical_arch`); None: unknown
    arch: str | None = None
    #: the device through which it is reached, as its row says
    jump: DeviceId | None = None


@dataclass(frozen=True, slots=True)
class InventoryGroup:
    id: GroupId
    name: str
    #: None: static
    selector: str | None
    devices: frozenset[DeviceId]
    groups: frozenset[GroupId]


@dataclass(frozen=True, slots=True)
class Inventory:
    devices: Mapping[DeviceId, InventoryDevice]
    groups: Mapping[GroupId, InventoryGroup]


def seen_by_selectors(device: DeviceId, draft: DeviceDraft, known: KnownFacts | None) -> InventoryDevice:
    """What selectors see of a device."""
    if known is None:
        return InventoryDevice(device, draft.name, draft.tags, jump=draft.jump)
    arch = known.facts.arch
    return InventoryDevice(
        device,
        draft.name,
        draft.tags,
        known.facts.os_words,
        None if arch is None else canonical_arch(arch),
        draft.jump,
    )


def jumps_of(inventory: Inventory, device: DeviceId) -> tuple[DeviceId, ...]:
    """A device and those on the way to it, from the device outwards. Ends before one that comes up again or is gone."""
    found: list[DeviceId] = []
    at: DeviceId | None = device
    while at is not None and at in inventory.devices and at not in found:
        found.append(at)
        at = inventory.devices[at].jump
    return tuple(found)


def reached_through(inventory: Inventory, device: DeviceId) -> tuple[str, ...]:
    """The names of the devices whose rows name this one as their jump host, sorted."""
    return tuple(sorted(each.name for each in inventory.devices.values() if each.jump == device))


def with_jumps(inventory: Inventory, devices: Iterable[DeviceId]) -> frozenset[DeviceId]:
    """These devices and all that are on the way to them."""
    return frozenset(hop for device in devices for hop in (device, *jumps_of(inventory, device)))
