"""A Carrier over an SSH channel on which `exec sh` was asked for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from threading import Event

import paramiko

from deployx_tui.model.execution import Stream
from deployx_tui.transports.base import Exited, Signalled
from deployx_tui.transports.posix.carrier import Broken
from deployx_tui.transports.ssh.link import SILENCE, Link
from deployx_tui.transports.ssh.window import GrowingWindow

#: the one string that a login shell ever parses
REMOTE_LINE = "exec sh"
PIECE = 65536
#: paramiko's exit_status before the server has told one
_NO_STATUS = -1


class SshChannel:
    """One session; see Carrier."""

    def __init__(
        self,
        link: Link,
        channel: paramiko.Channel,
        *,
        silence: float = SILENCE,
        after: Callable[[], None] | None = None,
    ) -> None:
        self._link = link
        self._channel = channel
        self._silence = silence
        self._window = GrowingWindow(channel)
        self._after = after
        self._number = channel.get_id()
        self._wake = Event()
        self._prefer_error = False
        self._told_end: Exited | Signalled | None = None
        # one event for both buffers: else one stream, not read, blocks the other at the end of the window
        channel.in_buffer.set_event(self._wake)
        channel.in_stderr_buffer.set_event(self._wake)
        link.wakes[self._number] = self._wake
        link.windows[self._number] = self._window.size

    @classmethod
    def execute(
        cls, link: Link, channel: paramiko.Channel, *, silence: float = SILENCE, after: Callable[[], None] | None = None
    ) -> SshChannel:
        """Ask for `exec sh` on an open channel. Raises Broken; the request may have arrived all the same."""
        carrier = cls(link, channel, silence=silence, after=after)
        try:
            link.execute(channel, REMOTE_LINE)
        except (EOFError, OSError, paramiko.SSHException) as error:
            raise Broken(str(error) or type(error).__name__) from error
        return carrier

    def feed(self, data: bytes) -> None:
        try:
            self._channel.sendall(data)
        except (EOFError, OSError, paramiko.SSHException) as error:
            if self._link.is_active() and self._channel.closed:
                return  # the target has ended the session; how, is read at the other side
            raise Broken(str(error) or type(error).__name__) from error

    def end_input(self) -> None:
        try:
            self._channel.shutdown_write()
        except (EOFError, OSError, paramiko.SSHException) as error:
            raise Broken(str(error) or type(error).__name__) from error

    def wait(self, seconds: float) -> None:
        # cleared before looking: what comes after the look sets it again
        self._wake.clear()
        ended = self.ended
        if ended != self._told_end:
            self._told_end = ended
        elif not (self._channel.recv_ready() or self._channel.recv_stderr_ready() or self.is_over):
            self._wake.wait(seconds)

    def read(self) -> tuple[Stream, bytes] | None:
        channel = self._channel
        for is_error in (self._prefer_error, not self._prefer_error):
            if is_error and channel.recv_stderr_ready():
                self._prefer_error = False
                return Stream.STDERR, self._taken(channel.recv_stderr)
            if not is_error and channel.recv_ready():
                self._prefer_error = True
                return Stream.STDOUT, self._taken(channel.recv)
        return None

    def _taken(self, receive: Callable[[int], bytes]) -> bytes:
        try:
            data = receive(PIECE)
        except (EOFError, OSError, paramiko.SSHException) as error:
            raise Broken(str(error) or type(error).__name__) from error
        # the bytes count, even when the line breaks under the request for more
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            self._window.note(len(data))
        return data

    @property
    def ended(self) -> Exited | Signalled | None:
        signal = self._link.exit_signals.get(self._number)
        if signal is not None:
            return Signalled(signal)
        status = self._channel.exit_status
        return None if status == _NO_STATUS else Exited(status)

    @property
    def is_over(self) -> bool:
        channel = self._channel
        if channel.recv_ready() or channel.recv_stderr_ready():
            return False
        return bool(channel.closed) or (bool(channel.eof_received) and self.ended is not None) or self.lost is not None

    @property
    def lost(self) -> str | None:
        if self.ended is not None:
            return None
        if not self._link.is_active():
            error = self._link.get_exception()
            return (str(error) if error is not None else "") or "the connection was closed"
        if self._channel.closed and not (self.was_refused or self._number in self._link.closed_by_server):
            return "the connection was closed"  # paramiko closes the channels first and says so of itself later
        if time.monotonic() - self._link.heard > self._silence:
            return f"nothing was heard from the target for {self._silence:g} s"
        return None

    @property
    def was_refused(self) -> bool:
        return self._number in self._link.refusals

    def close(self) -> None:
        self._window.close()
        # a connection that is gone took the channel with it
        with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
            self._channel.close()
        self._link.forget(self._number)
        after, self._after = self._after, None
        if after is not None:
            after()
