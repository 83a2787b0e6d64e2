"""Opening, migrating, transactions: on both databases."""

from __future__ import annotations

import re
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, TextClause, create_engine, insert, inspect, make_url, select, text

from deployx_tui.errors import DatabaseRefused, Unavailable
from deployx_tui.store import migrations
from deployx_tui.store.database import Database
from deployx_tui.store.schema import event_stream, metadata, settings
from tests.support.postgres import Server


def _setting(connection: Connection, name: str) -> None:
    connection.execute(insert(settings), {"name": name, "value": "1"})


def _names(database: Database) -> set[str]:
    with database.read() as c:
        return set(c.scalars(select(settings.c.name)))


def test_the_migrations_make_exactly_the_schema(database: Database) -> None:
    with database.read() as c:
        context = MigrationContext.configure(c, opts={"compare_type": True, "include_name": migrations.is_in_schema})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_make_the_very_indexes_and_rules_of_the_schema_on_sqlite(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """compare_metadata sees neither defaults nor partial indexes nor AUTOINCREMENT nor CHECK."""
    direct = create_engine(f"sqlite:///{tmp_path}/direct.db")
    metadata.create_all(direct)
    statement = text("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%'")
    with direct.connect() as wanted, sqlite_database.read() as found:
        assert _normal(found, statement) == _normal(wanted, statement)


def _normal(c: Connection, statement: TextClause) -> dict[str, list[str]]:
    """Each object's words, in whatever order its constraints stand.

    A column that SQLite added later has its reference beside it; which column has one, compare_metadata sees.
    """
    return {
        f"{row.type} {row.name}": sorted(re.findall(r"[^\s,()]+", re.sub(r"FOREIGN KEY\s*\(\w+\)", "", str(row.sql))))
        for row in c.execute(statement)
    }


def test_the_migrations_make_the_very_indexes_and_rules_of_the_schema_on_postgresql(
    postgres: Server, postgres_url: str
) -> None:
    direct_url = postgres.database()
    facts = text(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE 'alembic%' UNION ALL "
        "SELECT conrelid::regclass || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = "
        "'public'::regnamespace AND conname NOT LIKE 'alembic%' UNION ALL "
        "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) "
        "FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'alembic%' ORDER BY 1"
    )
    found = []
    for url in (direct_url, postgres_url):
        engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
        if url == direct_url:
            metadata.create_all(engine)
        with engine.connect() as c:
            found.append(list(c.scalars(facts)))
        engine.dispose()
    postgres.drop(direct_url)
    assert found[0] == found[1]


def test_the_known_head_is_the_last_revision() -> None:
    folder = Path(migrations.__file__).parent
    assert ScriptDirectory(str(folder)).get_heads() == [migrations.HEAD]


def test_each_database_is_a_stream_of_its_own(database: Database) -> None:
    with database.read() as c:
        assert len(c.scalars(select(event_stream.c.uuid)).one()) == 32


def test_opening_twice_changes_nothing(database: Database) -> None:
    with database.write() as c:
        _setting(c, "kept")
    again = Database.open(database.url)
    assert _names(again) == {"kept"}
    again.close()


def test_a_newer_schema_is_refused_untouched_with_the_remedy(database: Database) -> None:
    with database.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseRefused, match=r"newer deployx .*run that version, or restore a backup"):
        Database.open(database.url)
    with database.read() as c:
        assert c.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


@pytest.mark.parametrize("what", ["newer", "torn", "short", "another's"])
def test_a_refused_file_stays_byte_for_byte_and_gets_no_neighbour(sqlite_url: str, tmp_path: Path, what: str) -> None:
    made = Database.open(sqlite_url)
    with made.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        if what == "another's":
            c.execute(text("DROP TABLE alembic_version"))
    assert made.path is not None
    made.close()
    folder = tmp_path / "refused"
    folder.mkdir(mode=0o700)
    path = folder / "deployx.db"
    content = made.path.read_bytes()
    path.write_bytes(content[: {"torn": 20_000, "short": 100}.get(what, len(content))])
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(DatabaseRefused):
        Database.open(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert [each.name for each in folder.iterdir()] == ["deployx.db"]


def test_a_newer_schema_that_is_in_the_log_alone_is_refused(sqlite_url: str) -> None:
    made = Database.open(sqlite_url)
    with made.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    # it is open still: its last commit is in the log
    with pytest.raises(DatabaseRefused, match="newer"):
        Database.open(sqlite_url)
    made.close()


def test_a_database_of_another_program_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE guests (name)")
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(DatabaseRefused, match="not deployx's"):
        Database.open(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_foreign_postgresql_database_is_refused_untouched(postgres: Server) -> None:
    url = postgres.database()
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as c:
        c.execute(text("CREATE TABLE guests (name text)"))
    with pytest.raises(DatabaseRefused, match="not deployx's"):
        Database.open(url)
    with engine.begin() as c:
        assert inspect(c).get_table_names() == ["guests"]
    engine.dispose()
    postgres.drop(url)


def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("milk, bread\n" * 100)
    path.chmod(0o600)
    with pytest.raises(DatabaseRefused, match="can't be read as a database"):
        Database.open(f"sqlite:///{path}")
    assert path.read_text().startswith("milk")


@pytest.mark.parametrize("url", ["nonsense", "mysql://root@localhost/x", "sqlite://", "sqlite:///:memory:"])
def test_what_is_no_database_of_ours_is_refused_by_its_url(url: str) -> None:
    with pytest.raises(DatabaseRefused):
        Database.open(url)


def test_a_postgresql_server_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Database.open(f"postgresql://deployx@/none?host={tmp_path}")


def test_many_first_openings_at_once_make_one_database(tmp_path: Path, postgres: Server) -> None:
    for url in (f"sqlite:///{tmp_path}/new/deployx.db", postgres.database()):
        start = threading.Barrier(4)
        problems: list[BaseException] = []

        def open_it(url: str = url, start: threading.Barrier = start, problems: list[BaseException] = problems) -> None:
            start.wait()
            try:
                Database.open(url).close()
            except BaseException as error:  # noqa: BLE001 - told by the assertion below
                problems.append(error)

        threads = [threading.Thread(target=open_it) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        database = Database.open(url, create=False)
        with database.read() as c:
            assert len(list(c.scalars(select(event_stream.c.uuid)))) == 1
        database.close()


def test_a_transaction_that_raises_leaves_nothing_and_tells_nobody(database: Database) -> None:
    told: list[int] = []
    database.on_commit(lambda: told.append(1))
    with pytest.raises(ZeroDivisionError), database.write() as c:
        _setting(c, "gone")
        _ = 1 / 0
    assert _names(database) == set()
    assert told == []


def test_commits_are_told_until_the_listener_is_forgotten(database: Database) -> None:
    told: list[set[str]] = []
    forget = database.on_commit(lambda: told.append(_names(database)))
    with database.write() as c:
        _setting(c, "a")
    with database.write(durable=True) as c:
        _setting(c, "b")
    forget()
    with database.write() as c:
        _setting(c, "c")
    assert told == [{"a"}, {"a", "b"}]


def test_a_reader_sees_one_snapshot_while_another_writes(database: Database) -> None:
    with database.read() as reader:
        assert list(reader.scalars(select(settings.c.name))) == []
        with database.write() as c:
            _setting(c, "later")
        assert list(reader.scalars(select(settings.c.name))) == []
    assert _names(database) == {"later"}


def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"), database.read() as c:
        _setting(c, "x")
    assert _names(database) == set()


def test_a_write_inside_a_write_is_an_error_and_not_a_deadlock(database: Database) -> None:
    with pytest.raises(RuntimeError, match="forever"), database.write(), database.write():
        pass
    with database.write() as c:
        _setting(c, "still works")


def test_writers_of_two_handles_and_many_threads_all_get_through(database: Database) -> None:
    """Deferred transactions that read and then write would fail here about one time in eight."""
    other = Database.open(database.url)
    failures: list[BaseException] = []

    def write(handle: Database, mark: str) -> None:
        try:
            for number in range(10):
                with handle.write(durable=number % 2 == 0) as c:
                    c.scalars(select(settings.c.name)).all()
                    _setting(c, f"{mark}{number}")
        except BaseException as error:  # noqa: BLE001 - told by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=write, args=((database, other)[n % 2], f"{n}-")) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert failures == []
    assert len(_names(database)) == 60


def test_sqlite_is_opened_as_designed(sqlite_database: Database) -> None:
    def pragma(c: Connection, name: str) -> object:
        return c.exec_driver_sql(f"PRAGMA {name}").scalar()

    with sqlite_database.write(durable=True) as c:
        assert pragma(c, "synchronous") == 2  # FULL
        assert pragma(c, "journal_mode") == "wal"
        assert pragma(c, "foreign_keys") == 1
        assert pragma(c, "secure_delete") == 1
        assert pragma(c, "trusted_schema") == 0
        assert c.connection.in_transaction
    with sqlite_database.write() as c:
        assert pragma(c, "synchronous") == 1  # NORMAL


def test_postgresql_syncs_what_must_be_durable(postgres_url: str) -> None:
    database = Database.open(postgres_url)
    for durable, setting in ((True, "on"), (False, "off"), (True, "on")):
        with database.write(durable) as c:
            assert c.scalar(text("SHOW synchronous_commit")) == setting
    database.close()


def test_a_database_locked_for_too_long_is_unavailable(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployx_tui.store.dialects.connect.BUSY_MS", 50)
    database = Database.open(sqlite_url)
    path = database.path
    assert path is not None
    rude = sqlite3.connect(path, isolation_level=None)
    rude.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable, match="locked"), database.write():
        pass
    assert _names(database) == set()  # reading goes on meanwhile
    rude.execute("ROLLBACK")
    rude.close()
    with database.write() as c:
        _setting(c, "after")
    database.close()


def test_a_wrong_statement_of_ours_is_not_called_unavailable(database: Database) -> None:
    with pytest.raises(Exception, match="nowhere") as caught, database.read() as c:
        c.execute(text("SELECT * FROM nowhere"))
    assert not isinstance(caught.value, Unavailable)


def test_a_full_disk_names_the_database_and_what_helps(sqlite_database: Database) -> None:
    with pytest.raises(Unavailable) as full, sqlite_database.write() as c:
        c.exec_driver_sql("PRAGMA max_page_count=1")  # no more pages than there are
        for number in range(2_000):
            c.exec_driver_sql(
                "INSERT INTO users (username, role, created_at) VALUES (?, 'admin', 0)", (f"user{number:04d}" * 4,)
            )
    assert f"the database {sqlite_database.path} does not serve now: database or disk is full" in str(full.value)
    assert "free some space" in str(full.value)


def test_a_file_that_can_not_be_written_is_told_with_what_helps(sqlite_database: Database) -> None:
    with pytest.raises(Unavailable, match="make the file and its folder writable"), sqlite_database.read() as c:
        c.exec_driver_sql("DELETE FROM users")
