"""Credentials and the vault: what goes in, what comes out, and who is told what."""

from __future__ import annotations

import json
from dataclasses import replace

import asyncssh
import pytest
import sqlalchemy as sa

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.device import DeviceDraft, GroupDraft
from deployx_tui.model.ids import CredentialId, GroupId
from deployx_tui.model.secret import CredentialDraft, CredentialKind, NewSecret, Secret, VaultState
from deployx_tui.service.backend import Backend
from deployx_tui.store import schema
from tests.contract.backend.site import Site, fields

GONE = CredentialId(999_999)
SECRET = "correct horse battery staple"


def typed(value: str = SECRET, passphrase: str | None = None) -> NewSecret:
    return NewSecret(value=Secret.of(value), passphrase=None if passphrase is None else Secret.of(passphrase))


def password(name: str = "web-login", **more: object) -> CredentialDraft:
    draft = CredentialDraft(name=name, kind=CredentialKind.PASSWORD)
    return replace(draft, **more)  # type: ignore[arg-type]  # fields of a draft


async def add_ssh(backend: Backend, name: str, *named: CredentialId) -> DeviceDraft:
    draft = DeviceDraft(name=name, address="192.0.2.1", credentials=named)
    await backend.devices.create(draft)
    return draft


class CredentialsContract:
    async def test_a_credential_is_read_back_without_its_secret(self, site: Site) -> None:
        backend = await site.backend()
        assert (await backend.vault.status()).state is VaultState.EMPTY
        group = await backend.groups.create(GroupDraft(name="web"))
        given = password(user="deploy", groups=(group.id,), description="of all fronts")
        made = await backend.credentials.create(given, typed())
        assert made.draft == given
        assert (made.version, made.secret_version, made.last_used_at, made.used_by) == (1, 1, None, ())
        assert made == await backend.credentials.get(made.id) == await backend.credentials.find("web-login")
        assert (await backend.credentials.list()).items == (made,)
        assert SECRET not in repr(made)
        status = await backend.vault.status()
        assert (status.state, status.secrets) == (VaultState.OPEN, 1)
        assert status.back_up.endswith("vault.key")

    async def test_what_can_not_be_meant_is_refused_by_field_and_no_answer_repeats_the_secret(self, site: Site) -> None:
        backend = await site.backend()
        await backend.credentials.create(password(), typed())
        key = asyncssh.generate_private_key("ssh-ed25519")
        ssh = CredentialDraft(name="key", kind=CredentialKind.SSH_KEY)
        encrypted = key.export_private_key(passphrase="the passphrase").decode()
        for draft, secret, field in (
            (password(), typed(), "credential_name"),
            (password(""), typed(), "credential_name"),
            (password("x", user="bad user"), typed(), "user"),
            (password("x", groups=(GroupId(999),)), typed(), "group_ids"),
            (password("x"), typed("s3cr!"), "secret"),
            (password("x"), typed("two\nlines of text"), "secret"),
            (password("x"), typed("a" * 70_000), "secret"),
            (password("x"), typed(SECRET, "no passphrase here"), "passphrase"),
            (ssh, typed("certainly not a key"), "secret"),
            (ssh, typed(encrypted), "passphrase"),
            (ssh, typed(encrypted, "not the right one"), "passphrase"),
            (ssh, typed(key.export_private_key().decode(), "of no use here"), "passphrase"),
        ):
            with pytest.raises(InvalidInput) as refused:
                await backend.credentials.create(draft, secret)
            assert fields(refused) == [field], draft
            assert secret.value.reveal().decode() not in str(refused.value)
            assert "right one" not in str(refused.value)
        assert [one.name for one in (await backend.credentials.list()).items] == ["web-login"]
        for act in (
            backend.credentials.get(GONE),
            backend.credentials.find("nobody"),
            backend.credentials.rotate(GONE, typed()),
            backend.credentials.delete(GONE),
            backend.credentials.check(GONE),
        ):
            with pytest.raises(NotFound):
                await act

    async def test_its_kind_stays_and_the_rest_can_be_changed(self, site: Site) -> None:
        backend = await site.backend()
        made = await backend.credentials.create(password(), typed())
        changed = await backend.credentials.update(made.id, password("front-login", user="root"), made.version)
        assert (changed.name, changed.draft.user, changed.version, changed.secret_version) == (
            "front-login",
            "root",
            2,
            1,
        )
        with pytest.raises(Conflict) as stale:
            await backend.credentials.update(made.id, password(), made.version)
        assert stale.value.stale
        with pytest.raises(InvalidInput) as refused:
            await backend.credentials.update(made.id, CredentialDraft(name="x", kind=CredentialKind.SUDO))
        assert fields(refused) == ["kind"]

    async def test_where_it_goes_is_told(self, site: Site) -> None:
        backend = await site.backend()
        login = await backend.credentials.create(password(), typed())
        sudo = await backend.credentials.create(CredentialDraft(name="su", kind=CredentialKind.SUDO), typed())
        await add_ssh(backend, "web01", login.id, sudo.id)
        await add_ssh(backend, "web02", login.id)
        other = await add_ssh(backend, "web03")
        device = await backend.devices.find("web03")
        group = await backend.groups.create(GroupDraft(name="back", devices=(device.id,)))
        bound = await backend.credentials.create(password("back-login", groups=(group.id,)), typed())
        found = {one.name: one.used_by for one in (await backend.credentials.list()).items}
        assert found == {"web-login": ("web01", "web02"), "su": ("web01",), "back-login": ("web03",)}
        assert (await backend.devices.find("web01")).draft.credentials == (login.id, sudo.id)
        await backend.devices.update(device.id, replace(other, groups=(group.id,), credentials=(login.id,)))
        assert (await backend.credentials.get(bound.id)).used_by == (), "the one that it names goes before its groups'"

    async def test_a_device_names_one_credential_for_a_purpose(self, site: Site) -> None:
        backend = await site.backend()
        one = await backend.credentials.create(password("one"), typed())
        two = await backend.credentials.create(password("two"), typed())
        for named in ((one.id, two.id), (GONE,)):
            with pytest.raises(InvalidInput) as refused:
                await add_ssh(backend, "web01", *named)
            assert fields(refused) == ["credential_ids"]

    async def test_a_rotated_secret_is_a_new_version_and_its_check_says_what_it_is(self, site: Site) -> None:
        backend = await site.backend()
        key = asyncssh.generate_private_key("ssh-ed25519")
        draft = CredentialDraft(name="key", kind=CredentialKind.SSH_KEY)
        made = await backend.credentials.create(draft, typed(key.export_private_key().decode()))
        check = await backend.credentials.check(made.id)
        assert check.ok
        assert key.get_fingerprint() in check.message
        other = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
        text = other.export_private_key(passphrase="the passphrase").decode()
        rotated = await backend.credentials.rotate(made.id, typed(text, "the passphrase"), made.version)
        assert (rotated.version, rotated.secret_version) == (2, 2)
        assert rotated.rotated_at >= made.rotated_at
        check = await backend.credentials.check(made.id)
        assert other.get_fingerprint() in check.message
        assert (await backend.credentials.get(made.id)).last_used_at is not None

    async def test_a_deleted_credential_is_erased_and_named_by_no_device(self, site: Site) -> None:
        backend = await site.backend()
        made = await backend.credentials.create(password(), typed())
        await add_ssh(backend, "web01", made.id)
        await backend.credentials.delete(made.id, made.version)
        assert (await backend.credentials.list()).items == ()
        assert (await backend.devices.find("web01")).draft.credentials == ()
        with site.database.read() as c:
            assert c.execute(sa.select(schema.credential_secrets)).all() == []
        again = await backend.credentials.create(password(), typed())
        assert again.id != made.id

    async def test_every_change_is_in_the_audit_and_no_secret_is(self, site: Site) -> None:
        backend = await site.backend()
        made = await backend.credentials.create(password(), typed())
        await backend.credentials.update(made.id, password(description="fronts"))
        await backend.credentials.rotate(made.id, typed("the-rotated-one-of-the-contract"))
        await backend.credentials.check(made.id)
        await backend.vault.rotate_master()
        # a person who types a secret where it does not belong does not find it in the audit
        await backend.groups.create(GroupDraft(name="web", description="log in with the-rotated-one-of-the-contract"))
        await backend.credentials.delete(made.id)
        with site.database.read() as c:
            rows = c.execute(sa.select(schema.audit).order_by(schema.audit.c.sequence)).all()
        actions = [row.action for row in rows if row.noun in ("credential", "vault")]
        assert actions == [
            "credential.create",
            "credential.update",
            "credential.rotate",
            "credential.check",
            "vault.rotate_master",
            "credential.delete",
        ]
        group = next(row for row in rows if row.action == "group.create")
        assert json.loads(group.detail)["after"]["description"] == "log in with [secret]"
        for value in (SECRET, "the-rotated-one-of-the-contract"):
            assert not any(value in str(row) for row in rows)

    async def test_a_new_master_key_opens_what_the_old_one_sealed(self, site: Site) -> None:
        backend = await site.backend()
        made = await backend.credentials.create(password(), typed())
        before = await backend.vault.status()
        after = await backend.vault.rotate_master()
        assert after.state is VaultState.OPEN
        assert after.key_id != before.key_id
        assert (await backend.credentials.check(made.id)).ok

    async def test_a_vault_whose_key_is_no_passphrase_is_not_unlocked_by_one(self, site: Site) -> None:
        backend = await site.backend()
        with pytest.raises(Conflict):
            await backend.vault.unlock(Secret.of("a long enough passphrase"))
