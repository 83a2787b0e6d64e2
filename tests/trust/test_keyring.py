"""The master key in the keyring of the account: made there, found again, replaced, and what is said without one."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked, PasswordDeleteError

from deployx_tui.errors import Conflict, VaultClosed
from deployx_tui.model.ids import CredentialId
from deployx_tui.model.secret import CredentialDraft, CredentialKind, Secret, VaultState, VaultStatus
from deployx_tui.store import credentials
from deployx_tui.store.database import Database
from deployx_tui.vault.keys import KEYRING, KeyPlaces
from deployx_tui.vault.os_keyring import SERVICE, KeyringShelf
from deployx_tui.vault.shelves import NoKey
from deployx_tui.vault.vault import VALUE, Vault
from tests.integration.cli.conftest import Cli, empty
from tests.support.actors import ensure_actor

__all__ = ["empty"]

SECRET = "correct horse battery staple"


class MemoryKeyring(KeyringBackend):
    """A keyring that a test can lock, block, and look into."""

    priority = 0.1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # without annotations there
        self.entries: dict[str, str] = {}
        self.is_locked = False
        #: cleared: a window stands open, and nobody answers it
        self.answers = Event()
        self.answers.set()
        self.calls = 0

    def _ask(self, service: str) -> None:
        assert service == SERVICE
        self.calls += 1
        self.answers.wait()
        if self.is_locked:
            raise KeyringLocked("locked")

    def get_password(self, service: str, username: str) -> str | None:
        self._ask(service)
        return self.entries.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._ask(service)
        self.entries[username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._ask(service)
        if self.entries.pop(username, None) is None:
            raise PasswordDeleteError(username)


def in_use(backend: KeyringBackend) -> Iterator[KeyringBackend]:
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    made = MemoryKeyring()
    for _ in in_use(made):
        yield made
    made.answers.set()


@pytest.fixture
def name(tmp_path: Path) -> str:
    return str(tmp_path / "config" / "vault.key")


def a_vault(database: Database, name: str, **more: float) -> Vault:
    places = KeyPlaces(Path(name), chosen=KEYRING, keyring=KeyringShelf(name, **more))
    return Vault(database, places, lambda secret: None)


def keep(database: Database, kept: Vault, name: str = "db") -> CredentialId:
    with database.write() as c:
        draft = CredentialDraft(name=name, kind=CredentialKind.PASSWORD)
        credential = credentials.add(c, draft, ensure_actor(c).user_id, 0)
        kept.seal(c, credential, 1, VALUE, Secret.of(SECRET))
    return credential


def read(database: Database, kept: Vault, credential: CredentialId) -> str | None:
    with database.read() as c:
        found = kept.reveal(c, credential, 1)
    return None if found is None else found.reveal().decode()


def status_of(database: Database, kept: Vault) -> VaultStatus:
    with database.read() as c:
        return kept.status(c)


def test_the_key_is_made_in_the_keyring_with_the_first_secret_and_no_file_is(
    sqlite_database: Database, ring: MemoryKeyring, name: str
) -> None:
    kept = a_vault(sqlite_database, name)
    assert kept.open() is VaultState.EMPTY
    assert ring.entries == {}
    credential = keep(sqlite_database, kept)
    assert [*ring.entries] == [name]
    assert not Path(name).parent.exists()
    fresh = a_vault(sqlite_database, name)
    assert read(sqlite_database, fresh, credential) == SECRET
    status = status_of(sqlite_database, fresh)
    assert status.source == f"keyring, entry {name} of deployx"
    assert status.back_up == f"what `keyring get deployx {name}` prints"
    assert a_vault(sqlite_database, "/of/another/folder").open() is VaultState.LOCKED


def test_a_rotation_replaces_the_entry_and_leaves_the_one_before_beside_for_other_databases(
    sqlite_database: Database, ring: MemoryKeyring, name: str
) -> None:
    kept = a_vault(sqlite_database, name)
    credential = keep(sqlite_database, kept)
    for _ in range(2):
        before = ring.entries[name]
        old_id = status_of(sqlite_database, kept).key_id
        new = kept.new_master()
        with sqlite_database.write() as c:
            new.reseal(c)
        new.settle()
        assert f"{name}.new" not in ring.entries
        assert ring.entries[name] != before
        assert ring.entries[f"{name}.{old_id}"] == before
        assert new.kept == f"what `keyring get deployx {name}.{old_id}` prints"
        assert read(sqlite_database, a_vault(sqlite_database, name), credential) == SECRET


def test_the_entry_that_stayed_beside_opens_a_database_that_was_sealed_with_it(
    sqlite_database: Database, ring: MemoryKeyring, name: str
) -> None:
    kept = a_vault(sqlite_database, name)
    credential = keep(sqlite_database, kept)
    beside = f"{name}.{status_of(sqlite_database, kept).key_id}"
    ring.entries[beside], ring.entries[name] = ring.entries[name], "00" * 32
    late = a_vault(sqlite_database, name)
    assert read(sqlite_database, late, credential) == SECRET
    assert status_of(sqlite_database, late).source == f"keyring, entry {beside} of deployx"
    with pytest.raises(Conflict, match="holds another key"):
        late.new_master()


def test_a_rotation_that_is_rolled_back_leaves_the_key_and_nothing_else(
    sqlite_database: Database, ring: MemoryKeyring, name: str
) -> None:
    kept = a_vault(sqlite_database, name)
    credential = keep(sqlite_database, kept)
    before = dict(ring.entries)
    kept.new_master().discard()
    assert ring.entries == before
    assert read(sqlite_database, kept, credential) == SECRET


def test_a_keyring_that_locks_itself_in_a_rotation_costs_no_key(
    sqlite_database: Database, ring: MemoryKeyring, name: str
) -> None:
    kept = a_vault(sqlite_database, name, quiet=0)
    credential = keep(sqlite_database, kept)
    new = kept.new_master()
    with sqlite_database.write() as c:
        new.reseal(c)
    # the key that counts now stands in the second entry
    ring.is_locked = True
    new.settle()
    assert kept.is_open is False
    with pytest.raises(VaultClosed):
        kept.new_master()
    ring.is_locked = False
    late = a_vault(sqlite_database, name)
    assert read(sqlite_database, late, credential) == SECRET
    assert f"{name}.new" not in ring.entries


def test_the_key_of_an_unsettled_rotation_is_not_overwritten_by_the_next_one(
    sqlite_database: Database, ring: MemoryKeyring, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = a_vault(sqlite_database, name, quiet=0)
    credential = keep(sqlite_database, kept)
    new = kept.new_master()
    with sqlite_database.write() as c:
        new.reseal(c)

    def refuse(self: KeyringShelf) -> None:
        raise NoKey("it does not take anything now")

    with monkeypatch.context() as patch:
        patch.setattr(KeyringShelf, "settle", refuse)
        new.settle()
        assert kept.is_open
        with pytest.raises(Conflict, match="does not take"):
            kept.new_master()
    kept.new_master().discard()
    assert read(sqlite_database, a_vault(sqlite_database, name), credential) == SECRET


def test_a_locked_keyring_closes_the_vault_with_a_remedy_and_is_not_asked_again_by_every_look(
    sqlite_database: Database, ring: MemoryKeyring, name: str
) -> None:
    credential = keep(sqlite_database, a_vault(sqlite_database, name))
    ring.is_locked = True
    kept = a_vault(sqlite_database, name)
    ring.calls = 0
    for _ in range(3):
        assert kept.open() is VaultState.LOCKED
    assert ring.calls == 1
    assert "the keyring is locked; unlock it" in kept.trouble
    assert "vault_key = PATH" in kept.trouble
    ring.is_locked = False
    patient = a_vault(sqlite_database, name, quiet=0)
    assert read(sqlite_database, patient, credential) == SECRET


def test_a_window_that_nobody_answers_holds_nothing_up_and_is_not_opened_twice(
    sqlite_database: Database, ring: MemoryKeyring, name: str
) -> None:
    credential = keep(sqlite_database, a_vault(sqlite_database, name))
    ring.answers.clear()
    ring.calls = 0
    kept = a_vault(sqlite_database, name, patience=0.05, quiet=0)
    for _ in range(3):
        assert kept.open() is VaultState.LOCKED
    assert "did not answer" in kept.trouble
    assert ring.calls == 1
    ring.answers.set()
    shelf = KeyringShelf(name)
    assert shelf.read() is not None
    assert read(sqlite_database, a_vault(sqlite_database, name), credential) == SECRET


@pytest.mark.parametrize(
    ("backend", "words"),
    [(fail.Keyring, "no keyring here"), (null.Keyring, "did not keep the key")],
    ids=["none", "switched-off"],
)
def test_without_a_keyring_no_secret_is_taken_and_it_is_said_what_helps(
    sqlite_database: Database, name: str, backend: Callable[[], KeyringBackend], words: str
) -> None:
    for _ in in_use(backend()):
        kept = a_vault(sqlite_database, name)
        with pytest.raises(VaultClosed, match=words) as refused:
            kept.prepare()
        assert "vault_key = PATH" in str(refused.value)
        with pytest.raises(VaultClosed):
            keep(sqlite_database, kept)
        with sqlite_database.read() as c:
            assert credentials.count(c) == 0
        assert not Path(name).exists()


def test_without_the_library_it_is_said_how_to_install_it(
    sqlite_database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def missing(module: str, *rest: object, **more: object) -> object:
        if module == "keyring":
            raise ModuleNotFoundError(module)
        return real(module, *rest, **more)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(VaultClosed, match=r"pip install 'deployx-tui\[keyring\]'"):
        a_vault(sqlite_database, name).prepare()


def test_what_a_keyring_says_when_it_fails_shows_no_key(name: str) -> None:
    class Talker(MemoryKeyring):
        def set_password(self, service: str, username: str, password: str) -> None:
            raise RuntimeError(f"can't keep {password}")

    for ring in in_use(Talker()):
        with pytest.raises(NoKey) as refused:
            KeyringShelf(name).make()
        assert "RuntimeError" in str(refused.value)
        assert "can't keep" not in str(refused.value)
        assert isinstance(ring, Talker)


# ---- the program, on a keyring that is a file


def test_the_command_line_keeps_a_secret_by_the_keyring_and_says_so(
    empty: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keyrings.alt.file import PlaintextKeyring

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("DEPLOYX_VAULT_KEY", "keyring")
    for _ in in_use(PlaintextKeyring()):
        made = empty("credential", "add", "web", "--kind", "password", "--stdin", stdin=SECRET)
        assert "keyring, entry" in made.err
        status = empty("--json", "vault", "status").document
        assert (status["state"], status["source"].split(",")[0]) == ("open", "keyring")
        assert "vault" in empty("doctor").out
        empty("vault", "rotate-master", "--yes")
        assert "opens" in empty("credential", "test", "web").out
    assert not (tmp_path / "config" / "vault.key").exists()
    (kept,) = (tmp_path / "share").rglob("keyring_pass.cfg")
    assert "vault_2ekey" in kept.read_text(), "as this keyring writes names"
    assert kept.stat().st_mode & 0o077 == 0
