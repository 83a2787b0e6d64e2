"""How much a target may send ahead of its reader: little each, so that many lanes fit; much where few are busy.

What is held unread costs memory: 64 lanes with paramiko's 2 MiB window grew the engine by 300 MB while 300 hosts said
5 MB each; with 128 KiB it was 59 MB, at less CPU. But one lane with 128 KiB gets 2.6 MB/s at a round trip of 50 ms; so
a lane that says much takes from a common credit what is left of it.
"""

from __future__ import annotations

from threading import Lock

#: of every channel, from its opening
WINDOW = 128 << 10
#: of a channel through a jump host: its reader takes what comes at once, and what it carries has windows of its own
TUNNEL_WINDOW = 2 << 20
#: what all channels of this process may have beyond that, together
_CREDIT = 2 << 20
#: less is not worth a message
_LEAST = 256 << 10


class _Credit:
    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = Lock()

    def take(self) -> int:
        with self._lock:
            taken = self._left if self._left >= _LEAST else 0
            self._left -= taken
            return taken

    def give(self, size: int) -> None:
        with self._lock:
            self._left += size


_credit = _Credit(_CREDIT)


class GrowingWindow:
    """The window of one channel. One thread reads."""

    def __init__(self, size: int = WINDOW, *, grows: bool = True) -> None:
        self._size, self._grows = size, grows
        #: read, and not yet granted again
        self._owed = 0
        self._read = 0
        self._extra = 0

    def note(self, size: int) -> int:
        """So many bytes were read. Returns how many more the target may send now; 0: nothing worth a message.

        What comes in more than one window gets more than it had, if there is more.
        """
        self._owed += size
        self._read += size
        more = 0
        if self._grows and not self._extra and self._read >= self._size:
            self._read = 0  # ask again after the next window
            more = self._extra = _credit.take()
        # a quarter: each message costs both sides, and what waits for it makes the window smaller
        if not more and self._owed < (self._size + self._extra) // 4:
            return 0
        granted, self._owed = self._owed + more, 0
        return granted

    def close(self) -> None:
        _credit.give(self._extra)
        self._extra = 0
