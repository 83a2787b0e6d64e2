"""The composition root: one engine with its store, its ways to targets and its door. Everything is opened here.

Used by the engine's process, by `--in-process`, by tests and by the demo; what only reads needs none of it
(`reading`). Blocks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from deployx_tui import paths
from deployx_tui.config import Settings
from deployx_tui.engine.engine import Engine
from deployx_tui.engine.kept_keys import KeptKeys
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.errors import DatabaseMoved, DatabaseRefused, Held, Unavailable
from deployx_tui.events.stream import EventStream
from deployx_tui.model.user import Actor
from deployx_tui.output.store import OutputStore
from deployx_tui.output.writer import Caps
from deployx_tui.service.lifecycle import InProcess, Lifecycle
from deployx_tui.service.local import LocalBackend, Premises, ensure_personal_user
from deployx_tui.service.vaults import vault_of
from deployx_tui.store import engines
from deployx_tui.store.artifacts import open_contents
from deployx_tui.store.contents.folder import Limits
from deployx_tui.store.database import Database
from deployx_tui.transports.kinds import open_transports

log = logging.getLogger(__name__)


class Composed:
    """What one process holds, in the order in which it is opened; closed in the other."""

    def __init__(self, premises: Premises, engine: Engine, owner: Actor, closing: ExitStack) -> None:
        self.premises, self.engine, self._closing = premises, engine, closing
        #: the account that the data folder belongs to
        self.owner = owner
        self._is_fenced = False

    def backend(self, actor: Actor) -> LocalBackend:
        return LocalBackend(self.premises, actor)

    async def not_ready(self) -> tuple[str, ...]:
        """Why it could not start a task now; () when it could."""
        return await self.not_alive() or self.engine.troubles()

    async def not_alive(self) -> tuple[str, ...]:
        """Why starting this process anew would help; () when it would not: a full disk stays full."""
        try:
            await asyncio.to_thread(self._look)
        except DatabaseMoved:
            return ()  # a new process would make or take another database, and end what this one follows
        except Unavailable as error:
            return (str(error),)
        return ("another engine took this one for dead",) if self._is_fenced else ()

    def _look(self) -> None:
        self.premises.stream.position()

    def fenced(self) -> None:
        self._is_fenced = True

    def stop(self, drain: timedelta) -> None:
        """Start nothing more, wait so long for what runs, cancel the rest. A second call can make it faster."""
        self.engine.stop(drain)

    def release(self) -> None:
        """Close what is left, after `stop`."""
        self._closing.close()

    def close(self, drain: timedelta) -> None:
        self.stop(drain)
        self.release()


def compose(
    settings: Settings,
    *,
    lifecycle: Lifecycle,
    socket: Path | None = None,
    second: bool = False,
    on_fenced: Callable[[], None] | None = None,
) -> Composed:
    """Open the database and everything on it, and start the engine.

    `socket` is where its API will listen, written down for other faces. `second` bypasses the holder, for crash tests.
    Raises Held, DatabaseRefused and Unavailable; then nothing is left open.
    """
    with ExitStack() as closing:
        database = Database.open(settings.db)
        closing.callback(database.close)
        stream = EventStream(database)
        closing.callback(stream.close)
        output = OutputStore(database, paths.segments_of(settings.db))
        closing.callback(output.close)
        contents = open_contents(database, paths.contents_of(settings.db), content_limits(settings))
        kept_keys = KeptKeys(database)
        transports = open_transports(kept_keys)
        for transport in transports.values():
            closing.callback(transport.shutdown)
        vault = vault_of(settings, database)
        composed: list[Composed] = []

        def fenced() -> None:
            for each in composed:
                each.fenced()
            if on_fenced is not None:
                on_fenced()

        engine = Engine(
            database,
            engine_settings(settings, socket=socket, second=second),
            transports,
            output,
            vault,
            contents,
            on_fenced=fenced,
        )
        kept_keys.engine_id = engine.id
        premises = Premises(
            database=database,
            engine=engine,
            stream=stream,
            output=output,
            contents=contents,
            transports=transports,
            vault=vault,
            lifecycle=lifecycle,
            zone=settings.timezone,
        )
        closing.callback(premises.close)
        with database.write() as c:
            owner = ensure_personal_user(c)
        try:
            engine.start()
        except DatabaseRefused as error:
            with database.read() as c:
                holder = engines.holder_of(c)
            raise Held(str(error), "" if holder is None else holder.socket) from error
        # not before: another engine's uploads are none of ours
        try:
            contents.folder.sweep()
        except OSError as error:
            log.warning("what a killed upload left can't be removed: %s", error)
        composed.append(Composed(premises, engine, owner, closing.pop_all()))
        return composed[0]


def engine_settings(settings: Settings, *, socket: Path | None = None, second: bool = False) -> EngineSettings:
    """What an administrator set, as the engine takes it."""
    return EngineSettings(
        workers=settings.workers,
        connect_timeout=settings.connect_timeout,
        default_timeout=settings.target_timeout,
        kill_wait=settings.kill_wait,
        spool_bases=settings.spool_folders,
        caps=Caps(target=settings.target_output, run=settings.run_output),
        facts_age=settings.facts_age,
        events_kept=settings.keep_events,
        history_kept=settings.keep_history,
        socket_path=socket,
        test_second_engine=second,
    )


def content_limits(settings: Settings) -> Limits:
    return Limits(total=settings.artifact_space, one=settings.artifact_file, free=settings.artifact_free)


class HereBackend(LocalBackend):
    """The owner's Backend with everything below it, in this very process; `close` ends it all."""

    def __init__(self, composed: Composed, drain: Callable[[], timedelta]) -> None:
        super().__init__(composed.premises, composed.owner)
        self._composed, self._drain = composed, drain

    async def close(self) -> None:
        await asyncio.to_thread(self._composed.close, self._drain())


async def open_here(settings: Settings) -> HereBackend:
    """A Backend without another process; the engine is drained at its close."""
    lifecycle = InProcess()
    try:
        composed = await asyncio.to_thread(compose, settings, lifecycle=lifecycle)
    except Held as error:
        if not error.socket:
            raise
        remedy = f"leave --in-process out: plain deployx attaches to it (as --connect unix://{error.socket} does)"
        raise Held(f"{str(error).partition(';')[0]}; {remedy}", error.socket) from error
    return HereBackend(composed, lambda: settings.drain if lifecycle.drain is None else lifecycle.drain)
