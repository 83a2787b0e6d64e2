"""Packs the output files of executions that are over, in the background. What a death left undone the next start
does."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from threading import Event, Thread

from deployx_tui.errors import Unavailable
from deployx_tui.model.ids import ExecutionId
from deployx_tui.output.store import OutputStore
from deployx_tui.store import executions
from deployx_tui.store.database import Database

log = logging.getLogger(__name__)

#: after a start or an end: who has just seen it end reads its output now, and one look serves all that end together
_LATER = timedelta(seconds=5)
#: what was refused, by the disk or because somebody still wrote, is tried again
_AGAIN = timedelta(minutes=10)
#: ids in one question
_AT_ONCE = 500


class Packing:
    """A thread that packs when something ended."""

    def __init__(self, database: Database, output: OutputStore) -> None:
        self._database, self._output = database, output
        self._stopping, self._wanted = Event(), Event()
        self._thread = Thread(target=self._live, name="deployx-packing", daemon=True)

    def start(self) -> None:
        self._wanted.set()
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self._stopping.set()
        self._wanted.set()
        self._thread.join(timeout)

    def want(self) -> None:
        """An execution is over."""
        self._wanted.set()

    def pack_all(self) -> None:
        """Pack what is over and was not packed. Raises Unavailable; what was packed is."""
        unpacked = self._output.unpacked()
        for at in range(0, len(unpacked), _AT_ONCE):
            for execution in self._over(unpacked[at : at + _AT_ONCE]):
                if self._stopping.is_set():
                    return
                try:
                    self._output.pack(execution, self._stopping.is_set)
                except OSError as error:
                    log.warning("the output of execution %s is not packed: %s", execution, error)

    def _over(self, some: Sequence[ExecutionId]) -> list[ExecutionId]:
        with self._database.read() as c:
            return sorted(executions.over(c, some))

    def _live(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait(_AGAIN.total_seconds())
            if self._stopping.wait(_LATER.total_seconds()):
                return
            self._wanted.clear()
            try:
                self.pack_all()
            except Unavailable as error:
                log.info("no output is packed now: %s", error)
            except Exception:  # unpacked it costs space only, and the next try comes
                log.exception("packing")
