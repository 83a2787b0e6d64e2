"""Target starts of one moment share a commit: each costs an fsync, which is most of what a start costs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Event, Lock

from sqlalchemy import Connection

from deployx_tui.errors import Unavailable
from deployx_tui.model.ids import EngineId, TargetId
from deployx_tui.store import outputs, targets
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


@dataclass(frozen=True, slots=True)
class _Reached:
    """How far a started target has come."""

    target: TargetId
    token: str
    handle_json: str
    #: its output so far, when that belongs into the database
    frames: bytes | None


@dataclass(eq=False, slots=True)
class _Request:
    what: TargetStart | _Reached
    #: whether it is ours, and written; None: not decided
    is_ours: bool | None = None
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
        return self._ask(_Request(TargetStart(target, token, handle_json)))

    def keep(self, target: TargetId, token: str, handle_json: str, frames: bytes | None) -> None:
        """Write down how far a started target has come, and (unless None) its output so far, before it goes on.

        Waits while the database does not serve. Raises EngineEnds when it does not until the engine ends, and
        StartRefused when this token owns it no more.
        """
        if not self._ask(_Request(_Reached(target, token, handle_json, frames))):
            raise StartRefused("another engine has taken it over")

    def stop(self) -> None:
        """From now on nothing starts."""
        self._stopping.set()

    def _ask(self, request: _Request) -> bool:
        with self._queue_lock:
            self._queue.append(request)
        with self._committing:
            if request.is_ours is None and request.error is None:
                self._commit()
        if request.error is not None:
            raise request.error
        return bool(request.is_ours)

    def _commit(self) -> None:
        with self._queue_lock:
            requests, self._queue = self._queue, []
        while True:
            if self._stopping.is_set():
                # what runs may still say how far it has come: the next engine goes on there
                starts = [each for each in requests if isinstance(each.what, TargetStart)]
                _refuse(starts, EngineEnds("the engine ends"))
                requests = [each for each in requests if isinstance(each.what, _Reached)]
                if not requests:
                    return
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
                if self._stopping.wait(_RETRY_SECONDS):
                    _refuse(requests, EngineEnds("the engine ends"))
                    return
            except Exception as error:  # a bug here must reach every waiting thread, not one
                log.exception("starting %d targets", len(requests))
                _refuse(requests, StartRefused(f"{type(error).__name__}: {error}"))
                return

    def _write(self, requests: list[_Request]) -> None:
        starts = [request.what for request in requests if isinstance(request.what, TargetStart)]
        ours: set[tuple[TargetId, str]] = set()
        # durable: after a power loss nothing may have run that is not written down as started
        with self._database.write(durable=True) as c:
            started = targets.start_many(c, self._engine, starts, now_ms())
            for request in requests:
                if isinstance(request.what, _Reached) and _keep(c, request.what):
                    ours.add((request.what.target, request.what.token))
        for request in requests:
            match request.what:
                case TargetStart(target):
                    request.is_ours = target in started
                case _Reached(target, token):
                    request.is_ours = (target, token) in ours


def _keep(c: Connection, reached: _Reached) -> bool:
    if not targets.keep_handle(c, reached.target, reached.token, reached.handle_json):
        return False
    if reached.frames is not None:
        outputs.save(c, reached.target, reached.frames)
    return True


def _refuse(requests: list[_Request], error: StartRefused) -> None:
    for request in requests:
        request.error = error
