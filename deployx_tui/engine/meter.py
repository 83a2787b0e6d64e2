"""How far the files of one running target are over, and how fast they go. In memory; results tell of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

from deployx_tui.model.execution import TransferProgress

#: seconds that a rate is of: a shorter time shows each stutter, a longer one goes on about a network that is no more
_WINDOW = 5.0
#: between two points of it
_APART = 0.25


class TransferMeter:
    """Thread-safe. Called by whoever moves files, with the bytes that are over and those that will be in all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._done = self._total = 0
        #: when so many bytes were over, the oldest first
        self._points: deque[tuple[float, int]] = deque()

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        with self._lock:
            if done < self._done:
                # it is begun again, on another connection: what went over the old one says nothing of this one
                self._points.clear()
            self._done, self._total = done, total
            if not self._points or now - self._points[-1][0] >= _APART:
                self._points.append((now, done))
            while len(self._points) > 2 and self._points[1][0] <= now - _WINDOW:
                self._points.popleft()

    def now(self) -> TransferProgress | None:
        """None: no byte is to be moved, so far as is known."""
        with self._lock:
            if not self._total:
                return None
            return TransferProgress(done=self._done, total=self._total, rate=self._rate())

    def _rate(self) -> int:
        """Holds the lock."""
        if not self._points:
            return 0
        since, before = self._points[0]
        passed = self._clock() - since
        return round((self._done - before) / passed) if passed > 0 else 0
