"""Devices are asked about themselves beside their runs: after the first run of this process on an account, and after
the next one when what was told is old.

Never on a run's way: its result is handed over before. Over the connection that it leaves open, in threads of our own.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import timedelta
from threading import Condition, Event, Lock, Thread, current_thread

from deployx_tui.errors import Unavailable
from deployx_tui.model.facts import Facts
from deployx_tui.output.veil import veil
from deployx_tui.store import events
from deployx_tui.store import facts as store
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.store.events import NewEvent
from deployx_tui.store.facts import Told
from deployx_tui.transports.base import Connection, Endpoint
from deployx_tui.transports.facts import NoFacts, TellsFacts

log = logging.getLogger(__name__)

#: that ask at once; an answer takes some 20 ms and the way there and back
_THREADS = 8
#: an engine that ends waits so long for answers that are on their way
_LAST_WORDS_SECONDS = 1.0
#: after one that did not answer
_AGAIN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class _Question:
    endpoint: Endpoint
    connection: TellsFacts
    by: str


def told(endpoint: Endpoint, facts: Facts, by: str) -> Told:
    """An answer that came from there."""
    return Told(
        device=endpoint.device_id,
        facts=facts,
        address=endpoint.address,
        port=endpoint.port,
        user=endpoint.user,
        transport=endpoint.transport,
        by=by,
    )


class Asking:
    """Thread-safe. `age` None: nobody is asked."""

    def __init__(self, database: Database, age: timedelta | None) -> None:
        self._database, self._age = database, age
        self._changed = Condition()
        self._waiting: deque[_Question] = deque()
        self._threads: list[Thread] = []
        self._idle = 0
        #: account -> of the monotonic clock, when it may be asked again
        self._due: dict[Hashable, float] = {}
        self._is_closed = False
        #: nobody waits for an answer any more
        self._stopping = Event()
        self._told_lock = Lock()
        self._told: list[Told] = []
        #: held by the thread that writes for the others, over its commit
        self._writing = Lock()

    def after_run(self, endpoint: Endpoint, connection: Connection, by: str) -> None:
        """A run on it is over and its result handed over: ask, if it is time. Returns at once.

        `connection` may be in use by the next run meanwhile, or closed: then there is no answer this time.
        """
        if self._age is None or not isinstance(connection, TellsFacts):
            return
        now = time.monotonic()
        with self._changed:
            if self._is_closed or self._due.get(_account(endpoint), 0.0) > now:
                return
            self._due[_account(endpoint)] = now + self._age.total_seconds()
            self._waiting.append(_Question(endpoint, connection, by))
            self._changed.notify()
            if len(self._waiting) > self._idle and len(self._threads) < _THREADS:
                thread = Thread(target=self._live, name=f"deployx-facts-{len(self._threads) + 1}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def now(self, endpoint: Endpoint, connection: Connection, by: str, cancel: Event) -> Facts | None:
        """Ask on a run's way, because what it does depends on it. None: it told nothing; the log says why."""
        if not isinstance(connection, TellsFacts):
            return None
        found = connection.facts(cancel)
        if isinstance(found, NoFacts):
            log.info("%s told nothing of itself: %s", endpoint.name, found.message)
            return None
        with self._changed:
            self._due[_account(endpoint)] = time.monotonic() + (self._age or timedelta(days=1)).total_seconds()
        self._told_of(endpoint, found, by)
        return found

    def stop(self, timeout: float) -> None:
        """Ask nobody more. Waits a moment for the answers of those who were asked, then so long for the threads."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._threads, min(timeout, _LAST_WORDS_SECONDS))
            self._waiting.clear()
        self._stopping.set()
        with self._changed:
            self._changed.wait_for(lambda: not self._threads, timeout)

    def _live(self) -> None:
        while (question := self._take()) is not None:
            try:
                self._ask(question)
            except Exception:  # facts are not worth a thread: the next one must be asked all the same
                log.exception("asking %s about itself", question.endpoint.name)
        with self._changed:
            self._threads.remove(current_thread())
            self._changed.notify_all()

    def _take(self) -> _Question | None:
        with self._changed:
            while not self._waiting:
                if self._is_closed:
                    return None
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return self._waiting.popleft()

    def _ask(self, question: _Question) -> None:
        endpoint = question.endpoint
        found = question.connection.facts(self._stopping)
        if isinstance(found, NoFacts):
            log.info("%s told nothing of itself: %s", endpoint.name, found.message)
            with self._changed:
                self._due[_account(endpoint)] = time.monotonic() + _AGAIN_SECONDS
            return
        self._told_of(endpoint, found, question.by)

    def _told_of(self, endpoint: Endpoint, found: Facts, by: str) -> None:
        """Keep it, together with what others were told meanwhile."""
        with self._told_lock:
            # a device may say back what it was told
            self._told.append(told(endpoint, found.without(veil.holds), by))
        with self._writing:
            with self._told_lock:
                answers, self._told = self._told, []
            if answers:
                self._keep(answers)

    def _keep(self, answers: list[Told]) -> None:
        try:
            with self._database.write() as c:
                now = now_ms()
                kept = store.keep(c, answers, now)
                events.append_many(
                    c,
                    [NewEvent(type="device.changed", at_ms=now, facts=(("device_id", each),)) for each in sorted(kept)],
                )
        except Unavailable as error:
            # the devices are asked again when they are old, or by the next process
            log.warning("what %d devices told of themselves is not kept: %s", len(answers), error)


def _account(endpoint: Endpoint) -> Hashable:
    return endpoint.device_id, endpoint.address, endpoint.port, endpoint.user, endpoint.transport
