"""A Carrier over an SSH session on which `exec sh` was asked for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import paramiko

from deployx_tui.model.execution import Stream
from deployx_tui.transports.base import Exited, Signalled
from deployx_tui.transports.posix.carrier import Broken
from deployx_tui.transports.ssh.link import SILENCE, Link
from deployx_tui.transports.ssh.session import Session

#: the one string that a login shell ever parses
REMOTE_LINE = b"exec sh"
#: with a terminal: on its input alone sh would prompt, echo and keep a history, as for a person
TERMINAL_LINE = b"exec sh /dev/tty"
#: bytes that go out in one write: each write lets the other threads in
_AT_ONCE = 256 * 1024
#: a feed that the server takes nothing of looks so often whether it is still there
_LOOK = 1.0

_FAILURES = (EOFError, OSError, paramiko.SSHException)


class SshChannel:
    """See Carrier."""

    def __init__(
        self,
        link: Link,
        session: Session,
        *,
        silence: float = SILENCE,
        after: Callable[[], None] | None = None,
        terminal: bool = False,
    ) -> None:
        self._link = link
        self._session = session
        self._silence = silence
        self._after = after
        self._terminal = terminal
        self._told_end: Exited | Signalled | None = None

    @classmethod
    def execute(
        cls,
        link: Link,
        session: Session,
        *,
        silence: float = SILENCE,
        after: Callable[[], None] | None = None,
        terminal: bool = False,
    ) -> SshChannel:
        """Ask for `exec sh` on an open session. Raises Broken; the request may have arrived all the same."""
        carrier = cls(link, session, silence=silence, after=after, terminal=terminal)
        try:
            if terminal:
                session.ask_for_terminal()
            session.execute(TERMINAL_LINE if terminal else REMOTE_LINE)
        except _FAILURES as error:
            raise Broken(str(error) or type(error).__name__) from error
        return carrier

    @classmethod
    def subsystem(
        cls,
        link: Link,
        session: Session,
        name: bytes,
        *,
        silence: float = SILENCE,
        after: Callable[[], None] | None = None,
    ) -> SshChannel:
        """Ask for a subsystem on an open session instead. Raises Broken."""
        carrier = cls(link, session, silence=silence, after=after)
        try:
            session.ask_for_subsystem(name)
        except _FAILURES as error:
            raise Broken(str(error) or type(error).__name__) from error
        return carrier

    def offer(self, data: memoryview, seconds: float) -> int:
        """Hand over what the server takes now; returns how much that was. When it takes nothing, waits until it may
        take more, at most so long.

        Raises Broken, also when the target has ended the session.
        """
        taken = 0
        try:
            with self._link.together():
                while size := self._session.put(data[taken : taken + _AT_ONCE]):
                    taken += size
                    if taken >= min(_AT_ONCE, len(data)):
                        break
        except _FAILURES as error:
            raise Broken(str(error) or type(error).__name__) from error
        if not taken:
            self._session.room.wait(seconds)
            if self.lost is not None:
                raise Broken(self.lost)
        return taken

    def feed(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                taken = self._session.offer(left)
                left = left[taken:]
                if not taken:
                    self._session.room.wait(_LOOK)
                    if self.lost is not None:
                        raise Broken(self.lost)
        except _FAILURES as error:
            if self._session.closed_by_server or self._session.was_refused:
                return  # the target has ended the session; how, is read at the other side
            raise Broken(str(error) or type(error).__name__) from error

    def take_back(self) -> bool:
        return self._session.take_back()

    def end_input(self) -> None:
        if self._terminal:
            return  # a terminal has no end
        try:
            self._session.end_input()
        except _FAILURES as error:
            raise Broken(str(error) or type(error).__name__) from error

    def wait(self, seconds: float) -> None:
        session = self._session
        session.news.hush()
        ended = session.status
        if ended != self._told_end:
            self._told_end = ended
        elif not (session.is_readable or self.is_over):
            session.news.wait(seconds)

    def read(self) -> tuple[Stream, bytes] | None:
        piece = self._session.read()
        if piece is not None:
            # the bytes count, even when the line breaks under the request for more
            with contextlib.suppress(*_FAILURES):
                self._session.grant(len(piece[1]))
        return piece

    @property
    def link(self) -> Link:
        """The connection that it is on, which may be one of its own."""
        return self._link

    @property
    def ended(self) -> Exited | Signalled | None:
        return self._session.status

    @property
    def is_over(self) -> bool:
        session = self._session
        over = session.closed or (session.eof_received and session.status is not None) or self.lost is not None
        return over and not session.is_readable  # in this order: what came before the end is there by then

    @property
    def lost(self) -> str | None:
        session = self._session
        if session.status is not None:
            return None
        if not self._link.is_active():
            error = self._link.get_exception()
            return (str(error) if error is not None else "") or "the connection was closed"
        if session.closed and not (session.was_refused or session.closed_by_server):
            return "the connection was closed"  # paramiko closes the sessions first and says so of itself later
        if time.monotonic() - self._link.heard > self._silence:
            return f"nothing was heard from the target for {self._silence:g} s"
        return None

    @property
    def was_refused(self) -> bool:
        return self._session.was_refused

    def close(self) -> None:
        # a connection that is gone took the session with it
        with contextlib.suppress(*_FAILURES):
            self._session.close()
        after, self._after = self._after, None
        if after is not None:
            after()
