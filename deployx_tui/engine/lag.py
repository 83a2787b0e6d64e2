"""How late runs begin: the worst of the last hour, in a few numbers."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

_BUCKETS = 60
_BUCKET_SECONDS = 60


class Lag:
    """Thread-safe. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        #: number of the minute -> the worst of that minute
        self._worst: dict[int, int] = {}

    def add(self, lag_ms: int) -> None:
        minute = self._minute()
        with self._lock:
            self._worst[minute] = max(self._worst.get(minute, 0), lag_ms)
            for old in [each for each in self._worst if each <= minute - _BUCKETS]:
                del self._worst[old]

    def worst(self) -> int:
        """Milliseconds; 0 when nothing began."""
        first = self._minute() - _BUCKETS
        with self._lock:
            return max((worst for minute, worst in self._worst.items() if minute > first), default=0)

    def _minute(self) -> int:
        return int(self._clock() // _BUCKET_SECONDS)
