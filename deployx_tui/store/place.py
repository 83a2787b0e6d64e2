"""Whether a database's file is still where it was opened.

SQLite goes on reading and writing a file that was removed, moved or replaced: what is written then is in no file that
anybody will open again. So each transaction looks first, and a write looks again when it was committed. A look is one
call of the system; it opens nothing, for closing a second descriptor would drop SQLite's locks.
"""

from __future__ import annotations

import os
from pathlib import Path

from deployx_tui.errors import DatabaseMoved


class Place:
    """The file at `path` as it is now: one that is opened, and stays open, while this is asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity = _identity(path)

    def is_kept(self) -> bool:
        """Whether the file of its name is still that one."""
        return _identity(self.path) == self._identity

    def check(self) -> None:
        """For the process that has it open: raises DatabaseMoved when another file, or none, has its name."""
        if self.is_kept():
            return
        raise DatabaseMoved(
            f"{self._moved()} under its engine (pid {os.getpid()}), which starts and changes nothing more: "
            f"{self.path}; "
            f"put the file back, or end that engine to go on with what is there now: kill {os.getpid()}"
        )

    def check_for_client(self) -> None:
        """As `check`, for a client whose engine has ended: none is started on what is no longer the same database."""
        if not self.is_kept():
            raise DatabaseMoved(
                f"{self._moved()}, and its engine has ended: {self.path}; "
                "put the file back, or start deployx anew to go on with what is there now"
            )

    def _moved(self) -> str:
        # the cause before the path: a line at the foot of the screens may end early
        is_gone = _identity(self.path) is None
        return f"the database was {'removed or moved away' if is_gone else 'replaced by another file'}"

    def is_cleared_away(self) -> bool:
        """Its folder is gone too: a temporary place, to which nobody puts anything back."""
        return not self.path.parent.exists()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
