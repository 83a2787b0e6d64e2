"""Target starts of one moment share a commit: each costs an fsync, which is most of what a start costs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Event, Lock

from deployx_tui.errors import Unavailable
from deployx_tui.model.ids import EngineId, TargetId
from deployx_tui.store import targets
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.store.targets import TargetStart

log = logging.getLogger(__name__)

#: between attempts while the database does not serve
_RETRY_SECONDS = 0.5


class StartRefused(Exception):
    """The statement failed: the target was not started and nothing was sent."""


class EngineEnds(StartRefused):
    """The engine ends: the target goes on waiting, for the next one."""


@dataclass(eq=False, slots=True)
class _Request:
    start: TargetStart
    #: None: not decided
    started: bool | None = None
    error: StartRefused | None = None


class Starts:
    """The one door, for many threads. Whoever comes first commits for all who came while it waited."""

    def __init__(self, database: Database, engine: EngineId) -> None:
        self._database, self._engine = database, engine
        self._queue_lock = Lock()
        self._queue: list[_Request] = []
        #: held by the thread that commits for the others, over its commit
        self._committing = Lock()
        self._stopping = Event()
        #: why no target can start; "": they can
        self.trouble = ""

    def start(self, target: TargetId, token: str, handle_json: str) -> bool:
        """True once it is on disk that this token owns the target; False when it may not start.

        Waits while the database does not serve: nothing starts that is not written down.
        Raises EngineEnds, or StartRefused when it can't be asked.
        """
        request = _Request(TargetStart(target, token, handle_json))
        with self._queue_lock:
            self._queue.append(request)
        with self._committing:
            if request.started is None and request.error is None:
                self._commit()
        if request.error is not None:
            raise request.error
        return bool(request.started)

    def stop(self) -> None:
        """From now on nothing starts."""
        self._stopping.set()

    def _commit(self) -> None:
        with self._queue_lock:
            requests, self._queue = self._queue, []
        while not self._stopping.is_set():
            try:
                self._write(requests)
                if self.trouble:
                    log.info("targets start again")
                    self.trouble = ""
                return
            except Unavailable as error:
                # the commit may have happened: the same tokens again are the retry
                if not self.trouble:
                    log.warning("no target can start: %s", error)
                self.trouble = f"no target can start: {error}"
                self._stopping.wait(_RETRY_SECONDS)
            except Exception as error:  # a bug here must reach every waiting thread, not one
                log.exception("starting %d targets", len(requests))
                _refuse(requests, StartRefused(f"{type(error).__name__}: {error}"))
                return
        _refuse(requests, EngineEnds("the engine ends"))

    def _write(self, requests: list[_Request]) -> None:
        # durable: after a power loss nothing may have run that is not written down as started
        with self._database.write(durable=True) as c:
            started = targets.start_many(c, self._engine, [request.start for request in requests], now_ms())
        for request in requests:
            request.started = request.start.target_id in started


def _refuse(requests: list[_Request], error: StartRefused) -> None:
    for request in requests:
        request.error = error
