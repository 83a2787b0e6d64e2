"""The database: opened safely, brought to our schema, and written by one transaction at a time.

SQLite for one machine, PostgreSQL for `--serve`. Statements live in the other modules of `store`, as functions
that take the connection which `read()` or `write()` gives.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from deployx_tui.errors import DatabaseMoved, DatabaseRefused, Unavailable
from deployx_tui.store import events, files
from deployx_tui.store.commits import Commits
from deployx_tui.store.dialects import Dialect
from deployx_tui.store.dialects.connect import (
    Engines,
    is_unavailable,
    postgresql_engines,
    prepare_readers,
    remedy_of,
    sqlite_engines,
)
from deployx_tui.store.migrations.upgrade import bring_up_to_date, refuse_strangers
from deployx_tui.store.place import Place


class Database:
    """An open database. Threads share it; each call of `read` or `write` is one transaction of its own."""

    def __init__(self, url: str, engines: Engines, path: Path | None) -> None:
        self.url = url
        #: as errors name it, without a password
        self._where = str(path or make_url(url).render_as_string(hide_password=True))
        self._place = None if path is None else Place(path)
        self._was_away = False
        #: the file; None on PostgreSQL
        self.path = path
        self._engines = engines
        self._commits = None if path is None else Commits(path)
        # SQLite has one writer: threads queue here and not in its busy loop, which sleeps up to 100 ms a turn
        self._writer: threading.Lock | None = threading.Lock() if engines.dialect == "sqlite" else None
        self._writing = threading.local()
        self._listeners: tuple[Callable[[], None], ...] = ()
        #: why the last transaction that was to write did not; "": it did. An engine's beat writes every few seconds
        self.refusal = ""

    @classmethod
    def open(cls, url: str, *, create: bool = True) -> Database:
        """Open `sqlite:///PATH` or `postgresql://...`, making the file (with `create`) and running migrations.

        Raises:
            DatabaseRefused: unsafe owner, mode or place; not ours; of a newer deployx. Nothing was touched.
            Unavailable: no answer, or locked for more than 10 s.
        """
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise DatabaseRefused(f"{url!r} is not a database URL; write sqlite:////PATH or postgresql://...") from None
        match parsed.get_backend_name():
            case "sqlite":
                return cls._open_sqlite(url, parsed.database, create=create)
            case "postgresql" | "postgres":
                engines = postgresql_engines(parsed.set(drivername="postgresql+psycopg"))
                return cls._opened(cls(url, engines, None))
            case other:
                raise DatabaseRefused(f"deployx keeps its data in SQLite or PostgreSQL, not in {other}")

    @classmethod
    def _open_sqlite(cls, url: str, name: str | None, *, create: bool) -> Database:
        if not name or name == ":memory:":
            raise DatabaseRefused("deployx's SQLite database is a file; write sqlite:////PATH")
        path = Path(name).absolute()
        if not files.claim_file(path, create=create):
            refuse_strangers(path)
        return cls._opened(cls(url, sqlite_engines(path), path))

    @classmethod
    def _opened(cls, database: Database) -> Database:
        try:
            with _translated(database._where):
                bring_up_to_date(database._engines)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def dialect(self) -> Dialect:
        return self._engines.dialect

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot to read from. Never waits for a writer."""
        self._look()
        with _translated(self._where), self._engines.read.begin() as connection:
            yield connection

    @contextmanager
    def write(self, durable: bool = False) -> Iterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        With `durable` the commit is on disk when the block has ended (claims and starts); without, a power loss
        may take the last moments, never the order. Do not nest, and hold nothing slow inside it.
        """
        if getattr(self._writing, "now", False):
            raise RuntimeError("write() inside write(): the inner one would wait for the outer one forever")
        engine = self._engines.durable if durable else self._engines.relaxed
        if self._writer is not None:
            self._writer.acquire()
        self._writing.now = True
        try:
            with self._noted():
                self._look()
                with _translated(self._where), engine.begin() as connection:
                    events.forget_pending(connection)
                    yield connection
                    events.number_pending(connection)
                # what was committed into a file that has just gone was not kept
                self._look()
        finally:
            self._writing.now = False
            if self._writer is not None:
                self._writer.release()
        for listener in self._listeners:
            listener()

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:
            # the work may have its own reasons
            if isinstance(error, DatabaseMoved) or isinstance(error.__cause__, DBAPIError):
                self.refusal = str(error)
            raise
        self.refusal = ""

    @property
    def is_cleared_away(self) -> bool:
        """Its folder is gone with all that was in it."""
        return self._place is not None and self._place.is_cleared_away()

    @property
    def has_moved(self) -> bool:
        """Its file is not where it was opened: what is to be written can't be, unless it is put back."""
        return self._place is not None and not self._place.is_kept()

    def _look(self) -> None:
        if self._place is None:
            return
        try:
            self._place.check()
        except DatabaseMoved:
            self._was_away = True
            raise
        if self._was_away:
            # put back: whatever was opened by its name meanwhile was another file
            self._was_away = False
            self._engines.dispose()

    def on_commit(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each commit of this process, in the thread that wrote; it must be quick.

        Returns a function that ends it.
        """
        self._listeners = (*self._listeners, listener)

        def forget() -> None:
            self._listeners = tuple(each for each in self._listeners if each is not listener)

        return forget

    def prepare_readers(self, prepare: Callable[[sqlite3.Connection], None]) -> None:
        """Call `prepare` on each new SQLite connection that reads; it may make temporary tables and views.

        Connections that are open now are replaced when they come back.
        """
        prepare_readers(self._engines, prepare)

    def forget_log(self) -> None:
        """What was deleted or replaced leaves SQLite's write-ahead log too, unless somebody is reading from it now."""
        if self.dialect != "sqlite":
            return
        with _translated(self._where):
            raw = self._engines.relaxed.raw_connection()
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()

    def version(self) -> int | None:
        """Equal to an earlier one: nobody has committed anything between the two calls.

        None: that can't be told (PostgreSQL, a file that is away), so whoever wants to know must read.
        """
        return None if self._commits is None else self._commits.version()

    def close(self) -> None:
        if self._commits is not None:
            self._commits.close()
        self._engines.dispose()


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """What callers must stop for is `Unavailable`; a wrong statement of ours stays what it is."""
    try:
        yield
    except DBAPIError as error:
        if is_unavailable(error):
            message = f"the database {where} does not serve now: {error.orig}; {remedy_of(error)}"
            raise Unavailable(message) from error
        raise
