"""What the process around an engine is and how it ends, as the door sees it.

`LocalBackend` answers `engine.status`, `stay` and `shutdown` out of it. The API's server is one (its clients are its
connections); in one process with the UI, in tests and in `demo --check` it is `InProcess`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol


class Lifecycle(Protocol):
    """The process that holds the engine. Safe to call from any thread; nothing here blocks."""

    @property
    def is_service(self) -> bool:
        """It stays when the last client goes: --serve, or a private child after `stay`."""
        ...

    @property
    def clients(self) -> int:
        """How many processes are attached."""
        ...

    def stay(self) -> None:
        """From now on it is a background service."""
        ...

    def shutdown(self, drain: timedelta) -> None:
        """Begin the end: no new starts, wait so long for what runs, cancel the rest, end the process.

        Returns at once. A second call with a shorter drain makes it faster.
        """
        ...


class InProcess:
    """The engine lives in its only client's process, and ends when that closes it."""

    def __init__(self) -> None:
        #: what `shutdown` asked for; None: nothing yet. Whoever closes the engine reads it
        self.drain: timedelta | None = None

    @property
    def is_service(self) -> bool:
        return False

    @property
    def clients(self) -> int:
        return 1

    def stay(self) -> None:
        """Nothing to do: there is no process to leave behind."""

    def shutdown(self, drain: timedelta) -> None:
        self.drain = drain if self.drain is None else min(drain, self.drain)
