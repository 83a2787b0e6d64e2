"""From devices in the store to where and as whom a transport connects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection

from deployx_tui.engine.secrets import Taking
from deployx_tui.model.device import HostKeyPolicy, TransportKind
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.inventory import Inventory
from deployx_tui.planning.host_keys import effective_policy
from deployx_tui.planning.selectors import members
from deployx_tui.store import devices, groups
from deployx_tui.store.devices import StoredDevice
from deployx_tui.transports.base import Endpoint, Unreached


def endpoints(
    c: Connection, wanted: Iterable[DeviceId], inventory: Inventory, taking: Taking
) -> dict[DeviceId, Endpoint | Unreached]:
    """Of the devices that exist and are not deleted, as they are now. `Unreached`: its credential can't be used."""
    stored = devices.by_ids(c, wanted)
    policies = _group_policies(c, inventory)
    return {device.id: _endpoint(device, policies.get(device.id, ()), taking) for device in stored.values()}


def bare_endpoint(c: Connection, device: StoredDevice, inventory: Inventory) -> Endpoint:
    """Without anything to log in with: for what needs no account there."""
    return _bare(device, _group_policies(c, inventory).get(device.id, ()))


def _endpoint(device: StoredDevice, policies: Iterable[HostKeyPolicy], taking: Taking) -> Endpoint | Unreached:
    login = taking.login(device.id) if device.draft.transport is TransportKind.SSH else None
    return login if isinstance(login, Unreached) else replace(_bare(device, policies), login=login)


def _bare(device: StoredDevice, policies: Iterable[HostKeyPolicy]) -> Endpoint:
    draft = device.draft
    return Endpoint(
        device_id=device.id,
        name=draft.name,
        address=draft.address,
        port=draft.port,
        user=draft.user,
        transport=draft.transport,
        key_file=draft.key_file,
        host_key_policy=effective_policy(draft.host_key_policy, policies),
    )


def _group_policies(c: Connection, inventory: Inventory) -> Mapping[DeviceId, list[HostKeyPolicy]]:
    """What the groups say of their members; most groups say nothing."""
    found: defaultdict[DeviceId, list[HostKeyPolicy]] = defaultdict(list)
    for group in groups.every(c):
        if group.draft.host_key_policy is not None:
            for device in members(inventory, group.id):
                found[device].append(group.draft.host_key_policy)
    return found
