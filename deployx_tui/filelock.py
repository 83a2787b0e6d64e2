"""A lock among processes: the kernel's, on a file that is never removed. Importable by all."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class FileLock:
    """It ends with the process that holds it, whatever way that ends.

    Each instance is a holder of its own, also within a process; one instance is not for two threads.
    """

    def __init__(self, path: Path) -> None:
        """`path` of the lock itself; its folder must be there when it is taken."""
        self.path = path
        self._descriptor: int | None = None

    def take(self, *, wait: bool) -> bool:
        """False: another holder has it, and we did not wait. Raises OSError; also for a link in the file's place."""
        # close-on-exec: a command that outlives us must not keep the lock
        descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def is_held(self) -> bool:
        """Whether anybody holds it. Looks with a shared lock for a moment, and makes no file. Raises OSError."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def release(self) -> None:
        """Of one that is not held too."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
