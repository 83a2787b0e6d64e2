"""Credentials and a vault in memory, for UI tests: what was typed is kept where a test can look at it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deployx_tui.errors import InvalidInput, NotFound
from deployx_tui.model.ids import CredentialId, GroupId
from deployx_tui.model.page import Page
from deployx_tui.model.parameter import SecretRef
from deployx_tui.model.secret import (
    Credential,
    CredentialCheck,
    CredentialDraft,
    CredentialKind,
    NewSecret,
    Secret,
    VaultState,
    VaultStatus,
)
from tests.support import world

if TYPE_CHECKING:
    from tests.support.fake_backend import FakeBackend

_MADE = world.local(2026, 1, 12, 9, 30)
_DB = GroupId(4)


def credentials(devices: tuple[str, ...]) -> dict[CredentialId, Credential]:
    """The mock-ups': one key for everything, a sudo password for the databases, and one that nothing uses."""
    rows = [
        ("prod-ed25519", CredentialKind.SSH_KEY, "deploy", (), devices, "of the deploy account"),
        ("sudo-db", CredentialKind.SUDO, None, (_DB,), tuple(n for n in devices if n.startswith("db")), ""),
        ("old-nas", CredentialKind.PASSWORD, "admin", (), (), "until the new NAS is there"),
    ]
    return {
        CredentialId(number): Credential(
            id=CredentialId(number),
            draft=CredentialDraft(name=name, kind=kind, user=user, groups=groups, description=text),
            version=1,
            secret_version=1,
            created_at=_MADE,
            rotated_at=_MADE,
            last_used_at=world.local(2026, 3, 3, 15, 0, 2) if used else None,
            used_by=tuple(sorted(used)),
        )
        for number, (name, kind, user, groups, used, text) in enumerate(rows, start=1)
    }


class FakeCredentials:
    def __init__(self, w: FakeBackend) -> None:
        self.w = w
        self.rows = credentials(tuple(device.name for device in w.device_rows.values()))
        #: what was typed, by credential
        self.typed: dict[CredentialId, NewSecret] = {}
        #: refuse the next secret as an encrypted key without its passphrase
        self.wants_passphrase = False

    def parameter(self, name: str) -> SecretRef:
        """What a credential's name means to a parameter; asked by runs, not over the door."""
        found = next((each for each in self.rows.values() if each.name == name), None)
        if found is None or found.draft.kind is not CredentialKind.PARAMETER:
            raise InvalidInput.of("", f"there is no credential {name!r} for it", "make one of kind parameter")
        return SecretRef(credential=found.id, name=name, version=found.secret_version)

    async def list(self) -> Page[Credential]:
        await self.w.door("credentials.list")
        rows = sorted(self.rows.values(), key=lambda one: one.name)
        return Page(tuple(rows), None, len(rows))

    async def get(self, credential: CredentialId) -> Credential:
        await self.w.door("credentials.get")
        if credential not in self.rows:
            raise NotFound("credential", str(credential))
        return self.rows[credential]

    async def find(self, name_or_id: str) -> Credential:
        await self.w.door("credentials.find")
        for one in self.rows.values():
            if name_or_id in (one.name, str(one.id)):
                return one
        raise NotFound("credential", name_or_id)

    async def create(self, draft: CredentialDraft, secret: NewSecret) -> Credential:
        await self.w.door("credentials.create")
        self._take(secret)
        if any(one.name == draft.name for one in self.rows.values()):
            raise InvalidInput.of("credential_name", f"there is a credential {draft.name!r} already", "another name")
        number = CredentialId(max(self.rows, default=0) + 1)
        self.typed[number] = secret
        if self.w.vault.state is VaultState.EMPTY:
            self.w.vault.state = VaultState.OPEN
        now = self.w.now()
        return self._keep(
            Credential(
                id=number, draft=draft, version=1, secret_version=1, created_at=now, rotated_at=now, last_used_at=None
            )
        )

    async def update(self, credential: CredentialId, draft: CredentialDraft, version: int | None = None) -> Credential:
        await self.w.door("credentials.update")
        row = await self.get(credential)
        return self._keep(replace(row, draft=draft, version=row.version + 1))

    async def rotate(self, credential: CredentialId, secret: NewSecret, version: int | None = None) -> Credential:
        await self.w.door("credentials.rotate")
        self._take(secret)
        row = await self.get(credential)
        self.typed[credential] = secret
        return self._keep(
            replace(row, version=row.version + 1, secret_version=row.secret_version + 1, rotated_at=self.w.now())
        )

    async def delete(self, credential: CredentialId, version: int | None = None) -> None:
        await self.w.door("credentials.delete")
        del self.rows[credential]
        self.w.emit("credential.changed")

    async def check(self, credential: CredentialId) -> CredentialCheck:
        await self.w.door("credentials.check")
        return CredentialCheck(ok=True, message=f"the {self.rows[credential].draft.kind.value} opens")

    def _take(self, secret: NewSecret) -> None:
        if self.wants_passphrase and secret.passphrase is None:
            raise InvalidInput.of("passphrase", "the key is encrypted", "give its passphrase too")

    def _keep(self, one: Credential) -> Credential:
        self.rows[one.id] = one
        self.w.emit("credential.changed")
        return one


class FakeVault:
    def __init__(self, w: FakeBackend) -> None:
        self.w = w
        self.state = VaultState.OPEN
        #: in memory, and no more in its place
        self.is_key_gone = False

    async def status(self) -> VaultStatus:
        await self.w.door("vault.status")
        is_open = self.state is VaultState.OPEN
        place = "/home/alice/.config/deployx/vault.key"
        return VaultStatus(
            state=self.state,
            source=f"key file {place}" if is_open else "",
            key_id="" if self.state is VaultState.EMPTY else "5be2c0de5be2c0de",
            secrets=len(self.w.credentials.rows),
            message=""
            if is_open and not self.is_key_gone
            else f"there is no key: {place} is missing; put it back from its copy",
            back_up=place if is_open and not self.is_key_gone else "",
        )

    async def unlock(self, passphrase: Secret) -> VaultStatus:
        await self.w.door("vault.unlock")
        self.state = VaultState.OPEN
        return await self.status()

    async def rotate_master(self, passphrase: Secret | None = None) -> VaultStatus:
        await self.w.door("vault.rotate_master")
        return await self.status()
