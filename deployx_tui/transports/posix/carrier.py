"""What carries bytes to and from one `sh` on a target: an SSH channel, or a child process on this machine."""

from __future__ import annotations

from typing import Protocol

from deployx_tui.model.execution import Stream
from deployx_tui.transports.base import Exited, Signalled


class Broken(Exception):
    """The way to the target is gone. Stays inside the transports: callers get a value."""


class Carrier(Protocol):
    """One `sh` and the three streams to it. Used by one thread; `feed` may be used by another beside it."""

    def feed(self, data: bytes) -> None:
        """Put bytes on its standard input; blocks while the target does not take them.

        Raises Broken when not all of them were handed over: the target has at most a part.

        A target that has closed its input takes nothing more: that is no error, the rest is dropped. A short text for
        which the target is not ready yet may be left to be handed over when it is: see `take_back`.
        """
        ...

    def take_back(self) -> bool:
        """True: the last text was not handed over as a whole, and will not be."""
        ...

    def end_input(self) -> None: ...

    def wait(self, seconds: float) -> None:
        """Return when there is something new to read or to know, at the latest after so many seconds."""
        ...

    def read(self) -> tuple[Stream, bytes] | None:
        """What has come, at most 64 KiB; None when there is nothing at this moment."""
        ...

    @property
    def ended(self) -> Exited | Signalled | None:
        """How `sh` (and what it became by exec) ended; None while it runs or when nobody can know."""
        ...

    @property
    def is_over(self) -> bool:
        """Nothing more will come: both streams ended, or the way to the target is gone."""
        ...

    @property
    def lost(self) -> str | None:
        """Why the way to the target is gone; None while it stands."""
        ...

    @property
    def was_refused(self) -> bool:
        """The far side said that it does not run `sh`."""
        ...

    def close(self) -> None:
        """Let go of it; what runs on the target is not signalled."""
        ...
