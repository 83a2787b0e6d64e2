"""What the vault promises: it opens what it sealed, where it was put, under its key; and nothing else, to nobody."""

from __future__ import annotations

import copy
import itertools
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, update

from deployx_tui.errors import InvalidInput, VaultClosed
from deployx_tui.model.ids import CredentialId
from deployx_tui.model.secret import CredentialDraft, CredentialKind, Secret, VaultState
from deployx_tui.store import credentials, sealed
from deployx_tui.store.database import Database
from deployx_tui.store.schema import credential_secrets, vault
from deployx_tui.vault.envelope import Damaged, MasterKey, Place
from deployx_tui.vault.keys import KeyPlaces
from deployx_tui.vault.vault import PASSPHRASE, VALUE, Vault
from tests.support.actors import ensure_actor

SECRET = "correct horse battery staple"


def a_vault(database: Database, folder: Path) -> Vault:
    return Vault(database, KeyPlaces(folder / "vault.key"), lambda secret: None)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config"


def keep(database: Database, kept: Vault, name: str = "db", value: str = SECRET) -> CredentialId:
    with database.write() as c:
        owner = ensure_actor(c).user_id
        draft = CredentialDraft(name=name, kind=CredentialKind.PASSWORD)
        credential = credentials.add(c, draft, owner, 0)
        kept.seal(c, credential, 1, VALUE, Secret.of(value))
    return credential


def read(database: Database, kept: Vault, credential: CredentialId, version: int = 1) -> bytes | None:
    with database.read() as c:
        found = kept.reveal(c, credential, version)
    return None if found is None else found.reveal()


# ---- a value that shows itself to nobody


def test_a_secret_shows_itself_in_no_text() -> None:
    secret = Secret.of(SECRET)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret} {secret!r}", repr([secret])]
    shown += [repr(replace(CredentialDraft(name="x", kind=CredentialKind.SUDO), user=None)), repr(vars(Secret))]
    assert all(SECRET not in text for text in shown)
    assert copy.copy(secret) is copy.deepcopy(secret) is secret


@pytest.mark.parametrize("dump", [json.dumps, pickle.dumps, lambda secret: pickle.dumps([secret], 0)])
def test_a_secret_is_neither_json_nor_pickle(dump: object) -> None:
    with pytest.raises(TypeError) as refused:
        dump(Secret.of(SECRET))  # type: ignore[operator]  # each is a function of one value
    assert SECRET not in str(refused.value)


def test_a_trace_with_its_locals_holds_no_secret() -> None:
    def use(secret: Secret) -> None:
        raise RuntimeError(f"with {secret}")

    try:
        use(Secret.of(SECRET))
    except RuntimeError as error:
        found = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert SECRET not in "".join(found.format())


# ---- the envelope

places = st.builds(Place, st.integers(1, 5).map(CredentialId), st.integers(1, 5), st.sampled_from([VALUE, PASSPHRASE]))
keys = st.sampled_from([MasterKey(Secret(bytes([number]) * 32)) for number in range(4)])


@settings(max_examples=300, deadline=None)
@given(key=keys, other=keys, place=places, elsewhere=places, value=st.binary(min_size=0, max_size=100), data=st.data())
def test_what_is_sealed_opens_in_its_place_under_its_key_and_untouched_and_never_else(
    key: MasterKey, other: MasterKey, place: Place, elsewhere: Place, value: bytes, data: st.DataObject
) -> None:
    made = key.seal(place, Secret(value))
    assert key.open(place, made).reveal() == value
    if elsewhere != place:
        with pytest.raises(Damaged):
            key.open(elsewhere, made)
    if other is not key:
        for attempt in (made, replace(made, key_id=other.id)):
            with pytest.raises(Damaged):
                other.open(place, attempt)
    part = data.draw(st.sampled_from(["wrapped", "value"]))
    raw = bytearray(getattr(made, part))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    cut = bytes(getattr(made, part))[: data.draw(st.integers(0, len(raw) - 1))]
    for wrong in (bytes(raw), cut):
        with pytest.raises(Damaged):
            key.open(place, replace(made, wrapped=wrong) if part == "wrapped" else replace(made, value=wrong))


def test_no_two_seals_are_alike_and_none_holds_what_it_seals() -> None:
    key = MasterKey(Secret(bytes(32)))
    place = Place(CredentialId(1), 1, VALUE)
    made = [key.seal(place, Secret.of(SECRET)) for _ in range(20)]
    assert len({each.value for each in made}) == len({each.wrapped for each in made}) == 20
    assert all(SECRET.encode() not in each.value + each.wrapped for each in made)


# ---- in the database


def test_a_secret_comes_back_and_another_process_opens_it_with_the_key_file(database: Database, config: Path) -> None:
    kept = a_vault(database, config)
    assert kept.open() is VaultState.EMPTY
    credential = keep(database, kept)
    assert read(database, kept, credential) == SECRET.encode()
    assert (config / "vault.key").stat().st_mode & 0o7777 == 0o400
    assert config.stat().st_mode & 0o777 == 0o700
    fresh = a_vault(database, config)
    assert fresh.open() is VaultState.OPEN
    assert read(database, fresh, credential) == SECRET.encode()


def test_rows_that_were_swapped_between_credentials_versions_or_fields_do_not_open(
    database: Database, config: Path
) -> None:
    kept = a_vault(database, config)
    one, two = keep(database, kept, "one", "first secret"), keep(database, kept, "two", "second secret")
    with database.write() as c:
        kept.seal(c, one, 2, VALUE, Secret.of("third secret"))
        kept.seal(c, one, 1, PASSPHRASE, Secret.of("fourth secret"))
        rows = sealed.every(c)
    for a, b in itertools.permutations(rows, 2):
        with database.write() as c:
            sealed.replace(c, replace(a, wrapped=b.wrapped, sealed=b.sealed))
        with database.read() as c, pytest.raises(Damaged):
            kept.reveal(c, a.credential, a.version, a.field)
        with database.write() as c:
            sealed.replace(c, a)
    assert read(database, kept, two) == b"second secret"


def test_a_wrong_key_opens_nothing_and_writes_nothing(sqlite_database: Database, config: Path, tmp_path: Path) -> None:
    credential = keep(sqlite_database, a_vault(sqlite_database, config))
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    (other / "vault.key").write_bytes(b"\1" * 32)
    (other / "vault.key").chmod(0o400)
    stranger = a_vault(sqlite_database, other)
    before = dump(sqlite_database)
    assert stranger.open() is VaultState.WRONG_KEY
    with pytest.raises(VaultClosed):
        read(sqlite_database, stranger, credential)
    with pytest.raises(VaultClosed), sqlite_database.write() as c:
        stranger.seal(c, credential, 2, VALUE, Secret.of("something else"))
    with pytest.raises(VaultClosed):
        stranger.new_master()
    assert dump(sqlite_database) == before
    assert [file.name for file in other.iterdir()] == ["vault.key"]


def test_without_its_key_the_vault_is_locked_and_opens_when_the_key_is_put_back(
    sqlite_database: Database, config: Path
) -> None:
    credential = keep(sqlite_database, a_vault(sqlite_database, config))
    (config / "vault.key").rename(config / "elsewhere")
    late = a_vault(sqlite_database, config)
    assert late.open() is VaultState.LOCKED
    assert "vault.key is missing" in late.trouble
    with pytest.raises(VaultClosed), sqlite_database.write() as c:
        late.seal(c, credential, 2, VALUE, Secret.of("something else"))
    assert not (config / "vault.key").exists(), "no second key is made while secrets wait for the first"
    (config / "elsewhere").rename(config / "vault.key")
    assert read(sqlite_database, late, credential) == SECRET.encode()


def test_a_row_that_was_tampered_with_is_told_from_a_wrong_key(sqlite_database: Database, config: Path) -> None:
    kept = a_vault(sqlite_database, config)
    credential = keep(sqlite_database, kept)
    with sqlite_database.write() as c:
        c.execute(update(credential_secrets).values(sealed=b"x" * 60))
    assert kept.open() is VaultState.OPEN
    with pytest.raises(Damaged):
        read(sqlite_database, kept, credential)


def test_a_check_value_that_is_another_keys_is_a_wrong_key(sqlite_database: Database, config: Path) -> None:
    keep(sqlite_database, a_vault(sqlite_database, config))
    with sqlite_database.write() as c:
        c.execute(update(vault).values(check_value=MasterKey(Secret(bytes(32))).check_value()))
    assert a_vault(sqlite_database, config).open() is VaultState.WRONG_KEY


def test_a_new_master_key_opens_everything_and_the_old_one_nothing(database: Database, config: Path) -> None:
    kept = a_vault(database, config)
    found = {keep(database, kept, f"c{number}", f"secret {number}"): f"secret {number}" for number in range(5)}
    old = (config / "vault.key").read_bytes()
    before = dump(database)
    new = kept.new_master()
    with database.write() as c:
        assert new.reseal(c) == 5
    new.settle()
    for vault_ in (kept, a_vault(database, config)):
        assert {id_: (read(database, vault_, id_) or b"").decode() for id_ in found} == found
    assert (config / "vault.key").read_bytes() != old
    assert not (config / "vault.key.new").exists()
    assert not {row.wrapped for row in before} & {row.wrapped for row in dump(database)}
    (config / "vault.key").unlink()
    (config / "vault.key").write_bytes(old)
    (config / "vault.key").chmod(0o400)
    assert a_vault(database, config).open() is VaultState.WRONG_KEY


def test_a_rotation_that_is_interrupted_before_or_after_its_commit_loses_nothing(
    sqlite_database: Database, config: Path
) -> None:
    kept = a_vault(sqlite_database, config)
    credential = keep(sqlite_database, kept)
    first = kept.new_master()
    with pytest.raises(RuntimeError, match="killed"), sqlite_database.write() as c:
        first.reseal(c)
        raise RuntimeError("killed")
    assert read(sqlite_database, a_vault(sqlite_database, config), credential) == SECRET.encode(), (
        "before: the old key stands"
    )
    second = kept.new_master()
    with sqlite_database.write() as c:
        second.reseal(c)
    # killed here: the new key waits under its other name
    assert (config / "vault.key.new").exists()
    assert read(sqlite_database, a_vault(sqlite_database, config), credential) == SECRET.encode(), (
        "after: the new one does"
    )
    assert not (config / "vault.key.new").exists()
    assert read(sqlite_database, kept, credential) == SECRET.encode(), "the vault that was open follows"


def test_a_rotation_stops_at_a_row_that_does_not_open_and_changes_nothing(
    sqlite_database: Database, config: Path
) -> None:
    kept = a_vault(sqlite_database, config)
    keep(sqlite_database, kept, "good")
    bad = keep(sqlite_database, kept, "bad")
    with sqlite_database.write() as c:
        c.execute(update(credential_secrets).where(credential_secrets.c.credential_id == bad).values(sealed=b"x" * 60))
    before = dump(sqlite_database)
    new = kept.new_master()
    with pytest.raises(Damaged), sqlite_database.write() as c:
        new.reseal(c)
    new.discard()
    assert dump(sqlite_database) == before
    assert [file.name for file in config.iterdir()] == ["vault.key"]


@pytest.fixture
def watched(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_nothing_secret_lies_in_the_database_its_log_or_the_configuration_but_the_key(
    sqlite_database: Database, config: Path, watched: pytest.LogCaptureFixture
) -> None:
    kept = a_vault(sqlite_database, config)
    credential = keep(sqlite_database, kept)
    assert read(sqlite_database, kept, credential) == SECRET.encode()
    key = (config / "vault.key").read_bytes().strip()
    path = sqlite_database.path
    assert path is not None
    files = [file for file in path.parent.iterdir() if file.is_file()]
    assert any(file.name.endswith("-wal") for file in files)
    for file in files:
        content = file.read_bytes()
        assert SECRET.encode() not in content, file
        assert key not in content, file
    assert [file.name for file in config.iterdir()] == ["vault.key"]
    assert SECRET not in watched.text


def dump(database: Database) -> list[sealed.SealedRow]:
    def rows(c: Connection) -> list[sealed.SealedRow]:
        return [*sealed.every(c)]

    with database.read() as c:
        return rows(c)


def test_what_began_before_a_rotation_still_reads_with_the_old_key_and_what_follows_with_the_new(
    sqlite_database: Database, config: Path
) -> None:
    kept = a_vault(sqlite_database, config)
    credential = keep(sqlite_database, kept)
    assert kept.open() is VaultState.OPEN
    with sqlite_database.read() as before:
        sealed.every(before)  # its snapshot is of now
        new = kept.new_master()
        with sqlite_database.write() as c:
            new.reseal(c)
        new.settle()
        found = kept.reveal(before, credential, 1)
        assert found is not None
        assert found.reveal() == SECRET.encode()
        assert kept.look(before) is VaultState.OPEN
    assert kept.open() is VaultState.OPEN
    assert read(sqlite_database, kept, credential) == SECRET.encode()
    with sqlite_database.write() as c:
        kept.seal(c, credential, 2, VALUE, Secret.of("sealed after it"))
        assert {row.key_id for row in sealed.every(c)} == {new.key_id}


def test_the_passphrase_that_was_chosen_last_counts(sqlite_database: Database, config: Path) -> None:
    kept = Vault(sqlite_database, KeyPlaces(config / "never", chosen="passphrase"), lambda secret: None)
    for passphrase in ("the first choice", "the second choice"):
        assert kept.unlock(Secret.of(passphrase)) is VaultState.EMPTY
    credential = keep(sqlite_database, kept)
    fresh = Vault(sqlite_database, KeyPlaces(config / "never", chosen="passphrase"), lambda secret: None)
    assert fresh.open() is VaultState.LOCKED
    with pytest.raises(InvalidInput):
        fresh.unlock(Secret.of("the first choice"))
    assert fresh.unlock(Secret.of("the second choice")) is VaultState.OPEN
    assert read(sqlite_database, fresh, credential) == SECRET.encode()
    new = fresh.new_master(Secret.of("a third choice of it"))
    with sqlite_database.write() as c:
        new.reseal(c)
    new.settle()
    again = Vault(sqlite_database, KeyPlaces(config / "never", chosen="passphrase"), lambda secret: None)
    with pytest.raises(InvalidInput):
        again.unlock(Secret.of("the second choice"))
    assert again.unlock(Secret.of("a third choice of it")) is VaultState.OPEN
    assert read(sqlite_database, again, credential) == SECRET.encode()
    assert not config.exists()
