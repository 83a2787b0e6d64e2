"""Whether anybody has committed since the last look, for much less than a transaction costs. SQLite only.

https://www.sqlite.org/pragma.html#pragma_data_version: the number changes for a connection when any other connection,
of this process or another, has committed. This one never writes.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from deployx_tui.store.dialects.connect import sqlite_uri


class Commits:
    """Counts as the database file does. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False

    def version(self) -> int | None:
        """Equal to an earlier one: nothing was committed between. None: it can't be told now, so look for yourself."""
        with self._lock:
            if self._is_closed:
                return None
            try:
                if self._connection is None:
                    self._connection = sqlite3.connect(
                        sqlite_uri(self._path, "ro"), uri=True, isolation_level=None, check_same_thread=False
                    )
                (found,) = self._connection.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:
                return None
            return int(found)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._connection is not None:
                self._connection.close()
