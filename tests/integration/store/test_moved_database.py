"""A database whose file was moved, removed or replaced while it was open is not used until it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployx_tui.errors import DatabaseMoved
from deployx_tui.store import users
from deployx_tui.store.database import Database
from tests.support.rows import add_user


def _of(database: Database) -> Path:
    assert database.path is not None
    return database.path


def _refuses_all(database: Database, word: str) -> None:
    with pytest.raises(DatabaseMoved, match=word), database.read():
        pass
    with pytest.raises(DatabaseMoved, match=r"put the file back.*kill \d+"), database.write():
        pass
    assert word in database.refusal


def test_a_database_that_was_moved_away_serves_again_when_it_is_back(sqlite_database: Database) -> None:
    path = _of(sqlite_database)
    path.rename(path.with_name("elsewhere"))
    _refuses_all(sqlite_database, "removed or moved away")
    path.with_name("elsewhere").rename(path)
    with sqlite_database.write() as c:
        user = add_user(c)
    with sqlite_database.read() as c:
        assert users.by_name(c, "ann") == user
    assert sqlite_database.refusal == ""


def test_another_file_in_its_place_is_neither_read_nor_written(sqlite_database: Database, tmp_path: Path) -> None:
    other = Database.open(f"sqlite:///{tmp_path}/other/deployx.db")
    other.close()
    path, theirs = _of(sqlite_database), _of(other)
    with sqlite_database.write() as c:
        user = add_user(c)
    before = theirs.read_bytes()
    path.rename(path.with_name("elsewhere"))
    theirs.rename(path)
    _refuses_all(sqlite_database, "replaced by another file")
    assert path.read_bytes() == before
    path.with_name("elsewhere").rename(path)
    with sqlite_database.read() as c:
        assert users.by_name(c, "ann") == user


def test_what_was_committed_while_the_file_went_is_not_called_done(sqlite_database: Database) -> None:
    with pytest.raises(DatabaseMoved), sqlite_database.write() as c:
        add_user(c)
        _of(sqlite_database).unlink()
