"""Which credential goes to which device. A secret never reaches a device that it is not bound to.

A device gets, for a purpose, the credential that it names; else the one that is bound to a group which holds it. One
with groups goes to devices in them only, whoever names it; one without goes to those only that name it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from deployx_tui.model.ids import CredentialId, DeviceId, GroupId
from deployx_tui.model.inventory import Inventory
from deployx_tui.model.secret import Purpose
from deployx_tui.planning.selectors import members
from deployx_tui.store import credentials
from deployx_tui.store.credentials import StoredCredential


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Nobody can tell which, or the one that is named may not go there: nothing is sent."""

    message: str
    remedy: str


class Bindings:
    """The bindings of some devices, read at once."""

    def __init__(
        self,
        inventory: Inventory,
        known: Iterable[StoredCredential],
        named: Mapping[DeviceId, tuple[CredentialId, ...]],
    ) -> None:
        self._inventory, self._named = inventory, named
        self._known = {each.id: each for each in known}
        groups = {group for each in self._known.values() for group in each.draft.groups if group in inventory.groups}
        self._members = {group: frozenset(members(inventory, group)) for group in groups}
        #: those that a device gets by its groups, by purpose: ten thousand devices ask once each
        self._bound: defaultdict[tuple[Purpose, DeviceId], list[StoredCredential]] = defaultdict(list)
        for each in self._known.values():
            for device in self._reached(each):
                self._bound[each.draft.kind.purpose, device].append(each)

    @classmethod
    def load(cls, c: Connection, inventory: Inventory, devices: Iterable[DeviceId] | None = None) -> Bindings:
        """Of these devices; None: of all."""
        return cls(inventory, credentials.every(c), credentials.named_by(c, devices))

    @property
    def is_empty(self) -> bool:
        """There is no credential at all."""
        return not self._known

    def of(self, device: DeviceId, purpose: Purpose) -> StoredCredential | Ambiguous | None:
        """None: this device has none for this purpose."""
        named = [
            each
            for id_ in self._named.get(device, ())
            if (each := self._known.get(id_)) is not None and each.draft.kind.purpose is purpose
        ]
        if named:
            return self._the_one(device, purpose, named, "names")
        bound = self._bound.get((purpose, device))
        return self._the_one(device, purpose, bound, "is in the groups of") if bound else None

    def known(self, credential: CredentialId) -> StoredCredential | None:
        """None: it was deleted."""
        return self._known.get(credential)

    def refusal(self, credential: StoredCredential, device: DeviceId) -> Ambiguous | None:
        """Why a credential that a run names may not go to a device. None: it may."""
        if self._may_go(credential, device):
            return None
        name = self._name(device)
        return Ambiguous(
            f"the credential {credential.name} goes to devices in {self._groups(credential)} only, "
            f"and {name} is in none of them",
            "put the device into such a group, or give the run another credential",
        )

    def devices_of(self, credential: CredentialId) -> tuple[DeviceId, ...]:
        """Where it goes now, sorted."""
        purpose = self._known[credential].draft.kind.purpose
        near = {device for device, named in self._named.items() if credential in named}
        near |= self._reached(self._known[credential])

        def goes_to(device: DeviceId) -> bool:
            found = self.of(device, purpose)
            return isinstance(found, StoredCredential) and found.id == credential

        return tuple(device for device in sorted(near) if goes_to(device))

    def _the_one(
        self, device: DeviceId, purpose: Purpose, found: list[StoredCredential], how: str
    ) -> StoredCredential | Ambiguous:
        name = self._name(device)
        if len(found) > 1:
            names = ", ".join(sorted(each.name for each in found))
            return Ambiguous(
                f"{name} {how} several credentials for {purpose.value}: {names}",
                f"let it name one of them: deployx device edit {name} --credential NAME",
            )
        if not self._may_go(found[0], device):
            return Ambiguous(
                f"the credential {found[0].name} goes to devices in {self._groups(found[0])} only, "
                f"and {name} is in none of them",
                "put the device into such a group, or let it name another credential",
            )
        return found[0]

    def _reached(self, credential: StoredCredential) -> frozenset[DeviceId]:
        """Through its groups."""
        return frozenset[DeviceId]().union(*(self._members.get(group, ()) for group in credential.draft.groups))

    def _may_go(self, credential: StoredCredential, device: DeviceId) -> bool:
        groups = credential.draft.groups
        return not groups or any(device in self._members.get(group, ()) for group in groups)

    def _groups(self, credential: StoredCredential) -> str:
        return ", ".join(sorted(self._group(group) for group in credential.draft.groups))

    def _group(self, group: GroupId) -> str:
        found = self._inventory.groups.get(group)
        return str(group) if found is None else found.name

    def _name(self, device: DeviceId) -> str:
        found = self._inventory.devices.get(device)
        return str(device) if found is None else found.name


def for_device(
    c: Connection, inventory: Inventory, device: DeviceId, purpose: Purpose
) -> StoredCredential | Ambiguous | None:
    """`Bindings.of` for one device alone. None: it has none for this purpose."""
    return Bindings.load(c, inventory, [device]).of(device, purpose)
