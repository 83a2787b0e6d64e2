"""Whether anybody has committed: what an idle engine asks instead of reading."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from deployx_tui.engine.claim import TaskClaim
from deployx_tui.events.stream import EventStream
from deployx_tui.model.schedule import Cron
from deployx_tui.store import events
from deployx_tui.store.database import Database
from tests.support.rows import NOW, NOW_MS, add_engine, add_task, add_user, draft


def test_a_commit_of_this_or_another_program_changes_the_version_and_nothing_else_does(
    sqlite_database: Database,
) -> None:
    first = sqlite_database.version()
    assert first is not None
    with sqlite_database.read() as c:
        events.newest(c)
    assert sqlite_database.version() == first
    with sqlite_database.write() as c:
        add_user(c)
    second = sqlite_database.version()
    assert second != first
    assert sqlite_database.path is not None
    with closing(sqlite3.connect(sqlite_database.path)) as other:
        other.execute("UPDATE users SET role = 'viewer'")
        assert sqlite_database.version() == second, "not committed yet"
        other.commit()
    assert sqlite_database.version() != second


def test_a_database_that_can_not_tell_is_read(database: Database) -> None:
    """PostgreSQL can't, and a closed file neither."""
    if database.dialect == "sqlite":
        database.close()
    assert database.version() is None


class Reads:
    """Counts the transactions that read."""

    def __init__(self, database: Database, patch: pytest.MonkeyPatch) -> None:
        self.number = 0
        original = database.read

        def read() -> AbstractContextManager[Connection]:
            self.number += 1
            return original()

        patch.setattr(database, "read", read)

    def of(self, act: Callable[[], object]) -> int:
        before = self.number
        act()
        return self.number - before


def test_an_idle_ticker_reads_nothing_until_somebody_commits_or_an_instant_comes(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite_database.write() as c:
        owner, engine = add_user(c), add_engine(c)
        add_task(c, owner, draft(Cron("0 * * * *")), next_ms=NOW_MS + 60_000)
    claim = TaskClaim(sqlite_database, engine)
    reads = Reads(sqlite_database, monkeypatch)

    def tick() -> None:
        assert claim(NOW).runs == ()
        assert claim.next_due() == NOW + timedelta(minutes=1)

    assert [reads.of(tick) for _ in range(3)] == [2, 0, 0]
    (run,) = claim(NOW + timedelta(minutes=1)).runs
    assert run
    with sqlite_database.write() as c:
        add_task(c, owner, draft(Cron("* * * * *")), next_ms=NOW_MS)
    (run,) = claim(NOW).runs
    assert run


def test_a_stream_that_is_waited_on_reads_once_a_commit(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = EventStream(sqlite_database)
    newest = stream.position().number
    reads = Reads(sqlite_database, monkeypatch)
    assert [reads.of(lambda: stream.wait(newest, 0)) for _ in range(3)] == [1, 0, 0]
    with sqlite_database.write() as c:
        events.append(c, "task.created", at_ms=NOW_MS)
    assert stream.wait(newest, 0)
    stream.close()
