"""The engine's process: opens everything, serves it, and ends it in order. The same for the private child and --serve.

    starting -> ready -> (draining) -> ended

A private child ends by itself when no client is attached and nothing runs, waits or is queued.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from deployx_tui.api.context import Serving
from deployx_tui.api.peer import Connections, only
from deployx_tui.api.server import ApiServer
from deployx_tui.config import Settings
from deployx_tui.config.values import without_password
from deployx_tui.errors import Held, Unavailable, how_to_end
from deployx_tui.model.user import Actor
from deployx_tui.service.backend import Backend
from deployx_tui.service.compose import Composed, compose
from deployx_tui.service.making_room import end_if_idle
from deployx_tui.service.sockets import Peer, StartLock, bind, listener_at
from deployx_tui.service.systemd import Notifier

log = logging.getLogger(__name__)

#: a child that nobody ever talked to ends after so long
FIRST_CLIENT_WITHIN = timedelta(seconds=30)
#: how often an engine without clients looks whether its work is done
IDLE_LOOK = timedelta(milliseconds=500)
#: beyond the drain: killing, proving deaths, and writing results, for which the engine waits while the disk is full
WIND_DOWN = timedelta(seconds=150)
#: so long clients may still ask how the runs ended that were waited for; `deployx run` prints its outcome then
FAREWELL = timedelta(seconds=2)


class Host:
    """One engine and its API in this process; the `Lifecycle` that its Backends see. Of one event loop."""

    def __init__(self, settings: Settings, *, is_service: bool, second: bool = False) -> None:
        self._settings = settings
        self._is_service = is_service
        self._second = second
        self._loop: asyncio.AbstractEventLoop | None = None
        #: set when the end was asked for; with the drain that holds then
        self._ending = asyncio.Event()
        self._drain = settings.drain
        self._composed: Composed | None = None
        self._connections = Connections(only(os.geteuid()))
        self._notifier = Notifier()
        self._status = 0
        #: taken again for the end of an idle child, and kept: the next engine starts after this process
        self._start_lock = StartLock(settings.socket_path)

    # -- Lifecycle: any thread

    @property
    def is_service(self) -> bool:
        return self._is_service

    @property
    def clients(self) -> int:
        return self._connections.clients

    def stay(self) -> None:
        self._is_service = True

    def shutdown(self, drain: timedelta) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end, drain)

    # -- life

    async def run(self, ready: Callable[[Path], None]) -> int:
        """Serve until told to end, or idle. `ready` is called once requests are answered. The exit status.

        Raises Held (another engine serves the database), DatabaseRefused and Unavailable before it is ready.
        """
        self._loop = asyncio.get_running_loop()
        path = self._settings.socket_path
        await asyncio.to_thread(self._start_lock.take)
        try:
            composed = self._composed = await self._take_place(path)
            try:
                serving = Serving(
                    backend_of=self._backend_of, zone=self._settings.timezone, not_ready=composed.not_ready
                )
                server = ApiServer(serving, self._connections, bind(path))
            except BaseException:
                await asyncio.to_thread(composed.close, timedelta())
                raise
            running = asyncio.create_task(server.serve())
            await server.listening()
        finally:
            self._start_lock.release()
        self._listen_to_signals()
        ready(path)
        database = without_password(self._settings.db)
        self._notifier.ready(f"serving {database} at {path}")
        log.info("engine %s serves %s at %s", composed.engine.id, database, path)
        watchers = [asyncio.create_task(self._watch_idle(path)), asyncio.create_task(self._watch_health(composed))]
        await self._ending.wait()
        for watcher in watchers:
            watcher.cancel()
        try:
            await self._wind_down(composed)
        finally:
            server.end()
            await running
            path.unlink(missing_ok=True)
            await asyncio.to_thread(composed.release)
        log.info("engine %s has ended", composed.engine.id)
        return self._status

    async def _take_place(self, path: Path) -> Composed:
        """Compose here; a service has an idle private engine end first. Raises as `run`."""
        try:
            return await asyncio.to_thread(self._open, path)
        except Held as held:
            if not self._is_service or not held.socket or not await end_if_idle(Path(held.socket), self._drain):
                raise
            log.info("the idle private engine at %s has made room", held.socket)
        return await asyncio.to_thread(self._open, path)

    def _open(self, path: Path) -> Composed:
        # whoever had the start lock before has perhaps just begun to serve
        listener = listener_at(path)
        if listener is not None and listener.uid == os.geteuid():
            raise Held(
                f"an engine with pid {listener.pid} listens at {path} already; "
                f"attach to it, or end it first: {how_to_end(listener.pid)}",
                str(path),
            )
        return compose(self._settings, lifecycle=self, socket=path, second=self._second, on_fenced=self._fenced)

    async def _wind_down(self, composed: Composed) -> None:
        """Drain; a later, shorter drain makes it faster."""
        self._notifier.stopping(self._drain + WIND_DOWN)
        log.info("ending: waiting %g s for what runs", self._drain.total_seconds())
        was_idle = await self._is_idle()
        given = self._drain
        stops = {asyncio.create_task(asyncio.to_thread(composed.stop, given))}
        while stops:
            done, _ = await asyncio.wait(stops, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
            for stop in done:
                stop.result()
            stops -= done
            if stops and self._drain < given:
                given = self._drain
                log.info("ending faster: waiting %g s more", given.total_seconds())
                stops.add(asyncio.create_task(asyncio.to_thread(composed.stop, given)))
        if not was_idle:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._connections.empty.wait(), FAREWELL.total_seconds())

    def _end(self, drain: timedelta) -> None:
        if not self._ending.is_set():
            self._drain = drain
            self._ending.set()
        else:
            self._drain = min(drain, self._drain)

    def _fenced(self) -> None:
        """Of the lease's thread: another engine took this one for dead."""
        self._status = 1
        self.shutdown(timedelta())

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        # a private child has no terminal to be hung up by
        for number in (signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if self._is_service else [])):
            loop.add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        # the second signal does not wait for what runs: it cancels
        self._end(timedelta() if self._ending.is_set() else self._settings.drain)

    async def _backend_of(self, peer: Peer) -> Backend:
        composed = self._composed
        if composed is None:
            raise Unavailable("the engine is starting; try again")
        actor: Actor = replace(composed.owner, uid=peer.uid, origin=f"socket pid {peer.pid}")
        return composed.backend(actor)

    async def _watch_health(self, composed: Composed) -> None:
        """A service manager that watches is told while the engine can work."""
        if self._notifier.interval is None:
            return
        while True:
            reasons = await composed.not_alive()
            if reasons:
                log.warning("not healthy: %s", "; ".join(reasons))
            else:
                self._notifier.alive()
            await asyncio.sleep(self._notifier.interval.total_seconds())

    # -- a private child's end

    async def _watch_idle(self, path: Path) -> None:
        if self._is_service:
            return
        try:
            await asyncio.wait_for(self._connections.met.wait(), FIRST_CLIENT_WITHIN.total_seconds())
        except TimeoutError:
            log.info("nobody came")
        while True:
            await self._connections.empty.wait()
            await asyncio.sleep(self._settings.linger.total_seconds())
            while self._connections.empty.is_set() and not self.is_service:
                if self._is_database_lost():
                    log.error("the database is not there any more: what ended since can't be written down")
                    self._status = 1
                    self._end(timedelta())
                    return
                if await self._is_idle() and await self._leave(path):
                    return
                await asyncio.sleep(IDLE_LOOK.total_seconds())
            if self.is_service:
                return

    def _is_database_lost(self) -> bool:
        """A temporary place that was cleared away, such as a demo's: its work would keep this process for ever.

        A file that was moved or replaced may be put back: what runs is followed to its end first.
        """
        composed = self._composed
        if composed is None or not composed.premises.database.has_moved:
            return False
        return composed.premises.database.is_cleared_away or composed.engine.is_at_rest()

    async def _is_idle(self) -> bool:
        composed = self._composed
        if composed is None:
            return False
        try:
            return await asyncio.to_thread(composed.engine.is_idle)
        except Unavailable as error:
            log.warning("can't tell whether work is left: %s", error)
            return False

    async def _leave(self, path: Path) -> bool:
        """Begin the end, unless a client came at the last moment."""
        if not self._start_lock.take(wait=False):
            return False  # somebody starts an engine, and will find this one
        hidden = path.with_name(path.name + ".ending")
        path.rename(hidden)
        # connections that were made before the name was gone are accepted in the next turns of the loop
        await asyncio.sleep(0.05)
        if not self._connections.empty.is_set():
            hidden.rename(path)
            self._start_lock.release()
            return False
        hidden.unlink(missing_ok=True)
        log.info("no client is attached and nothing is left to do")
        self._end(timedelta())
        return True
