"""Idle connections, kept for the next run on the same device as the same account.

A connection belongs to one run at a time. Knows nothing of SSH; what it keeps says itself whether it is still good.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar


class Poolable(Protocol):
    @property
    def is_usable(self) -> bool:
        """Nothing speaks against using it again. May still turn out to be dead."""
        ...

    def close(self) -> None: ...


Key = TypeVar("Key", bound=Hashable)
Held = TypeVar("Held", bound=Poolable)


class Pool(Generic[Key, Held]):
    """Idle ones by key; closed after `idle` seconds, and the longest unused one when there are more than `cap`."""

    def __init__(self, *, idle: float = 120.0, cap: int = 1000) -> None:
        self._idle, self._cap = idle, cap
        self._lock = threading.Condition()
        #: number -> (key, connection, monotonic time of its return), the longest unused first
        self._held: OrderedDict[int, tuple[Key, Held, float]] = OrderedDict()
        self._by_key: dict[Key, list[int]] = {}
        self._counter = 0
        self._sweeper: threading.Thread | None = None
        self._is_shut = False

    def take(self, key: Key) -> Held | None:
        """An idle connection for this key, the last used first; those that died meanwhile are closed."""
        while True:
            with self._lock:
                numbers = self._by_key.get(key)
                if not numbers:
                    return None
                held = self._remove(numbers[-1])
            if held.is_usable:
                return held
            held.close()

    def give(self, key: Key, connection: Held) -> None:
        """Take it back; closes it when it is not fit for another use."""
        spare: list[Held] = []
        with self._lock:
            if self._is_shut or not connection.is_usable:
                spare.append(connection)
            else:
                if not self._held:
                    self._lock.notify()  # the sweeper waits for the first; else it looks when the oldest is due
                self._counter += 1
                self._held[self._counter] = (key, connection, time.monotonic())
                self._by_key.setdefault(key, []).append(self._counter)
                while len(self._held) > self._cap:
                    spare.append(self._remove(next(iter(self._held))))
                if self._sweeper is None:
                    self._sweeper = threading.Thread(target=self._sweep, daemon=True, name="deployx-pool")
                    self._sweeper.start()
        for held in spare:
            held.close()

    def __len__(self) -> int:
        with self._lock:
            return len(self._held)

    def shutdown(self) -> None:
        """Close every idle connection; those in use are closed when they come back."""
        with self._lock:
            self._is_shut = True
            held = [self._remove(number) for number in list(self._held)]
            self._lock.notify()
        for connection in held:
            connection.close()

    def _remove(self, number: int) -> Held:
        """Holds the lock."""
        key, held, _ = self._held.pop(number)
        numbers = self._by_key[key]
        numbers.remove(number)
        if not numbers:
            del self._by_key[key]
        return held

    def _sweep(self) -> None:
        """Close what was idle too long; sleeps until the next one is."""
        while True:
            old: list[Held] = []
            with self._lock:
                if self._is_shut:
                    return
                now = time.monotonic()
                while self._held:
                    number, (_, _, since) = next(iter(self._held.items()))
                    if now - since < self._idle:
                        break
                    old.append(self._remove(number))
                if not old:
                    first = next(iter(self._held.values()), None)
                    self._lock.wait(None if first is None else first[2] + self._idle - now)
            for held in old:
                held.close()
