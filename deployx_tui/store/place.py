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
        """Raises DatabaseMoved when another file, or none, has its name. It may be put back."""
        if self.is_kept():
            return
        is_gone = _identity(self.path) is None
        what = "is gone: it was removed or moved away" if is_gone else "was replaced by another file"
        raise DatabaseMoved(
            f"the database {self.path} {what} under its engine (pid {os.getpid()}), which starts and changes nothing "
            f"more; put the file back, or end that engine to go on with what is there now: kill {os.getpid()}"
        )

    def is_cleared_away(self) -> bool:
        """Its folder is gone too: a temporary place, to which nobody puts anything back."""
        return not self.path.parent.exists()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
