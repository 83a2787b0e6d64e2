"""The file with the master key: shared by databases, never overwritten, and looked at again while an engine runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployx_tui.errors import Conflict, VaultClosed
from deployx_tui.model.ids import CredentialId
from deployx_tui.model.secret import CredentialDraft, CredentialKind, Secret, VaultState, VaultStatus
from deployx_tui.store import credentials, sealed
from deployx_tui.store.database import Database
from deployx_tui.vault.keys import KeyPlaces
from deployx_tui.vault.shelves import FileShelf
from deployx_tui.vault.vault import VALUE, Vault
from tests.support.actors import ensure_actor

SECRET = b"correct horse battery staple"
STRANGER = b"\1" * 32


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "config" / "vault.key"


@pytest.fixture
def other_database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path}/other.db")
    yield opened
    opened.close()


def a_vault(database: Database, key: Path) -> Vault:
    return Vault(database, KeyPlaces(key), lambda secret: None)


def keep(database: Database, kept: Vault) -> CredentialId:
    with database.write() as c:
        draft = CredentialDraft(name="db", kind=CredentialKind.PASSWORD)
        credential = credentials.add(c, draft, ensure_actor(c).user_id, 0)
        kept.seal(c, credential, 1, VALUE, Secret(SECRET))
    return credential


def read(database: Database, kept: Vault, credential: CredentialId) -> bytes | None:
    with database.read() as c:
        found = kept.reveal(c, credential, 1)
    return None if found is None else found.reveal()


def status(database: Database, kept: Vault) -> VaultStatus:
    with database.read() as c:
        return kept.status(c)


def reseal(database: Database, kept: Vault, *, settled: bool = True) -> str:
    """Rotate the master key; where the one before stays."""
    new = kept.new_master()
    with database.write() as c:
        new.reseal(c)
    if settled:
        new.settle()
    return new.kept


def put(key: Path, content: bytes) -> None:
    key.unlink(missing_ok=True)
    key.write_bytes(content)
    key.chmod(0o400)


# ---- no key is overwritten


def test_a_rotation_leaves_the_key_of_the_other_databases_of_its_folder(
    sqlite_database: Database, other_database: Database, key: Path
) -> None:
    one, other = a_vault(sqlite_database, key), a_vault(other_database, key)
    mine, theirs = keep(sqlite_database, one), keep(other_database, other)
    shared = key.read_bytes()
    beside = key.with_name(f"vault.key.{status(other_database, other).key_id}")
    assert reseal(sqlite_database, one) == str(beside)
    assert beside.read_bytes() == shared
    assert beside.stat().st_mode & 0o777 == 0o400
    assert key.read_bytes() != shared
    late = a_vault(other_database, key)
    assert read(other_database, late, theirs) == SECRET
    assert status(other_database, late).source == f"key file {beside}"
    assert status(other_database, late).back_up == str(beside)
    assert status(other_database, late).message == ""
    with other_database.write() as c:
        late.seal(c, theirs, 2, VALUE, Secret(b"another secret"))
    assert read(sqlite_database, a_vault(sqlite_database, key), mine) == SECRET
    with pytest.raises(Conflict, match="a file of its own"):
        late.new_master()
    # what the refusal says helps
    own = key.with_name("own.key")
    shutil.copy(beside, own)
    moved = Vault(other_database, KeyPlaces(key, chosen=str(own)), lambda secret: None)
    reseal(other_database, moved)
    assert read(other_database, moved, theirs) == SECRET


def test_the_new_key_of_an_unsettled_rotation_outlives_that_of_another_database(
    sqlite_database: Database, other_database: Database, key: Path
) -> None:
    one, other = a_vault(sqlite_database, key), a_vault(other_database, key)
    mine, theirs = keep(sqlite_database, one), keep(other_database, other)
    reseal(sqlite_database, one, settled=False)
    reseal(other_database, other)
    assert read(sqlite_database, a_vault(sqlite_database, key), mine) == SECRET
    assert read(other_database, a_vault(other_database, key), theirs) == SECRET


def test_a_half_made_key_of_a_crash_is_in_no_rotations_way(sqlite_database: Database, key: Path) -> None:
    kept = a_vault(sqlite_database, key)
    credential = keep(sqlite_database, kept)
    put(key.with_name("vault.key.new"), b"")
    reseal(sqlite_database, kept)
    assert read(sqlite_database, a_vault(sqlite_database, key), credential) == SECRET


def test_a_rotation_does_not_replace_a_key_that_is_not_its_own(sqlite_database: Database, key: Path) -> None:
    kept = a_vault(sqlite_database, key)
    keep(sqlite_database, kept)
    assert kept.open() is VaultState.OPEN
    put(key, STRANGER)
    with pytest.raises(Conflict, match=r"holds another key: it is not replaced; put the key \w+ back"):
        kept.new_master()
    assert [file.name for file in key.parent.iterdir()] == ["vault.key"]
    key.unlink()
    with pytest.raises(Conflict, match="is missing: it is not replaced"):
        kept.new_master()


def test_a_key_that_comes_between_is_kept_under_its_own_id(sqlite_database: Database, key: Path) -> None:
    kept = a_vault(sqlite_database, key)
    credential = keep(sqlite_database, kept)
    new = kept.new_master()
    put(key, STRANGER)
    with sqlite_database.write() as c:
        new.reseal(c)
    new.settle()
    assert STRANGER in [file.read_bytes() for file in key.parent.glob("vault.key.*")]
    assert read(sqlite_database, a_vault(sqlite_database, key), credential) == SECRET


def test_a_file_in_the_way_of_the_old_key_stays_and_so_does_the_old_key(sqlite_database: Database, key: Path) -> None:
    kept = a_vault(sqlite_database, key)
    credential = keep(sqlite_database, kept)
    old = key.read_bytes()
    in_the_way = FileShelf(key).beside(status(sqlite_database, kept).key_id).file
    put(in_the_way, STRANGER)
    reseal(sqlite_database, kept)
    assert in_the_way.read_bytes() == STRANGER
    assert key.read_bytes() == old
    late = a_vault(sqlite_database, key)
    assert read(sqlite_database, late, credential) == SECRET
    assert "holds another key than its name says" in status(sqlite_database, late).message


def test_an_id_that_is_no_id_names_no_file(sqlite_database: Database, key: Path) -> None:
    keep(sqlite_database, a_vault(sqlite_database, key))
    with sqlite_database.write() as c:
        row = sealed.vault_row(c)
        assert row is not None
        sealed.put_vault_row(c, sealed.VaultRow(key_id="../x", check_value=row.check_value, salt=None), 0)
    assert a_vault(sqlite_database, key).open() is VaultState.WRONG_KEY


# ---- a key that is gone while the engine runs

HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "removed": (lambda key: key.unlink(), "vault.key is missing; put it back from its copy"),
    "replaced": (lambda key: put(key, STRANGER), "is not the one that the secrets are sealed with; put that one"),
    "opened to others": (lambda key: key.chmod(0o644), "may be read by others (mode 0644); close it with chmod 400"),
}


@pytest.mark.parametrize("harm", [*HARMS])
def test_a_key_that_is_gone_is_said_and_nothing_new_is_sealed_with_it_until_it_is_back(
    sqlite_database: Database, key: Path, tmp_path: Path, harm: str
) -> None:
    kept = a_vault(sqlite_database, key)
    credential = keep(sqlite_database, kept)
    assert not status(sqlite_database, kept).is_key_gone
    copy = key.read_bytes()
    do, words = HARMS[harm]
    do(key)
    found = status(sqlite_database, kept)
    assert words in found.message
    assert (found.state, found.back_up, found.is_key_gone) == (VaultState.OPEN, "", True)
    assert read(sqlite_database, kept, credential) == SECRET, "what runs goes on"
    with pytest.raises(VaultClosed) as refused, sqlite_database.write() as c:
        kept.seal(c, credential, 2, VALUE, Secret(b"another secret"))
    assert words in str(refused.value)
    with pytest.raises(VaultClosed), sqlite_database.read() as c:
        kept.require_key(c)
    with pytest.raises(Conflict):
        kept.new_master()
    put(key, copy)
    assert status(sqlite_database, kept).message == ""
    with sqlite_database.write() as c:
        kept.require_key(c)
        kept.seal(c, credential, 2, VALUE, Secret(b"another secret"))
    reseal(sqlite_database, kept)
