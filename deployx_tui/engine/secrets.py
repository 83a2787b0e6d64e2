"""What the devices of a batch need from the vault: taken at once, kept out of outputs, and written into the audit."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from deployx_tui.errors import VaultClosed
from deployx_tui.model.codec import JSON
from deployx_tui.model.execution import Cause
from deployx_tui.model.ids import CredentialId, DeviceId, EngineId
from deployx_tui.model.inventory import Inventory, with_jumps
from deployx_tui.model.parameter import SecretRef
from deployx_tui.model.secret import Purpose, Secret, VaultState
from deployx_tui.model.user import Actor
from deployx_tui.planning.plan import Work
from deployx_tui.store import audit, credentials
from deployx_tui.store.credentials import StoredCredential
from deployx_tui.transports.base import Endpoint, Login, Unreached
from deployx_tui.vault.binding import Ambiguous, Bindings
from deployx_tui.vault.envelope import Damaged
from deployx_tui.vault.vault import PASSPHRASE, VALUE, Vault


@dataclass(frozen=True, slots=True)
class Taken:
    """A secret that came out of the vault, and what names it in plans, pools and the audit."""

    credential: StoredCredential
    version: int
    value: Secret
    #: of an encrypted key; None: it is not
    passphrase: Secret | None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return (self.value,) if self.passphrase is None else (self.value, self.passphrase)


class Taking:
    """Secrets for some devices and those on the way to them, in one read transaction.

    Each is opened once, however many devices get it.
    """

    def __init__(self, c: Connection, vault: Vault, inventory: Inventory, devices: Iterable[DeviceId]) -> None:
        self._c, self._vault = c, vault
        self._bindings = Bindings.load(c, inventory, with_jumps(inventory, devices))
        self._opened: dict[tuple[CredentialId, int], Taken | Unreached] = {}
        #: what was given to which devices, for the audit
        self.given: defaultdict[tuple[CredentialId, int], list[DeviceId]] = defaultdict(list)

    def of(self, device: DeviceId, purpose: Purpose) -> Taken | Unreached | None:
        """The device's own secret for this purpose, at its present version. None: it has none.

        `Unreached`: it has one that can't be used; nothing must be sent in its place.
        """
        found = self._bindings.of(device, purpose)
        match found:
            case None:
                return None
            case Ambiguous(message, remedy):
                return Unreached(Cause.AUTH, f"{message}; nothing was sent", remedy)
            case StoredCredential():
                taken = self._open(found, found.secret_version)
                if isinstance(taken, Taken):
                    self.given[found.id, taken.version].append(device)
                return taken

    def login(self, device: DeviceId) -> Login | Unreached | None:
        """What an ssh device logs in with. None: what its account's own files and agent offer."""
        taken = self.of(device, Purpose.SSH_LOGIN)
        if not isinstance(taken, Taken):
            return taken
        draft = taken.credential.draft
        return Login(
            credential_id=taken.credential.id,
            secret_version=taken.version,
            name=draft.name,
            kind=draft.kind,
            user=draft.user,
            secret=taken.value,
            passphrase=taken.passphrase,
        )

    def parameter(self, device: DeviceId, wanted: SecretRef) -> Secret | Unreached:
        """A secret that the run gives to its command, at the version that its plan names."""
        found = self._bindings.known(wanted.credential)
        if found is None:
            return Unreached(
                Cause.AUTH, f"credential {wanted.name} was deleted; nothing was sent", "start it with another one"
            )
        if (refusal := self._bindings.refusal(found, device)) is not None:
            return Unreached(Cause.AUTH, f"{refusal.message}; nothing was sent", refusal.remedy)
        taken = self._open(found, wanted.version)
        if isinstance(taken, Unreached):
            return taken
        self.given[found.id, taken.version].append(device)
        return taken.value

    def record(self, c: Connection, actor: Actor, engine: EngineId, now_ms: int, **what: JSON) -> None:
        """An entry for each secret that was given out, before anything is done with it."""
        credentials.used(c, (credential for credential, _ in self.given), now_ms)
        for (credential, version), devices in sorted(self.given.items()):
            audit.write(
                c,
                at_ms=now_ms,
                engine_id=engine,
                actor=actor,
                action="credential.use",
                noun="credential",
                object_id=credential,
                request_id=uuid.uuid4().hex,
                after={**what, "secret_version": version, "device_ids": [*sorted(devices)]},
            )

    def _open(self, credential: StoredCredential, version: int) -> Taken | Unreached:
        key = (credential.id, version)
        if key not in self._opened:
            self._opened[key] = self._opened_now(credential, version)
        return self._opened[key]

    def _opened_now(self, credential: StoredCredential, version: int) -> Taken | Unreached:
        name = credential.name
        remedy = f"deployx credential rotate {name} puts another secret in"
        try:
            value = self._vault.reveal(self._c, credential.id, version, VALUE)
            passphrase = self._vault.reveal(self._c, credential.id, version, PASSPHRASE)
        except VaultClosed as closed:
            return Unreached(Cause.AUTH, f"{closed}; nothing was sent", "deployx vault status says what helps")
        except Damaged:
            return Unreached(
                Cause.AUTH, f"the secret of credential {name} was changed or damaged: it does not open", remedy
            )
        if value is None:
            return Unreached(Cause.AUTH, f"credential {name} has no secret any more", remedy)
        return Taken(credential, version, value, passphrase)


def sudo_passwords(
    taking: Taking, reachable: Mapping[DeviceId, Endpoint | Unreached]
) -> Mapping[DeviceId, Secret | Unreached]:
    """What each device's sudo asks for, where there is one for it; `Unreached`: it can't be used."""
    found: dict[DeviceId, Secret | Unreached] = {}
    for device, endpoint in reachable.items():
        if isinstance(endpoint, Unreached):
            continue
        match taking.of(device, Purpose.SUDO):
            case Taken(value=value):
                found[device] = value
            case Unreached() as unusable:
                found[device] = replace(unusable, cause=Cause.SUDO)
    return found


def waits_for_vault(c: Connection, vault: Vault, inventory: Inventory, devices: Iterable[DeviceId], work: Work) -> bool:
    """Whether one of these devices or the work itself needs a secret, and none can be read now."""
    if vault.look(c) in (VaultState.OPEN, VaultState.EMPTY):
        return False
    if any(each.secret is not None for each in work.values or ()):
        return True
    wanted = with_jumps(inventory, devices)
    purposes = [Purpose.SSH_LOGIN] if work.payload.run_as is None else [Purpose.SSH_LOGIN, Purpose.SUDO]
    bindings = Bindings.load(c, inventory, wanted)
    return not bindings.is_empty and any(
        isinstance(bindings.of(device, purpose), StoredCredential) for device in wanted for purpose in purposes
    )


def secrets_on_the_way(endpoint: Endpoint | Unreached | None) -> tuple[Secret, ...]:
    """What the logins of a target and of its jump hosts bring into the mask of its output and messages."""
    if not isinstance(endpoint, Endpoint):
        return ()
    logins = [each.login for each in (endpoint, *endpoint.jumps) if each.login is not None]
    return tuple(secret for login in logins for secret in (login.secret, login.passphrase) if secret is not None)
