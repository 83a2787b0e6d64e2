"""A line through another connection: a channel on which a jump host carries our bytes to a port (RFC 4254 7.2)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import paramiko

from deployx_tui.model.execution import Stream
from deployx_tui.transports.ssh.session import Session

#: a writer whom the jump host lets send nothing looks so often whether the channel is still there
_LOOK = 1.0


class Tunnel:
    """See Line. One thread reads, one at a time writes."""

    def __init__(self, session: Session, wake: float, after: Callable[[], None]) -> None:
        """`after` is called once, when it is closed."""
        self._session = session
        self._wake = wake
        self._after: Callable[[], None] | None = after
        self._left = b""

    def recv(self, size: int, /) -> bytes:
        """b"": the other side has ended. Raises BlockingIOError after one wake."""
        if not self._left:
            self._left = self._next()
        taken, self._left = self._left[:size], self._left[size:]
        return taken

    def send(self, data: memoryview, /) -> int:
        """Raises BlockingIOError when nothing was taken for a while, OSError when the way is gone."""
        try:
            taken = self._session.put(data)
        except (EOFError, paramiko.SSHException) as error:
            raise OSError(f"the connection to the jump host is gone: {error}") from error
        if not taken:
            self._session.room.wait(_LOOK)
            raise BlockingIOError
        return taken

    def shutdown(self, _: int = 0, /) -> None:
        self._end()
        self._session.news.ring()
        self._session.room.ring()

    def close(self) -> None:
        self._end()
        after, self._after = self._after, None
        if after is not None:
            after()

    def _end(self) -> None:
        # a connection that is gone took the channel with it
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            self._session.close()

    def _next(self) -> bytes:
        session = self._session
        session.news.hush()
        has_waited = False
        while True:
            is_over = session.closed or session.eof_received  # in this order: what came before the end is there by then
            piece = session.read()
            if piece is not None:
                # the bytes count, even when the line breaks under the request for more
                with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
                    session.grant(len(piece[1]))
                if piece[0] is Stream.STDOUT:
                    return piece[1]
            elif is_over:
                return b""
            elif has_waited:
                raise BlockingIOError
            else:
                session.news.wait(self._wake)
                has_waited = True
