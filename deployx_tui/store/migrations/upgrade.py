"""Which schema a database has, and bringing it to ours. What is not ours, or newer, is refused untouched."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from deployx_tui.errors import DatabaseRefused
from deployx_tui.store.dialects.connect import BUSY_MS, Engines, sqlite_uri
from deployx_tui.store.migrations import HEAD

#: any constant; it keeps two processes from migrating one PostgreSQL database at once
_MIGRATION_LOCK = 0x6465706C6F7978


def refuse_strangers(path: Path) -> None:
    """Look into an existing SQLite file without changing it, or putting anything beside it.

    Raises:
        DatabaseRefused: it is no database, not deployx's, or of a newer deployx.
    """
    try:
        # immutable: without it SQLite makes a -wal and a -shm beside whatever it reads
        names, versions = _seen(f"{sqlite_uri(path, 'ro')}&immutable=1")
    except sqlite3.DatabaseError as error:
        # while an engine writes, or after one was killed, the file alone may be half of the truth
        if not _has_log(path):
            raise DatabaseRefused(f"{path} can't be read as a database ({error}); restore it from a backup") from error
    else:
        _refuse(str(path), has_tables=bool(names), versions=versions)
    if not _has_log(path):
        return
    try:
        names, versions = _seen(sqlite_uri(path, "ro"))
    except sqlite3.OperationalError:
        return  # locked or unreadable now: the opening itself will say so
    except sqlite3.DatabaseError as error:
        raise DatabaseRefused(f"{path} can't be read as a database ({error}); restore it from a backup") from error
    _refuse(str(path), has_tables=bool(names), versions=versions)


def _seen(uri: str) -> tuple[set[str], list[str]]:
    """The tables of a database, and the versions of its schema."""
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_MS / 1000)) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" not in names:
            return names, []
        return names, [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]


def _has_log(path: Path) -> bool:
    """Whether something was written that is not in the file yet."""
    for ending in ("-wal", "-journal"):
        with suppress(FileNotFoundError):
            if path.with_name(path.name + ending).stat().st_size:
                return True
    return False


def bring_up_to_date(engines: Engines) -> None:
    """Run the migrations that are missing, in one transaction; at once when there are none.

    Raises:
        DatabaseRefused: see `refuse_strangers`.
    """
    with engines.read.begin() as connection:
        found = _versions(connection)
    if found == [HEAD]:
        return
    if engines.dialect == "sqlite":
        # the mode is kept in the file; it can't be changed inside a transaction
        raw = engines.durable.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            raw.close()
    with engines.durable.begin() as connection:
        if engines.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        found = _versions(connection)  # again, now that nobody else can migrate
        if found != [HEAD]:
            _refuse(engines.dialect, has_tables=bool(inspect(connection).get_table_names()), versions=found)
            _upgrade(connection)


def _versions(connection: Connection) -> list[str]:
    if not inspect(connection).has_table("alembic_version"):
        return []
    return [row[0] for row in connection.execute(text("SELECT version_num FROM alembic_version"))]


def _refuse(where: str, *, has_tables: bool, versions: list[str]) -> None:
    if versions == [HEAD] or not has_tables:
        return
    if not versions:
        raise DatabaseRefused(f"{where} holds tables that are not deployx's; name another database")
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - only an outdated or foreign database needs it
    from alembic.util import CommandError  # noqa: PLC0415 - as above

    try:
        for version in versions:
            ScriptDirectory(str(Path(__file__).parent)).get_revision(version)
    except CommandError:
        raise DatabaseRefused(
            f"{where} was written by a newer deployx (schema {', '.join(versions)}; this one knows {HEAD}); "
            "run that version, or restore a backup from before the upgrade"
        ) from None


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
