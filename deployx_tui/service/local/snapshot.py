"""Devices and groups as they are now, with what planning makes of them; kept as long as nothing changes.

A list of a hundred tasks asks how many devices each one means, and most tasks mean the same few things: each
question is answered once per version of the inventory.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from functools import cached_property

from sqlalchemy import Connection

from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId
from deployx_tui.model.inventory import Inventory
from deployx_tui.model.task import TaskDraft
from deployx_tui.planning.selectors import members
from deployx_tui.planning.targets import resolve_targets
from deployx_tui.store import inventory as store
from deployx_tui.store.task_list import Touching

Targets = tuple[tuple[DeviceId, str, str], ...]
Failed = Callable[[ExecutionId], frozenset[DeviceId]]

#: what a snapshot remembers of selectors; a bound, not a limit
_MOST_REMEMBERED = 20_000


class Snapshot:
    """One version of the inventory. Threads share it; the worst that a race costs is an answer computed twice."""

    def __init__(self, version: int, inventory: Inventory) -> None:
        self.version = version
        self.inventory = inventory
        self._counts: dict[tuple[str, tuple[DeviceId, ...], tuple[GroupId, ...]], int] = {}

    def targets(self, draft: TaskDraft, failed: Failed) -> Targets:
        """What a draft means now; names that are gone mean nothing."""
        return resolve_targets(draft.selector, draft.device_ids, draft.group_ids, self.inventory, failed, lenient=True)

    def target_count(self, draft: TaskDraft, failed: Failed) -> int:
        key = (draft.selector, draft.device_ids, draft.group_ids)
        found = self._counts.get(key)
        if found is None:
            found = len(self.targets(draft, failed))
            # what failed in a run is no fact of the inventory
            if "failed:" not in draft.selector and len(self._counts) < _MOST_REMEMBERED:
                self._counts[key] = found
        return found

    @cached_property
    def members(self) -> Mapping[GroupId, tuple[DeviceId, ...]]:
        """All members of each group, through nesting and selectors, by id."""
        return {group: members(self.inventory, group) for group in self.inventory.groups}

    @cached_property
    def member_of(self) -> Mapping[DeviceId, tuple[str, ...]]:
        """The names of all groups that hold a device, sorted."""
        found: defaultdict[DeviceId, list[str]] = defaultdict(list)
        for group, devices in self.members.items():
            for device in devices:
                found[device].append(self.inventory.groups[group].name)
        return {device: tuple(sorted(names)) for device, names in found.items()}

    def touching(self, devices: Collection[DeviceId], selectors: Collection[str], failed: Failed) -> Touching:
        """What makes a task run on one of these devices; `selectors` are those that any task has."""
        wanted = frozenset(devices)
        groups = [group for group, held in self.members.items() if not wanted.isdisjoint(held)]
        fitting = [
            selector
            for selector in selectors
            if any(
                device in wanted
                for device, _, _ in resolve_targets(selector, (), (), self.inventory, failed, lenient=True)
            )
        ]
        return Touching(wanted, groups, fitting)


class Snapshots:
    """The newest snapshot. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: Snapshot | None = None

    def of(self, c: Connection) -> Snapshot:
        """The snapshot that holds in this transaction."""
        version = store.version(c)
        kept = self._newest
        if kept is not None and kept.version == version:
            return kept
        made = Snapshot(version, store.load_inventory(c))
        with self._lock:
            # a transaction that began earlier must not put an older one in its place
            if self._newest is None or self._newest.version < version:
                self._newest = made
        return made
