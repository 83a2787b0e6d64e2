"""What is not kept for ever: old events, old runs where a limit is set, secrets that were replaced, and files of runs
that are gone.

A little at a time, so that nobody waits for it: each step is a short transaction of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread

from deployx_tui.engine.settings import EngineSettings
from deployx_tui.errors import Unavailable
from deployx_tui.output.store import OutputStore
from deployx_tui.store import events, executions, sealed
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database

log = logging.getLogger(__name__)

#: rows in one transaction: a few milliseconds
_EVENTS_AT_ONCE = 2_000
_RUNS_AT_ONCE = 50
#: between two sweeps, and before the first: a start has better things to do
_EVERY = timedelta(minutes=10)


class Retention:
    """A thread that sweeps now and then."""

    def __init__(self, database: Database, output: OutputStore, settings: EngineSettings) -> None:
        self._database, self._output, self._settings = database, output, settings
        self._stopping = Event()
        self._thread = Thread(target=self._live, name="deployx-retention", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self._stopping.set()
        self._thread.join(timeout)

    def sweep(self, now: int) -> None:
        """Remove what is too old at `now` (epoch milliseconds). Raises Unavailable; what went is gone then too."""
        settings = self._settings
        self._repeat(lambda: self._forget_events(_before(now, settings.events_kept)))
        self._repeat(lambda: self._forget_growth(_before(now, settings.growth_kept)))
        if settings.history_kept is not None:
            oldest = _before(now, settings.history_kept)
            self._repeat(lambda: self._forget_runs(oldest))
        self._forget_secrets()
        self.remove_strays()

    def remove_strays(self) -> None:
        """Files of runs that the database does not know: a sweep was cut short, or a backup was restored.

        Also before an engine begins: after a restore ids come again, and a new run must not find an old run's file.
        """
        stored = self._output.stored()
        for at in range(0, len(stored), _EVENTS_AT_ONCE):
            some = stored[at : at + _EVENTS_AT_ONCE]
            with self._database.read() as c:
                known = executions.exist(c, some)
            for execution in some:
                if execution not in known:
                    self._output.delete(execution)

    def _live(self) -> None:
        while not self._stopping.wait(_EVERY.total_seconds()):
            try:
                self.sweep(now_ms())
            except Unavailable as error:
                log.info("nothing is swept away now: %s", error)
            except Exception:  # a sweep that fails costs space, and the next one comes
                log.exception("sweeping")

    def _repeat(self, step: Callable[[], bool]) -> None:
        while not self._stopping.is_set() and step():
            pass

    def _forget_secrets(self) -> None:
        """Versions that were replaced, once the last run that may want them is over."""
        with self._database.read() as c:
            if not sealed.has_superseded(c):
                return
        with self._database.write() as c:
            gone = sealed.drop_superseded(c)
        if gone:
            self._database.forget_log()

    def _forget_events(self, before: int) -> bool:
        with self._database.write() as c:
            return events.forget_before(c, before, _EVENTS_AT_ONCE) == _EVENTS_AT_ONCE

    def _forget_growth(self, before: int) -> bool:
        with self._database.write() as c:
            return events.forget_growth(c, before, _EVENTS_AT_ONCE) == _EVENTS_AT_ONCE

    def _forget_runs(self, before: int) -> bool:
        with self._database.write() as c:
            gone = executions.forget_before(c, before, _RUNS_AT_ONCE)
        # the rows first: a file without rows is a stray for the next sweep, rows without their file would be a lie
        for execution in gone:
            self._output.delete(execution)
        return len(gone) == _RUNS_AT_ONCE


def _before(now: int, kept: timedelta) -> int:
    return now - kept // timedelta(milliseconds=1)
