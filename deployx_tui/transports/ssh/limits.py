"""Until when something is wanted, and how a step that failed says so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock

from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Unreached

#: how late a cancel may be noticed
LOOK = 0.2


class Failed(Exception):
    """A step failed; `unreached` is what the caller of the transport gets."""

    def __init__(self, unreached: Unreached) -> None:
        super().__init__(unreached.message)
        self.unreached = unreached


class Asked:
    """Time that passed while a person was asked: it counts against nothing. Thread-safe: one asks, all may look."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._over = 0.0
        #: when the question came that stands now, monotonic; None: none stands
        self._since: float | None = None

    @property
    def stands(self) -> bool:
        return self._since is not None

    @property
    def seconds(self) -> float:
        with self._lock:
            return self._over + (0.0 if self._since is None else time.monotonic() - self._since)

    def add(self, seconds: float) -> None:
        with self._lock:
            self._over += seconds

    @contextmanager
    def standing(self) -> Iterator[None]:
        with self._lock:
            self._since = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._over += time.monotonic() - (self._since or time.monotonic())
                self._since = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Until when, and whether anybody still wants it."""

    #: monotonic time
    until: float
    cancel: Event
    asked: Asked = field(default_factory=Asked)

    @property
    def left(self) -> float:
        return self.until + self.asked.seconds - time.monotonic()

    def asking(self) -> AbstractContextManager[None]:
        """While a person is asked."""
        return self.asked.standing()

    def check(self, doing: str) -> None:
        """Raise Failed when cancelled or too late."""
        if self.cancel.is_set():
            raise Failed(Unreached(Cause.KILLED, f"cancelled while {doing}; nothing was sent"))
        if self.left <= 0:
            raise Failed(
                Unreached(
                    Cause.CONNECT_TIMEOUT, f"no time was left while {doing}", "see that the host is up and answers"
                )
            )
