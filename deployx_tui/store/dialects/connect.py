"""Engines of each database: how a connection begins, what survives a power loss, which errors pass by themselves."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from deployx_tui.store.dialects import Dialect

#: how long a statement waits for another's lock before the database counts as unavailable
BUSY_MS = 10_000


@dataclass(frozen=True, slots=True)
class Engines:
    """Where transactions come from. `durable`: on disk when the commit returns. `relaxed`: ordered, not yet synced."""

    dialect: Dialect
    read: Engine
    durable: Engine
    relaxed: Engine

    def dispose(self) -> None:
        for engine in (self.read, self.durable, self.relaxed):
            engine.dispose()


def sqlite_uri(path: Path, mode: str) -> str:
    """`rw` never creates a file: that is done before, exclusively."""
    return f"file:{quote(str(path))}?mode={mode}"


def sqlite_engines(path: Path) -> Engines:
    return Engines(
        "sqlite",
        read=_sqlite(path, synchronous="NORMAL", begin="BEGIN", reads_only=True),
        durable=_sqlite(path, synchronous="FULL", begin="BEGIN IMMEDIATE"),
        relaxed=_sqlite(path, synchronous="NORMAL", begin="BEGIN IMMEDIATE"),
    )


def _sqlite(path: Path, *, synchronous: str, begin: str, reads_only: bool = False) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            sqlite_uri(path, "rw"),
            uri=True,
            timeout=BUSY_MS / 1000,
            isolation_level=None,  # we say BEGIN ourselves
            check_same_thread=False,  # the pool hands a connection to one thread at a time
        )
        for pragma in (
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            "secure_delete=ON",
            "trusted_schema=OFF",
            "temp_store=MEMORY",
            *(("query_only=ON",) if reads_only else ()),
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    # one writer connection an engine: writers of one process queue in Database.write, not in SQLite's busy loop
    overflow = 24 if reads_only else 0
    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=8 if reads_only else 1, max_overflow=overflow
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # a deferred read-then-write fails about one time in eight under two writers
        connection.exec_driver_sql(begin)

    return engine


def prepare_readers(engines: Engines, prepare: Callable[[sqlite3.Connection], None]) -> None:
    """Call `prepare` on each new connection that reads. Only of SQLite."""

    @event.listens_for(engines.read, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        # query_only forbids to make temporary things too
        connection.execute("PRAGMA query_only=OFF")
        prepare(connection)
        connection.execute("PRAGMA query_only=ON")

    engines.read.dispose()


def postgresql_engines(url: URL) -> Engines:
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        pool_pre_ping=True,  # a restarted server costs a ping, not a failed claim
        connect_args={
            "connect_timeout": 10,
            "application_name": "deployx",
            "options": f"-c lock_timeout={BUSY_MS} -c idle_in_transaction_session_timeout=120000 -c timezone=UTC",
        },
    )
    read = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    durable, relaxed = engine.execution_options(), engine.execution_options()

    @event.listens_for(relaxed, "begin")
    def _relaxed(connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    return Engines("postgresql", read=read, durable=durable, relaxed=relaxed)


#: SQLite's primary result codes that say "not now" or "not here" rather than "your statement is wrong"
_SQLITE_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)


def is_unavailable(error: DBAPIError) -> bool:
    """Whether the database is at fault (locked, full, gone), not the statement."""
    match error.orig:
        case sqlite3.Error() as cause:
            return (getattr(cause, "sqlite_errorcode", 0) or 0) & 0xFF in _SQLITE_UNAVAILABLE
        case _:
            # SQLAlchemy names psycopg's errors after the same classes; psycopg itself is loaded for PostgreSQL only
            return isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated


#: by SQLite's primary result code; what serves again by itself goes on by itself
_SQLITE_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another process holds it; try again, or look who has it open (fuser)",
    sqlite3.SQLITE_LOCKED: "another process holds it; try again, or look who has it open (fuser)",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable for this account (mode, mount, lsattr)",
    sqlite3.SQLITE_IOERR: "look at its disk, and whether the file or its folder is immutable (df, dmesg, lsattr)",
    sqlite3.SQLITE_FULL: "free some space on its disk or in its quota (df)",
    sqlite3.SQLITE_CANTOPEN: "look whether its folder is there and may be entered and written",
    sqlite3.SQLITE_CORRUPT: "restore it from a backup",
    sqlite3.SQLITE_NOTADB: "restore it from a backup",
}


def remedy_of(error: DBAPIError) -> str:
    """What a person does about a database that is at fault."""
    match error.orig:
        case sqlite3.Error() as cause:
            return _SQLITE_REMEDIES[(getattr(cause, "sqlite_errorcode", 0) or 0) & 0xFF]
        case _:
            return "look whether its server runs and can be reached"
