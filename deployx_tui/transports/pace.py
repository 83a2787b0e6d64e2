"""How often a transfer tells how far it is."""

from __future__ import annotations

import time

from deployx_tui.transports.base import TransferProgress

#: seconds between two words
_BETWEEN = 0.1


class Paced:
    """A progress that is told at most ten times a second, and once more at the end."""

    def __init__(self, progress: TransferProgress) -> None:
        self._progress = progress
        self._told_at = 0.0
        self._told: int | None = None

    def __call__(self, size: int) -> None:
        now = time.monotonic()
        if now - self._told_at >= _BETWEEN:
            self._told_at = now
            self._tell(size)

    def end(self, size: int) -> None:
        """So many it was, however lately something was told."""
        if size != self._told:
            self._tell(size)

    def _tell(self, size: int) -> None:
        self._told = size
        self._progress(size)
