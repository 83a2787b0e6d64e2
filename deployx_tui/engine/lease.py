"""An engine's place in the database: its row, its beat, and on SQLite the lock that says who serves."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from threading import Event, Thread, current_thread

from deployx_tui.engine import liveness, recovery
from deployx_tui.engine.holder_lock import HolderLock
from deployx_tui.engine.liveness import BeatWatch
from deployx_tui.errors import DatabaseRefused, Unavailable, how_to_end
from deployx_tui.model.ids import EngineId
from deployx_tui.store import engines
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database

log = logging.getLogger(__name__)

BEAT_SECONDS = 2.0


class Lease:
    """Held from `start` to `stop`. A thread of its own beats and looks after the work of engines that died.

    `adopted` is called, in that thread or in `start`, when executions of a dead engine have become this one's
    (`executions.queued` lists them). `fenced` is called once when another engine took this one for dead: its
    targets count as lost and it can start nothing more, so its process should end.
    """

    def __init__(
        self,
        database: Database,
        engine: EngineId | None = None,
        *,
        socket: str = "",
        adopted: Callable[[], None],
        fenced: Callable[[], None],
        beside_the_holder: bool = False,
    ) -> None:
        """`engine`: an id that was never used before; None: a fresh one is made.

        `beside_the_holder`: take part although another engine serves this SQLite database (crash tests).
        """
        self.engine_id = engine or EngineId(uuid.uuid4().hex)
        self._database, self._socket = database, socket
        self._adopted, self._fenced = adopted, fenced
        needs_lock = database.path is not None and not beside_the_holder
        self._lock = HolderLock(database.path) if needs_lock and database.path is not None else None
        self._watch = BeatWatch()
        self._stopping = Event()
        self._thread = Thread(target=self._live, name="deployx-lease", daemon=True)

    def start(self) -> None:
        """Take the place, then the work of dead engines.

        Raises:
            DatabaseRefused: another engine serves this database; says where.
        """
        if self._lock is not None and not self._lock.acquire():
            raise DatabaseRefused(_held(self._database))
        try:
            with self._database.write(durable=True) as c:
                engines.register(c, liveness.this_process(self.engine_id, now_ms()))
                if self._lock is not None:
                    engines.take_hold(c, self.engine_id, self._socket, now_ms())
            self._sweep()
        except BaseException:
            self._release()
            raise
        self._thread.start()

    def stop(self) -> None:
        """Leave in order: what is still queued is another engine's, or the next one's."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not current_thread():
            self._thread.join()
        try:
            with self._database.write(durable=True) as c:
                engines.let_go(c, self.engine_id)
                engines.remove(c, self.engine_id)
        except Unavailable as error:
            log.warning("left without signing off, the next engine will notice: %s", error)
        finally:
            self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _live(self) -> None:
        is_failing = False
        while not self._stopping.wait(BEAT_SECONDS):
            try:
                with self._database.write() as c:
                    is_known = engines.beat(c, self.engine_id, now_ms())
                if not is_known:
                    log.error("another engine took this one for dead; it starts nothing more")
                    self._fenced()
                    return
                self._sweep()
                is_failing = False
            except Exception as error:  # noqa: BLE001 - the beat must go on whatever happens
                if not is_failing:
                    log.warning("the engine's beat fails, and goes on trying: %s", error)
                is_failing = True

    def _sweep(self) -> None:
        if recovery.sweep(self._database, self.engine_id, self._watch, now_ms(), time.monotonic()):
            self._adopted()


def _held(database: Database) -> str:
    with database.read() as c:
        holder = engines.holder_of(c)
        row = next((each for each in engines.registered(c) if holder and each.id == holder.engine_id), None)
    if row is None:
        return f"{database.path} is served by another engine; end it first (deployx doctor looks for it)"
    where = f"attach to it at {holder.socket}, or " if holder and holder.socket else ""
    who = f"the engine with pid {row.pid} on {row.host}"
    return f"{database.path} is served by {who}; {where}end it first: {how_to_end(row.pid)}"
