"""From devices in the store to where and as whom a transport connects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection

from deployx_tui.engine.secrets import Taking
from deployx_tui.model.device import HostKeyPolicy, TransportKind
from deployx_tui.model.execution import Cause
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.inventory import Inventory, jumps_of, with_jumps
from deployx_tui.planning.host_keys import effective_policy
from deployx_tui.planning.selectors import members
from deployx_tui.store import devices, groups
from deployx_tui.store.devices import StoredDevice
from deployx_tui.transports.base import Endpoint, Unreached


def endpoints(
    c: Connection, wanted: Iterable[DeviceId], inventory: Inventory, taking: Taking
) -> dict[DeviceId, Endpoint | Unreached]:
    """Of the devices that exist and are not deleted, as they are now, with the jump hosts of their rows.

    `Unreached`: its credential, or that of a jump host, can't be used, or the way leads nowhere.
    """
    policies = _group_policies(c, inventory)
    asked = tuple(wanted)
    stored = devices.by_ids(c, with_jumps(inventory, asked))
    single = {device.id: _endpoint(device, policies.get(device.id, ()), taking) for device in stored.values()}
    return {device: _with_way(device, single, inventory) for device in asked if device in single}


def bare_endpoint(c: Connection, device: StoredDevice, inventory: Inventory) -> Endpoint | Unreached:
    """Without anything to log in with: for what needs no account there, nor on the way."""
    policies = _group_policies(c, inventory)
    stored = devices.by_ids(c, jumps_of(inventory, device.id))
    single = {each.id: _bare(each, policies.get(each.id, ())) for each in stored.values()}
    return _with_way(device.id, single, inventory)


def _with_way(
    device: DeviceId, single: Mapping[DeviceId, Endpoint | Unreached], inventory: Inventory
) -> Endpoint | Unreached:
    target = single[device]
    if isinstance(target, Unreached):
        return target
    _, *way = jumps_of(inventory, device)
    last = way[-1] if way else device
    if last not in inventory.devices or inventory.devices[last].jump is not None:
        return Unreached(
            Cause.UNREACHABLE,
            f"the way to {target.name} leads to a jump host that is deleted, or round in a circle",
            f"deployx device edit {target.name} --jump NAME",
        )
    jumps: list[Endpoint] = []
    for hop in reversed(way):
        found = single[hop]
        if isinstance(found, Unreached):
            return replace(found, message=f"the jump host {inventory.devices[hop].name}: {found.message}")
        if found.transport is TransportKind.SSH:  # this machine itself needs no way to be reached by
            jumps.append(found)
    return replace(target, jumps=tuple(jumps))


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
