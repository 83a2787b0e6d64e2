"""Until when something is wanted, and how a step that failed says so."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Event

from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Unreached

#: how late a cancel may be noticed
LOOK = 0.2


class Failed(Exception):
    """A step failed; `unreached` is what the caller of the transport gets."""

    def __init__(self, unreached: Unreached) -> None:
        super().__init__(unreached.message)
        self.unreached = unreached


@dataclass(frozen=True, slots=True)
class Limits:
    """Until when, and whether anybody still wants it."""

    #: monotonic time
    until: float
    cancel: Event

    @property
    def left(self) -> float:
        return self.until - time.monotonic()

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
