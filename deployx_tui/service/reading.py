"""The database read in this process, with no engine: for commands that only look, when none runs that could be asked.

Loads the store and what computes times, but neither the engine nor a transport. What needs an engine says so.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from deployx_tui import paths
from deployx_tui.config import Settings
from deployx_tui.engine import liveness
from deployx_tui.engine.desk import Desk
from deployx_tui.errors import DatabaseRefused, EngineUnreachable
from deployx_tui.events.stream import EventStream
from deployx_tui.model.ids import EngineId, ExecutionId
from deployx_tui.model.secret import VaultStatus
from deployx_tui.model.user import Actor
from deployx_tui.output.store import OutputStore
from deployx_tui.service.local import LocalBackend, Premises, ensure_personal_user
from deployx_tui.service.vaults import vault_of
from deployx_tui.store import abandoned, engines
from deployx_tui.store.artifacts import open_contents
from deployx_tui.store.database import Database


class NoEngine:
    """Stands where the engine would: every question to it is answered with EngineUnreachable.

    A change is refused too, since its audit entry names the engine: the transaction is rolled back.
    """

    @property
    def id(self) -> EngineId:
        return self._refuse()

    @property
    def is_stopping(self) -> bool:
        return self._refuse()

    @property
    def desk(self) -> Desk:
        return self._refuse()

    def wake(self) -> None:
        self._refuse()

    def cancel(self, execution: ExecutionId) -> None:
        self._refuse()

    def counts(self) -> tuple[int, int]:
        return self._refuse()

    def lag_ms(self) -> int:
        return self._refuse()

    def _refuse(self) -> NoReturn:
        raise EngineUnreachable("no engine serves this database: it was opened for reading only")


class ReadingBackend(LocalBackend):
    """The owner's view of the database; `close` lets go of it."""

    def __init__(
        self, premises: Premises, owner: Actor, closing: ExitStack, *, left_behind: int, is_missing: bool
    ) -> None:
        super().__init__(premises, owner)
        self._closing = closing
        #: executions that dead engines left, shown as the next one will judge them; 0 when an engine lives after all
        self.left_behind = left_behind
        #: nobody has made the database yet: an empty one stands for it, and looking makes none
        self.is_missing = is_missing

    async def close(self) -> None:
        await asyncio.to_thread(self._closing.close)


def vault_status(settings: Settings) -> VaultStatus:
    """Whether the secrets of a SQLite database can be read here. Raises DatabaseRefused and Unavailable. Blocks."""
    database = Database.open(settings.db, create=False)
    try:
        with database.read() as c:
            return vault_of(settings, database).status(c)
    finally:
        database.close()


async def open_reader(settings: Settings) -> ReadingBackend:
    """Raises DatabaseRefused and Unavailable; then nothing is left open."""
    return await asyncio.to_thread(_open, settings)


def _open(settings: Settings) -> ReadingBackend:
    with ExitStack() as closing:
        url, path = settings.db, Path(settings.db.removeprefix("sqlite:///"))
        is_missing = not path.exists()
        if is_missing:
            if not path.parent.is_dir() and url != paths.default_database_url():
                raise DatabaseRefused(f"there is no folder {path.parent} for the database; see --db and DEPLOYX_DB")
            url = f"sqlite:///{closing.enter_context(TemporaryDirectory(prefix='deployx-empty-'))}/deployx.db"
        database = Database.open(url)
        closing.callback(database.close)
        left_behind = _left_behind(database)
        stream = EventStream(database)
        closing.callback(stream.close)
        output = OutputStore(database, paths.segments_of(url))
        closing.callback(output.close)
        premises = Premises(
            database=database,
            engine=NoEngine(),
            stream=stream,
            output=output,
            contents=open_contents(database, paths.contents_of(url)),
            transports={},
            vault=vault_of(settings, database),
            zone=settings.timezone,
        )
        closing.callback(premises.close)
        with database.write() as c:
            owner = ensure_personal_user(c)
        return ReadingBackend(premises, owner, closing.pop_all(), left_behind=left_behind, is_missing=is_missing)


def _left_behind(database: Database) -> int:
    """Show what dead engines left as that, in all that is read from here on. Returns `ReadingBackend.left_behind`."""
    with database.read() as c:
        if not abandoned.is_possible(c):
            return 0
        registered = engines.registered(c)
    if database.path is None:
        return 0
    dead = liveness.dead_ones(registered, database.path)
    left = abandoned.show(database, dead)
    return left if len(dead) == len(registered) else 0
