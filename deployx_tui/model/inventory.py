"""Devices and groups as a selector sees them: a snapshot, made by the store, read by planning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deployx_tui.model.ids import DeviceId, GroupId


@dataclass(frozen=True, slots=True)
class InventoryDevice:
    id: DeviceId
    name: str
    tags: frozenset[str]


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
