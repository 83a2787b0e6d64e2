"""Wakes coroutines when the event stream grows: one thread waits for all of them."""

from __future__ import annotations

import asyncio
import threading

from deployx_tui.errors import Unavailable
from deployx_tui.events.stream import EventStream

#: how long the thread stays after the last waiter has gone
_LINGER_SECONDS = 30.0


class Waking:
    """Waits on one stream. Thread-safe; waiters may live in different event loops."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._newest = -1
        self._waiters: dict[asyncio.Future[None], asyncio.AbstractEventLoop] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    async def wait(self, after: int, timeout: float | None = None) -> bool:
        """Until an event has a number above `after`, at most `timeout` seconds. False: in vain, or closed."""
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        while True:
            woken = loop.create_future()
            with self._lock:
                if self._newest > after:
                    return True
                if self._closed:
                    return False
                self._waiters[woken] = loop
                if self._thread is None:
                    self._thread = threading.Thread(target=self._watch, name="deployx-waking", daemon=True)
                    self._thread.start()
            try:
                left = None if deadline is None else max(0.0, deadline - loop.time())
                await asyncio.wait_for(woken, left)
            except TimeoutError:
                return False
            finally:
                with self._lock:
                    self._waiters.pop(woken, None)

    def close(self) -> None:
        """Every wait ends."""
        with self._lock:
            self._closed = True
            self._wake()

    def _watch(self) -> None:
        while True:
            with self._lock:
                newest = self._newest
            try:
                if self._stream.wait(newest, _LINGER_SECONDS):
                    newest = self._stream.position().number
            except Unavailable:
                # the database is away for a moment: whoever waits reads, and is told so itself
                pass
            with self._lock:
                grown = newest > self._newest
                self._newest = max(newest, self._newest)
                if grown:
                    self._wake()
                self._closed = self._closed or self._stream.is_closed
                if self._closed or not (self._waiters or grown):
                    self._wake()
                    self._thread = None
                    return

    def _wake(self) -> None:
        """Holds the lock."""
        for woken, loop in self._waiters.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_set, woken)


def _set(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
