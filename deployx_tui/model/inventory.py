"""Devices and groups as a selector sees them: a snapshot, made by the store, read by planning."""

from __future__ import annotations

from collections.abc import Mapping
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
        return InventoryDevice(device, draft.name, draft.tags)
    arch = known.facts.arch
    return InventoryDevice(
        device, draft.name, draft.tags, known.facts.os_words, None if arch is None else canonical_arch(arch)
    )
