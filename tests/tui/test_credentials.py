"""Credentials, by keys alone: look, keep, rotate, test, erase; what is typed as a secret is seen nowhere."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from deployx_tui.model.ids import CredentialId, GroupId
from deployx_tui.model.secret import CredentialKind, VaultState
from deployx_tui.tui.screens.credentials import CredentialsPlace
from deployx_tui.tui.widgets.field import Field
from tests.support.fake_backend import FakeBackend
from tests.support.screen import check_snapshot, press, screen_text, until
from tests.tui.conftest import Open

SIZES = pytest.mark.parametrize("size", [(120, 36), (80, 24)])
SECRET = "correct horse"


def here(pilot: Pilot[int]) -> CredentialsPlace:
    screen = pilot.app.screen
    assert isinstance(screen, CredentialsPlace)
    return screen


@SIZES
async def test_credentials_and_the_form_of_a_new_one_look_like_this(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    async with open_app(*size, first="devices") as pilot:
        await press(pilot, "c", "down", "t")
        check_snapshot(pilot, "credentials")
        await press(pilot, "n", *"web-login", "down", "right", "down", *"deploy", "down", "down", "down", *SECRET)
        check_snapshot(pilot, "credential_editor")
        assert "•" * len(SECRET) in screen_text(pilot)
        assert SECRET not in screen_text(pilot)


async def test_a_new_credential_is_kept_with_what_was_typed_blind_and_twice(
    open_app: Open, backend: FakeBackend
) -> None:
    async with open_app(first="devices") as pilot:
        await press(pilot, "c", "n", *"web-login", "down", "right", "down", *"deploy", "down", *"web", "down", "down")
        await press(pilot, *SECRET, "down", *"correct house", "ctrl+s")
        assert "✗ the two differ" in screen_text(pilot)
        assert "credentials.create" not in backend.calls
        await press(pilot, "ctrl+u", *SECRET, "ctrl+s")
        assert "credential web-login kept" in screen_text(pilot)
        made = next(one for one in backend.credentials.rows.values() if one.name == "web-login")
        assert (made.draft.kind, made.draft.user, made.draft.groups) == (
            CredentialKind.PASSWORD,
            "deploy",
            (GroupId(2),),
        )
        assert backend.credentials.typed[made.id].value.reveal() == SECRET.encode()


async def test_a_key_is_pasted_with_its_lines_and_asked_for_once(open_app: Open, backend: FakeBackend) -> None:
    key = "-----BEGIN X-----\nabc\ndef\n-----END X-----\n"
    async with open_app(first="devices") as pilot:
        await press(pilot, "c", "n", *"key")
        assert "once more" not in screen_text(pilot)
        pilot.app.screen.query_one("#secret", Field).insert(key)
        backend.credentials.wants_passphrase = True
        await press(pilot, "ctrl+s")
        assert "✗ the key is encrypted" in screen_text(pilot)
        await press(pilot, *"pass phrase", "ctrl+s")
        made = next(one for one in backend.credentials.rows.values() if one.name == "key")
        typed = backend.credentials.typed[made.id]
        assert typed.value.reveal() == key.encode()
        assert typed.passphrase is not None
        assert typed.passphrase.reveal() == b"pass phrase"


async def test_the_first_secret_says_what_to_keep_a_copy_of(open_app: Open, backend: FakeBackend) -> None:
    backend.vault.state = VaultState.EMPTY
    async with open_app(first="devices") as pilot:
        await press(pilot, "c")
        assert "no secret is kept yet" in screen_text(pilot)
        await press(pilot, "n", *"one", "down", "right", "tab", "tab", "tab", "tab", *SECRET, "tab", *SECRET)
        await press(pilot, "ctrl+s")
        text = screen_text(pilot)
        assert "The vault is made" in text
        assert "/home/alice/.config/deployx/vault.key" in text
        await press(pilot, "up", "enter")
        assert "credential one kept" in screen_text(pilot)


async def test_a_rotation_is_a_new_version_and_says_who_gets_it(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="devices") as pilot:
        await press(pilot, "c")
        here(pilot).table.move_to_key(CredentialId(2))
        await press(pilot, "r", *SECRET, "tab", *SECRET, "ctrl+s")
        assert "sudo-db has a new secret, version 2; 9 devices get it" in screen_text(pilot)
        assert backend.credentials.typed[CredentialId(2)].value.reveal() == SECRET.encode()


async def test_an_edit_keeps_the_secret_and_a_group_that_was_deleted(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="devices") as pilot:
        await press(pilot, "c")
        here(pilot).table.move_to_key(CredentialId(2))
        backend.group_rows.pop(GroupId(4))
        backend.emit("group.changed")
        await pilot.pause(0.05)
        await press(pilot, "e", "ctrl+u", *"sudo-all", "ctrl+s")
        changed = backend.credentials.rows[CredentialId(2)]
        assert (changed.name, changed.draft.groups, changed.secret_version) == ("sudo-all", (GroupId(4),), 1)
        assert "a deleted group" in screen_text(pilot)


async def test_an_erase_names_who_uses_it_and_many_want_their_number_typed(
    open_app: Open, backend: FakeBackend
) -> None:
    async with open_app(first="devices") as pilot:
        await press(pilot, "c")
        here(pilot).table.move_to_key(CredentialId(1))
        await press(pilot, "ctrl+d")
        text = screen_text(pilot)
        assert "42 devices will do without it" in text
        assert "type 42" in text
        await press(pilot, "enter")
        assert CredentialId(1) in backend.credentials.rows
        await press(pilot, "ctrl+d", *"42", "enter")
        assert CredentialId(1) not in backend.credentials.rows
        await until(pilot, lambda: not here(pilot).table.move_to_key(CredentialId(1)))
        here(pilot).table.move_to_key(CredentialId(3))
        await press(pilot, "ctrl+d", "up", "enter")
        assert CredentialId(3) not in backend.credentials.rows


async def test_a_locked_vault_is_said_with_what_helps(open_app: Open, backend: FakeBackend) -> None:
    backend.vault.state = VaultState.LOCKED
    async with open_app(first="devices") as pilot:
        await press(pilot, "c")
        assert "! vault locked" in screen_text(pilot)
        assert "put it back from its copy" in screen_text(pilot)


async def test_a_key_that_is_gone_while_the_engine_runs_is_said_with_what_helps(
    open_app: Open, backend: FakeBackend
) -> None:
    backend.vault.is_key_gone = True
    async with open_app(first="devices") as pilot:
        await press(pilot, "c")
        assert "! vault key gone" in screen_text(pilot)
        assert "put it back from its copy" in screen_text(pilot)


async def test_a_device_shows_and_takes_its_credential_by_name(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="devices") as pilot:
        text = screen_text(pilot)
        assert "prod-ed25519" in text
        assert "credential prod-ed25519, ssh-key; sudo sudo-db" in text
        await press(pilot, "e", *["down"] * 6, *"old-nas", "ctrl+s")
        row = next(device for device in backend.device_rows.values() if device.name == "db01")
        assert row.draft.credentials == (CredentialId(3),)
