"""The lock that says that somebody serves a SQLite database.

It is the kernel's (flock on a file beside the database): it ends with the process, whatever way that ends, so a dead
holder is told from a slow one without any clock.
"""

from __future__ import annotations

import time
from pathlib import Path

from deployx_tui.errors import DatabaseRefused
from deployx_tui.filelock import FileLock

#: a reader that looks has it for far less
_LOOK_SECONDS = 0.05


class HolderLock:
    """The lock of a SQLite database's serving engine: a file beside it, never removed."""

    def __init__(self, database: Path) -> None:
        self._lock = FileLock(database.with_name(database.name + ".lock"))

    def acquire(self) -> bool:
        """False: another process has it, and lives."""
        try:
            if self._lock.take(wait=False):
                return True
            time.sleep(_LOOK_SECONDS)
            return self._lock.take(wait=False)
        except OSError as error:
            raise DatabaseRefused(f"{self._lock.path} can't be locked ({error.strerror}); look what it is") from error

    def is_held(self) -> bool:
        """Whether some engine has it; True also where that can't be told."""
        try:
            return self._lock.is_held()
        except OSError:
            return True

    def release(self) -> None:
        self._lock.release()
