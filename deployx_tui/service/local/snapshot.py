"""Devices and groups as they are now, with what planning makes of them; kept as long as nothing changes.

A list of a hundred tasks asks how many devices each one means, and most tasks mean the same few things: each
question is answered once per version of the inventory.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

from sqlalchemy import Connection

from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId
from deployx_tui.model.inventory import Inventory, InventoryDevice
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

    def groups_of(self, device: DeviceId) -> tuple[str, ...]:
        """`member_of` of one device, asked of an inventory that holds no other."""
        found = self.inventory.devices.get(device)
        if found is None:
            return ()
        alone = Inventory({device: found}, self.inventory.groups)
        return tuple(sorted(group.name for group in alone.groups.values() if device in members(alone, group.id)))

    def with_device(self, version: int, device: InventoryDevice, groups: Collection[GroupId]) -> Snapshot:
        """The next version, in which this device is new or changed, and a direct member of these groups."""
        changed = {
            group.id: replace(
                group, devices=group.devices | {device.id} if group.id in groups else group.devices - {device.id}
            )
            for group in self.inventory.groups.values()
            if (group.id in groups) != (device.id in group.devices)
        }
        return Snapshot(
            version,
            Inventory({**self.inventory.devices, device.id: device}, {**self.inventory.groups, **changed}),
        )

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
        self._writing = _Writing()

    def of(self, c: Connection) -> Snapshot:
        """The snapshot that holds in this transaction."""
        version = store.version(c)
        for kept in (self._newest, self._writing.made):
            if kept is not None and kept.version == version:
                return kept
        made = Snapshot(version, store.load_inventory(c))
        if self._writing.depth:
            # others shall not see what may be rolled back: the next change would get the same version
            self._writing.made = made
        else:
            self._keep(made)
        return made

    def follow(self, c: Connection, before: Snapshot, device: InventoryDevice, groups: Collection[GroupId]) -> Snapshot:
        """After the one change of this device in a transaction that began with `before`: the snapshot that holds now.

        Ten thousand devices that are added one by one must not each read the others anew.
        """
        version = store.version(c)
        if version != before.version + 1:
            return self.of(c)  # somebody else's change came in between
        self._writing.made = before.with_device(version, device, groups)
        return self._writing.made

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around a transaction that writes, of this thread: what it makes is kept once it has committed."""
        self._writing.depth += 1
        try:
            yield
            made = self._writing.made
            if made is not None:
                self._keep(made)
        finally:
            self._writing.depth -= 1
            self._writing.made = None

    def _keep(self, made: Snapshot) -> None:
        with self._lock:
            # a transaction that began earlier must not put an older one in its place
            if self._newest is None or self._newest.version < made.version:
                self._newest = made


class _Writing(threading.local):
    """Of a thread: whether it writes, and the snapshot that it made of what is not committed yet."""

    depth = 0
    made: Snapshot | None = None
