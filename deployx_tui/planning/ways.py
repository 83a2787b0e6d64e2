"""Which device leads to which, in an import: the jump hosts that a file says, as devices. Pure.

A jump host that is neither in the file nor known becomes a device of its own: the way to a host is part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.hosts import JumpHost
from deployx_tui.model.importing import HostStanding, LeftOut, PlannedHost
from deployx_tui.model.inventory import Inventory
from deployx_tui.planning.validate import validate_device

_SSH = 22


class Ways:
    """The hosts of a plan while they get their jump hosts."""

    def __init__(self, hosts: Iterable[PlannedHost], inventory: Inventory, addresses: Mapping[str, str]) -> None:
        self._hosts = {host.name: host for host in hosts}
        self._by_address: dict[str, list[str]] = {}
        for host in self._hosts.values():
            self._by_address.setdefault(host.draft.address, []).append(host.name)
        self._addresses = addresses
        self._made_up: set[str] = set()
        names = {device.id: device.name for device in inventory.devices.values()}
        #: the jump host of each device that exists
        self._known = {
            device.name: None if device.jump is None else names.get(device.jump)
            for device in inventory.devices.values()
        }

    def planned(self) -> tuple[PlannedHost, ...]:
        """The hosts, and the jump hosts that were made up for those that are new."""
        needed: set[str] = set()
        for name, host in self._hosts.items():
            if host.is_new and name not in self._made_up:
                needed.update(self._way(name))
        return tuple(host for name, host in self._hosts.items() if name not in self._made_up or name in needed)

    def lead(self, name: str, jumps: tuple[JumpHost, ...]) -> None:
        """Give a new host its jump hosts, outermost first; what does not work refuses it.

        Without them it would be another host that answers to the address, or none.
        """
        through: str | None = None
        for number, jump in enumerate(jumps):
            found = self._device(jump, through, is_first=number == 0)
            if isinstance(found, LeftOut):
                self._refuse(name, f"{found.what}: {found.why}")
                return
            through = found
        if through is not None and name in (through, *self._way(through)):
            self._refuse(name, f"jump host {jumps[-1].host}: it would be reached through itself")
        else:
            self._hosts[name] = replace(self._hosts[name], jump=through)

    def _refuse(self, name: str, why: str) -> None:
        self._hosts[name] = replace(self._hosts[name], standing=HostStanding.REFUSED, why=why)

    def _device(self, jump: JumpHost, through: str | None, *, is_first: bool) -> str | LeftOut:
        """The name of the device that a word of ProxyJump means, reached through another one."""
        name = self._named(jump)
        if name is None:
            return self._new(jump, through)
        if is_first:
            return name  # how it is reached is its own affair
        if self._jump_of(name) == through:
            return name
        host = self._hosts.get(name)
        if host is not None and host.is_new and host.jump is None and name not in self._way(through):
            self._hosts[name] = replace(host, jump=through)
            return name
        return LeftOut(f"jump host {jump.host}", f"it is not reached through {through}, as the file wants it")

    def _named(self, jump: JumpHost) -> str | None:
        for name in [jump.host, *self._by_address.get(jump.host, [])]:
            host = self._hosts.get(name)
            if host is not None and host.standing is not HostStanding.REFUSED and _is_meant(host.draft, jump):
                return name
        return jump.host if jump.host in self._known else self._addresses.get(jump.host)

    def _new(self, jump: JumpHost, through: str | None) -> str | LeftOut:
        name = jump.host
        if name in self._hosts:  # another account or port of a host of the file
            name = "-".join(filter(None, (jump.user or "jump", jump.host, str(jump.port or ""))))
        if name in self._hosts or name in self._known:
            return name if self._jump_of(name) == through else LeftOut(f"jump host {jump.host}", f"{name} is another")
        draft = DeviceDraft(name=name, address=jump.host, port=jump.port, user=jump.user)
        if problems := validate_device(draft, Inventory({}, {})):
            return LeftOut(f"jump host {jump.host}", problems[0].message)
        self._hosts[name] = PlannedHost(draft=draft, standing=HostStanding.NEW, jump=through)
        self._by_address.setdefault(jump.host, []).append(name)
        self._made_up.add(name)
        return name

    def _jump_of(self, name: str) -> str | None:
        host = self._hosts.get(name)
        return host.jump if host is not None and host.is_new else self._known.get(name)

    def _way(self, name: str | None) -> list[str]:
        """The jump hosts of a device, the nearest first."""
        way: list[str] = []
        while name is not None and (name := self._jump_of(name)) is not None and name not in way:
            way.append(name)
        return way


def _is_meant(draft: DeviceDraft, jump: JumpHost) -> bool:
    """Whether a host of the file is the one of a word of ProxyJump: all that the word says fits."""
    return (
        draft.transport is TransportKind.SSH
        and jump.user in (None, draft.user)
        and jump.port in (None, draft.port or _SSH)
    )
