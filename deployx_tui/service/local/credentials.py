"""Credentials behind the door. Secrets go in here; what comes out says that they are there."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from deployx_tui.errors import InvalidInput, VaultClosed
from deployx_tui.model.codec import JSON
from deployx_tui.model.ids import CredentialId
from deployx_tui.model.page import Page
from deployx_tui.model.secret import Credential, CredentialCheck, CredentialDraft, NewSecret
from deployx_tui.model.user import Actor, Permission
from deployx_tui.planning.validate import validate_credential
from deployx_tui.service import access
from deployx_tui.service.backend.credentials import Credentials
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.guard import serves
from deployx_tui.store import credentials, sealed
from deployx_tui.store.credentials import StoredCredential
from deployx_tui.store.identity import refuse_stale
from deployx_tui.vault.binding import Bindings
from deployx_tui.vault.envelope import Damaged
from deployx_tui.vault.vault import PASSPHRASE, VALUE


@serves(Credentials)
class LocalCredentials:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    # ---- reading

    async def list(self) -> Page[Credential]:
        def work(c: Connection) -> Page[Credential]:
            found = self._views(c, credentials.every(c))
            return Page(found, None, len(found))

        return await self._door.read(work)

    async def get(self, credential: CredentialId) -> Credential:
        return await self._door.read(lambda c: self._view(c, credentials.get(c, credential)))

    async def find(self, name_or_id: str) -> Credential:
        return await self._door.read(lambda c: self._view(c, credentials.find(c, name_or_id)))

    # ---- changing

    async def create(self, draft: CredentialDraft, secret: NewSecret) -> Credential:
        from deployx_tui.vault import material  # noqa: PLC0415 - loads cryptography, for the first secret

        def work(change: Change) -> Credential:
            self._refuse_problems(change, draft)
            kept = material.checked(draft.kind, secret)
            credential = credentials.add(change.c, draft, self.actor.user_id, change.now_ms)
            self._seal(change.c, credential, 1, kept)
            change.record("credential.create", credential, after=_facts(draft))
            return self._changed(change, credential)

        await self._door.run(self._door.premises.vault.prepare)
        return await self._door.write(work, durable=True)

    async def update(self, credential: CredentialId, draft: CredentialDraft, version: int | None = None) -> Credential:
        def work(change: Change) -> Credential:
            old = credentials.get(change.c, credential)
            refuse_stale("credential", old.version, version)
            if draft.kind is not old.draft.kind:
                raise InvalidInput.of("kind", f"it is {old.draft.kind.value} for good", "make another credential")
            if (draft.groups, draft.user) != (old.draft.groups, old.draft.user):
                access.require(self.actor, Permission.SECRETS_USE)
                self._door.premises.vault.require_key(change.c)
            self._refuse_problems(change, draft, old)
            credentials.change(change.c, credential, draft, version, change.now_ms)
            change.record("credential.update", credential, before=_facts(old.draft), after=_facts(draft))
            return self._changed(change, credential)

        return await self._door.write(work)

    async def rotate(self, credential: CredentialId, secret: NewSecret, version: int | None = None) -> Credential:
        from deployx_tui.vault import material  # noqa: PLC0415 - as above

        def work(change: Change) -> Credential:
            old = credentials.get(change.c, credential)
            refuse_stale("credential", old.version, version)
            kept = material.checked(old.draft.kind, secret)
            made = credentials.rotated(change.c, credential, change.now_ms)
            self._seal(change.c, credential, made, kept)
            sealed.supersede(change.c, credential, made, change.now_ms)
            sealed.drop_superseded(change.c)
            change.record(
                "credential.rotate",
                credential,
                before={"secret_version": old.secret_version},
                after={"secret_version": made},
            )
            return self._changed(change, credential)

        await self._door.run(self._door.premises.vault.prepare)
        found = await self._door.write(work, durable=True)
        await self._door.run(self._door.premises.database.forget_log)
        return found

    async def delete(self, credential: CredentialId, version: int | None = None) -> None:
        def work(change: Change) -> None:
            old = credentials.get(change.c, credential)
            before = self._view(change.c, old)
            credentials.remove(change.c, credential, version, change.now_ms)
            sealed.drop(change.c, credential)
            facts: dict[str, JSON] = {**_facts(old.draft), "used_by": [*before.used_by]}
            change.record("credential.delete", credential, before=facts)
            change.tell("credential.changed", credential_id=credential, deleted=1)

        await self._door.write(work, durable=True)
        await self._door.run(self._door.premises.database.forget_log)

    async def check(self, credential: CredentialId) -> CredentialCheck:
        def work(change: Change) -> CredentialCheck:
            found = credentials.get(change.c, credential)
            change.record("credential.check", credential, after={"secret_version": found.secret_version})
            credentials.used(change.c, [credential], change.now_ms)
            return self._checked(change.c, found)

        return await self._door.write(work)

    # ---- parts

    def _checked(self, c: Connection, found: StoredCredential) -> CredentialCheck:
        from deployx_tui.vault import material  # noqa: PLC0415 - as above

        vault = self._door.premises.vault
        again = f"put it in again: deployx credential rotate {found.name}"
        try:
            value = vault.reveal(c, found.id, found.secret_version, VALUE)
            passphrase = vault.reveal(c, found.id, found.secret_version, PASSPHRASE)
        except VaultClosed as closed:
            return CredentialCheck(ok=False, message=str(closed), remedy="deployx vault status says what helps")
        except Damaged:
            return CredentialCheck(
                ok=False, message="the secret was changed or damaged: it does not open", remedy=again
            )
        if value is None:
            return CredentialCheck(ok=False, message="the secret is not there", remedy=again)
        try:
            said = material.said_of(found.draft.kind, NewSecret(value=value, passphrase=passphrase))
        except InvalidInput as error:
            return CredentialCheck(ok=False, message=error.problems[0].message, remedy=again)
        return CredentialCheck(ok=True, message=said)

    def _seal(self, c: Connection, credential: CredentialId, version: int, kept: NewSecret) -> None:
        vault = self._door.premises.vault
        vault.seal(c, credential, version, VALUE, kept.value)
        if kept.passphrase is not None:
            vault.seal(c, credential, version, PASSPHRASE, kept.passphrase)

    def _refuse_problems(self, change: Change, draft: CredentialDraft, old: StoredCredential | None = None) -> None:
        bound = () if old is None else old.draft.groups
        problems = validate_credential(draft, self._door.snapshot(change.c).inventory, bound)
        if problems:
            raise InvalidInput(problems)

    def _changed(self, change: Change, credential: CredentialId) -> Credential:
        change.tell("credential.changed", credential_id=credential)
        return self._view(change.c, credentials.get(change.c, credential))

    def _view(self, c: Connection, found: StoredCredential) -> Credential:
        return self._views(c, [found])[0]

    def _views(self, c: Connection, found: Iterable[StoredCredential]) -> tuple[Credential, ...]:
        inventory = self._door.snapshot(c).inventory
        bindings = Bindings.load(c, inventory)
        return tuple(
            Credential(
                id=each.id,
                draft=each.draft,
                version=each.version,
                secret_version=each.secret_version,
                created_at=each.created_at,
                rotated_at=each.rotated_at,
                last_used_at=each.last_used_at,
                used_by=tuple(
                    sorted(
                        inventory.devices[device].name
                        for device in bindings.devices_of(each.id)
                        if device in inventory.devices
                    )
                ),
            )
            for each in found
        )


def _facts(draft: CredentialDraft) -> dict[str, JSON]:
    return {
        "credential_name": draft.name,
        "kind": draft.kind.value,
        "user": draft.user,
        "group_ids": [*draft.groups],
        "description": draft.description,
    }
