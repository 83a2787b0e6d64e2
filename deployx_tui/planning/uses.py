"""Which selections of targets change when devices or groups are deleted. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.inventory import Inventory
from deployx_tui.model.task import TaskDraft
from deployx_tui.planning.selectors import GroupTerm, Word, parse
from deployx_tui.planning.targets import resolve_targets

_Chosen = tuple[str, tuple[DeviceId, ...], tuple[GroupId, ...]]


class Uses:
    """Asked of many tasks; a selection that several have is looked at once."""

    def __init__(
        self, inventory: Inventory, *, devices: Collection[DeviceId] = (), groups: Collection[GroupId] = ()
    ) -> None:
        """`devices` and `groups` are those that would go."""
        self._before = inventory
        self._after = replace(
            inventory,
            devices={number: one for number, one in inventory.devices.items() if number not in devices},
            groups={number: one for number, one in inventory.groups.items() if number not in groups},
        )
        self._device_ids, self._group_ids = frozenset(devices), frozenset(groups)
        gone = [inventory.groups[number].name for number in groups if number in inventory.groups]
        self._group_names = frozenset(gone)
        self._names = self._group_names.union(
            inventory.devices[number].name for number in devices if number in inventory.devices
        )
        self._seen: dict[_Chosen, bool] = {}

    def used_by(self, draft: TaskDraft) -> bool:
        """Whether a task names one of them, or runs on other devices when they are gone: by a pattern, a tag, a group
        around them."""
        chosen = (draft.selector, draft.device_ids, draft.group_ids)
        if chosen not in self._seen:
            self._seen[chosen] = self._names_one(draft) or self._reach(draft, self._before) != self._reach(
                draft, self._after
            )
        return self._seen[chosen]

    def _names_one(self, draft: TaskDraft) -> bool:
        if self._group_ids.intersection(draft.group_ids) or self._device_ids.intersection(draft.device_ids):
            return True
        terms = parse(draft.selector).terms if draft.selector.strip() else ()
        return any(
            (isinstance(term, Word) and term.name in self._names)
            or (isinstance(term, GroupTerm) and term.pattern in self._group_names)
            for term in terms
        )

    def _reach(self, draft: TaskDraft, inventory: Inventory) -> frozenset[DeviceId]:
        # lenient: what is gone means nothing
        found = resolve_targets(draft.selector, draft.device_ids, draft.group_ids, inventory, lenient=True)
        return frozenset(device for device, _, _ in found)
