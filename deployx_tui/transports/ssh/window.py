"""How much a target may send ahead of its reader: little each, so that many lanes fit; much where few are busy.

What paramiko holds unread costs three times its size, and 64 lanes with its 2 MiB window grew the engine by 300 MB
while 300 hosts said 5 MB each; with 128 KiB it is 59 MB, at less CPU. But one lane with 128 KiB gets 2.6 MB/s at a
round trip of 50 ms; so a lane that says much takes from a common credit what is left of it.
"""

from __future__ import annotations

from threading import Lock

import paramiko
from paramiko.common import cMSG_CHANNEL_WINDOW_ADJUST
from paramiko.message import Message

#: of every channel, from its opening
WINDOW = 128 << 10
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

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._read = 0
        self._extra = 0
        self._granted = 0

    def size(self) -> int:
        """How much the server may at most have sent and we not read."""
        return WINDOW + self._granted

    def note(self, size: int) -> None:
        """So many bytes were read. What comes in more than one window gets more, if there is more."""
        self._read += size
        if self._extra or self._read < WINDOW or self._channel.eof_received or self._channel.closed:
            return
        self._read = 0  # ask again after the next window
        self._extra = _credit.take()
        if self._extra:
            self._granted = self._extra
            message = Message()
            message.add_byte(cMSG_CHANNEL_WINDOW_ADJUST)
            message.add_int(self._channel.remote_chanid)
            message.add_int(self._extra)
            transport = self._channel.get_transport()
            transport._send_user_message(message)  # type: ignore[attr-defined]  # as Link does; not in the stubs

    def close(self) -> None:
        _credit.give(self._extra)
        self._extra = 0
