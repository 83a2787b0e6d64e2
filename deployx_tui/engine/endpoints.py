"""From devices in the store to where and as whom a transport connects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from deployx_tui.model.device import HostKeyPolicy
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.inventory import Inventory
from deployx_tui.planning.host_keys import effective_policy
from deployx_tui.planning.selectors import members
from deployx_tui.store import devices, groups
from deployx_tui.transports.base import Endpoint


def endpoints(c: Connection, wanted: Iterable[DeviceId], inventory: Inventory) -> dict[DeviceId, Endpoint]:
    """Of the devices that exist and are not deleted, as they are now."""
    stored = devices.by_ids(c, wanted)
    policies = _group_policies(c, inventory)
    return {
        device.id: Endpoint(
            device_id=device.id,
            name=device.draft.name,
            address=device.draft.address,
            port=device.draft.port,
            user=device.draft.user,
            transport=device.draft.transport,
            key_file=device.draft.key_file,
            host_key_policy=effective_policy(device.draft.host_key_policy, policies.get(device.id, ())),
        )
        for device in stored.values()
    }


def _group_policies(c: Connection, inventory: Inventory) -> Mapping[DeviceId, list[HostKeyPolicy]]:
    """What the groups say of their members; most groups say nothing."""
    found: defaultdict[DeviceId, list[HostKeyPolicy]] = defaultdict(list)
    for group in groups.every(c):
        if group.draft.host_key_policy is not None:
            for device in members(inventory, group.id):
                found[device].append(group.draft.host_key_policy)
    return found
