"""The socket below a connection: a burst is read at once, and what belongs together goes out together.

paramiko reads each packet in two pieces, each with a poll before it, and writes each by itself: 42 system calls for a
warm command, and after each the threads contend for the interpreter again. Knows nothing of SSH.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from threading import get_ident
from typing import Protocol

#: an idle connection holds a buffer of this size; it grows while much comes
_SMALL, _LARGE = 4096, 65536


class Line(Protocol):
    """The way to the server's port, as a socket is one: `recv` and `send` raise BlockingIOError after one wake."""

    def recv(self, size: int, /) -> bytes: ...
    def send(self, data: memoryview, /) -> int: ...
    def shutdown(self, how: int, /) -> None:
        """Wake who reads: nothing more comes or goes."""
        ...

    def close(self) -> None: ...


class Wire:
    """What paramiko takes for a socket. One thread reads; what it writes goes out before it sleeps.

    `before_sleep` is called in the reading thread whenever everything that came was taken.
    """

    def __init__(self, sock: Line, wake: float, before_sleep: Callable[[], None]) -> None:
        self._socket = sock
        self._before_sleep = before_sleep
        self._came, self._at = b"", 0
        self._size = _SMALL
        self._lock = threading.Lock()
        self._held: list[bytes] = []
        #: bytes that were given to `send`, and that the kernel has taken;
        self._given = self._taken = 0
        #: threads whose writes wait for their flush
        self._holders: set[int] = set()
        #: monotonic time of the last bytes from the peer
        self.heard = time.monotonic()
        if isinstance(sock, socket.socket):
            # the kernel's time-outs: with Python's own, each call is two
            limit = struct.pack("ll", int(wake), int(wake % 1 * 1e6))
            sock.setblocking(True)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def settimeout(self, seconds: float | None) -> None:
        """paramiko wants 0.1 s: 229 ms of CPU a second with 1,000 idle connections. Stays as it was made."""

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes. Raises TimeoutError when nothing came for the time of one wake."""
        if self._at == len(self._came):
            self._holders.add(get_ident())
            self._before_sleep()
            try:
                came = self._socket.recv(self._size)
            except BlockingIOError as error:
                raise TimeoutError from error
            self._size = _LARGE if len(came) == self._size else _SMALL
            self._came, self._at = came, 0
            self.heard = time.monotonic()
        data = self._came[self._at : self._at + size]
        self._at += len(data)
        if self._at == len(self._came):
            self._came, self._at = b"", 0
        return data

    def send(self, data: bytes) -> int:
        """All of it goes out now, or is held by this thread. Raises OSError when the line is broken."""
        with self._lock:
            self._held.append(data)
            self._given += len(data)
            if get_ident() not in self._holders:
                self._write()
        return len(data)

    def flush(self) -> bool:
        """What is held goes out. False: the line broke, and not all that was given until this call was taken."""
        given = self._given
        if self._held:
            with self._lock, contextlib.suppress(OSError):
                self._write()
        return self._taken >= given

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What this thread writes inside goes out at the end. It must not wait for an answer meanwhile.

        Raises OSError at the end when the line is broken.
        """
        me = get_ident()
        self._holders.add(me)
        try:
            yield
        finally:
            self._holders.discard(me)
            with self._lock:
                self._write()

    def close(self) -> None:
        self._socket.close()

    def _write(self) -> None:
        """Holds the lock: the order of the packets is the order of their numbers."""
        view = memoryview(b"".join(self._held))
        self._held.clear()
        while view:
            try:
                taken = self._socket.send(view)
                self._taken += taken
                view = view[taken:]
            except BlockingIOError:  # the peer takes nothing; whether it is still there is another's to say
                continue
