"""One session channel (RFC 4254, 5 and 6): a request, bytes both ways, how it ended.

paramiko's own Channel makes nine locks, copies output three times and wakes its reader for each packet. This one is fed
by the connection's reader, which also does what only waits for the server's word: a text that was given before the
server opened its window goes out when it does, without a wake of the thread that waits for the answer.
"""

from __future__ import annotations

import contextlib
import struct
import time
from collections import deque
from threading import Lock
from typing import Protocol

from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_WINDOW_ADJUST,
)
from paramiko.message import Message
from paramiko.ssh_exception import SSHException

from deployx_tui.model.execution import Stream
from deployx_tui.transports.base import Exited, Signalled
from deployx_tui.transports.ssh.window import WINDOW, GrowingWindow

#: a text up to this size is left to the reader when the server's window is shut; more could block it
LEFT_TO_READER = 32 * 1024
#: what one reading takes
PIECE = 65536
#: so many wait in the order of their arrival
_MOST_PIECES = 1024
#: RFC 4254 5.2: the one kind of extended data
_STDERR = 1
#: of the name of a signal; those of POSIX have up to 6 letters, others an @domain
_MOST_SIGNAL = 40
#: of a terminal, all off: ICRNL, IXON, ISIG, ECHO, OPOST
_QUIET = (36, 38, 50, 53, 70)
#: what a packet of data may hold; OpenSSH's own bound
_PACKET = 32 * 1024


class Sender(Protocol):
    """The connection, as far as a session needs it."""

    def send(self, payload: bytes) -> None:
        """From any thread but the reader's; blocks while keys are exchanged. Raises OSError, EOFError, SSHException."""
        ...

    def post(self, payload: bytes) -> None:
        """From the reader's thread; never blocks for an exchange of keys."""
        ...

    def flush(self) -> bool:
        """What was posted goes out. False: the line broke before the kernel had taken all of it."""
        ...

    def stir(self, alarm: Alarm) -> None:
        """From the reader's thread: ring it when everything that came was taken."""
        ...


class Alarm:
    """One thread waits, any rings: what is rung before the wait is not lost. An Event costs four times as much."""

    def __init__(self) -> None:
        self._quiet = Lock()
        self._quiet.acquire()

    def ring(self) -> None:
        if self._quiet.locked():
            with contextlib.suppress(RuntimeError):  # another was faster
                self._quiet.release()

    def wait(self, seconds: float) -> None:
        """Until it rings, or has rung since the last wait; at most so long."""
        self._quiet.acquire(timeout=max(0.0, seconds))

    def hush(self) -> None:
        """Forget that it rang. Call it before looking: what comes after the look rings again."""
        self._quiet.acquire(blocking=False)


class Session:
    """The names with an underscore that take a Message, and `_unlink` and `_set_remote_channel`, are paramiko's."""

    def __init__(self, sender: Sender, window: int = WINDOW) -> None:
        self._sender = sender
        self._lock = Lock()
        #: rings when there is something new to read or to know
        self.news = Alarm()
        #: rings when the server takes more
        self.room = Alarm()
        self._pieces: deque[tuple[Stream, bytes | bytearray]] = deque()
        self._window = GrowingWindow(window, grows=window == WINDOW)
        #: bytes that came, counted by the reader, and that may come, counted by who reads them
        self._came, self._allowed = 0, window
        self._peer = 0
        #: what the server takes now
        self._room = 0
        self._largest = _PACKET
        #: a text for which the window was not open yet
        self._unsent: bytes | None = None
        self._ends_after_unsent = False
        self._broke_in_text = False
        self._said_end = self._said_close = False
        self.number = -1
        #: the server has answered the request to open it
        self.is_answered = False
        self.is_open = False
        #: nothing more comes or goes: the server's word, ours, or the end of the connection
        self.closed = False
        self.closed_by_server = False
        self.eof_received = False
        #: the server does not do what was asked for
        self.was_refused = False
        #: RFC 4254 5.1: the number of the reason why it was not opened, and the server's words
        self.refusal: tuple[int, str] | None = None
        self.status: Exited | Signalled | None = None

    # of the thread that uses it

    def await_answer(self, seconds: float) -> bool:
        """Whether the server has said, within so many seconds, if it opens this session (or is gone)."""
        until = time.monotonic() + seconds
        while not self.is_answered:
            left = until - time.monotonic()
            if left <= 0:
                return False
            self.news.wait(left)
        return True

    def execute(self, command: bytes) -> None:
        """Ask for a command without waiting for the yes. Raises what Sender.send raises."""
        self._ask(b"exec", command)

    def ask_for_subsystem(self, name: bytes) -> None:
        """As `execute` (RFC 4254 6.5)."""
        self._ask(b"subsystem", name)

    def _ask(self, kind: bytes, what: bytes) -> None:
        self._sender.send(
            struct.pack(">BII", MSG_CHANNEL_REQUEST, self._peer, len(kind))
            + kind
            + b"\1"
            + struct.pack(">I", len(what))
            + what
        )

    def ask_for_terminal(self) -> None:
        """80 by 24, that echoes nothing and changes no output (RFC 4254, 6.2 and 8). Raises what Sender.send raises."""
        modes = b"".join(struct.pack(">BI", mode, 0) for mode in _QUIET) + b"\0"
        self._sender.send(
            struct.pack(">BII", MSG_CHANNEL_REQUEST, self._peer, 7)
            + b"pty-req\0"
            + struct.pack(">I4sIIIII", 4, b"dumb", 80, 24, 0, 0, len(modes))
            + modes
        )

    def offer(self, data: memoryview) -> int:
        """Send what the server takes now; returns how much that was. A short text is left to the reader as a whole.

        Raises what Sender.send raises, OSError when the session is closed.
        """
        with self._lock:
            if self.closed:
                raise OSError("the session is closed")
            if self._unsent is not None:
                return 0
            size = min(self._room, self._largest, len(data))
            self._room -= size
            if not size and len(data) <= LEFT_TO_READER:
                self._unsent = bytes(data)
                return len(data)
        if size:
            self._sender.send(self._data(data[:size]))
        return size

    def put(self, data: memoryview) -> int:
        """Send what the server takes now, leave nothing to the reader; returns how much that was. Raises as `offer`."""
        with self._lock:
            if self.closed:
                raise OSError("the session is closed")
            size = min(self._room, self._largest, len(data))
            self._room -= size
        if size:
            self._sender.send(self._data(data[:size]))
        return size

    def take_back(self) -> bool:
        """True: the last text was not handed over as a whole, and will not be."""
        with self._lock:
            was_left, self._unsent = self._unsent is not None, None
            return was_left or self._broke_in_text

    def end_input(self) -> None:
        """Raises what Sender.send raises."""
        with self._lock:
            self._ends_after_unsent = self._unsent is not None
            if self._said_end or self._said_close or self.closed or self._ends_after_unsent:
                return
            self._said_end = True
        self._sender.send(self._word(MSG_CHANNEL_EOF))

    @property
    def is_readable(self) -> bool:
        return bool(self._pieces)

    def read(self) -> tuple[Stream, bytes] | None:
        """What has come of one stream, about `PIECE` bytes at most; the target may then send as much again."""
        with self._lock:
            if not self._pieces:
                return None
            stream, data = self._pieces.popleft()
        return stream, bytes(data)

    def grant(self, size: int) -> None:
        """So many bytes were read: the target may send more. Raises what Sender.send raises."""
        more = self._window.note(size)
        if more and not (self.eof_received or self.closed):
            self._allowed += more
            self._sender.send(struct.pack(">BII", MSG_CHANNEL_WINDOW_ADJUST, self._peer, more))

    def close(self) -> None:
        """Raises what Sender.send raises."""
        self._window.close()
        with self._lock:
            says = self.is_open and not self._said_close and not self.closed
            self._said_close = self._said_close or says
            self.closed = True
        if says:
            self._sender.send(self._word(MSG_CHANNEL_CLOSE))

    # of the connection's reader

    def set(self) -> None:
        """The request to open it was answered, or the connection is gone. paramiko takes it for an Event."""
        self.was_refused = not (self.is_open or self.closed)
        self.is_answered = True
        self.news.ring()

    def _set_remote_channel(self, number: int, window: int, largest: int) -> None:
        self._peer, self._room = number, window
        self._largest = max(1, min(_PACKET, largest))
        self.is_open = True
        if self.closed:  # nobody waited so long
            self._sender.post(self._word(MSG_CHANNEL_CLOSE))

    def _unlink(self) -> None:
        with self._lock:
            self.closed = self.is_answered = True
        self.news.ring()
        self.room.ring()

    def _on_success(self, _: Message) -> None:
        """Whoever waits, waits for more than that."""

    def _on_failure(self, _: Message) -> None:
        self.was_refused = True
        self._say_close()
        self._sender.stir(self.news)

    def _on_data(self, message: Message) -> None:
        self._take(Stream.STDOUT, message.get_binary())

    def _on_extended(self, message: Message) -> None:
        kind = message.get_int()
        self._take(Stream.STDERR if kind == _STDERR else None, message.get_binary())

    def _take(self, stream: Stream | None, data: bytes) -> None:
        """None: a stream that nobody knows. Raises SSHException, which ends the connection, for an unbidden byte."""
        if self.closed:
            return  # nobody reads it any more
        self._came += len(data)
        # window is given back after reading only, so an honest peer never sends more than that
        if self._came > self._allowed:
            raise SSHException("the target sent more than it was allowed to")
        if stream is not None:
            self._keep(stream, data)
            self._sender.stir(self.news)

    def _keep(self, stream: Stream, data: bytes) -> None:
        """With what came before it, when that is small: a target may say much a byte at a time."""
        with self._lock:
            pieces = self._pieces
            # two kinds in turns, a byte each: where too many wait, the order between the two is given up
            for back in range(1, 3 if len(pieces) > _MOST_PIECES else 2):
                if len(pieces) < back or pieces[-back][0] is not stream:
                    continue
                last = pieces[-back][1]
                if len(last) + len(data) <= PIECE or back > 1:
                    joined = last if isinstance(last, bytearray) else bytearray(last)
                    joined += data
                    pieces[-back] = (stream, joined)
                    return
            pieces.append((stream, data))

    def _on_adjust(self, message: Message) -> None:
        more = message.get_int()
        with self._lock:
            self._room += more
        if self._unsent is None:
            self._sender.stir(self.room)
        else:
            self._push()

    def _on_request(self, message: Message) -> None:
        kind, wants_reply = message.get_text(), message.get_boolean()
        if kind == "exit-status":
            self.status = self.status or Exited(message.get_int())
            self._sender.stir(self.news)
        elif kind == "exit-signal":
            # the peer may say anything; what is kept is printable and short
            name = message.get_binary().decode("ascii", "replace")
            self.status = Signalled("".join(c if c.isprintable() else "?" for c in name[:_MOST_SIGNAL]))
            self._sender.stir(self.news)
        elif wants_reply:  # OpenSSH asks for a sign of life so
            self._sender.post(self._word(MSG_CHANNEL_FAILURE))

    def _on_eof(self, _: Message) -> None:
        self.eof_received = True
        self._sender.stir(self.news)

    def _on_close(self, _: Message) -> None:
        self.closed_by_server = True
        self._say_close()
        self._sender.stir(self.news)

    def _say_close(self) -> None:
        with self._lock:
            says, self._said_close, self.closed = not self._said_close, True, True
        if says:
            self._sender.post(self._word(MSG_CHANNEL_CLOSE))

    def _push(self) -> None:
        """Send what was left to the reader, as far as the window goes."""
        while True:
            with self._lock:
                unsent = self._unsent
                size = min(self._room, self._largest, len(unsent or b""))
                if unsent is None or not size or self.closed:
                    break
                self._room -= size
                rest = unsent[size:]
                self._unsent = rest or None
                ends = not rest and self._ends_after_unsent
                self._said_end = self._said_end or ends
            self._sender.post(self._data(unsent[:size]))
            if ends:
                self._sender.post(self._word(MSG_CHANNEL_EOF))
            if not self._sender.flush():
                self._broke_in_text = True
                self._sender.stir(self.news)
                return

    def _data(self, data: bytes | memoryview) -> bytes:
        return struct.pack(">BII", MSG_CHANNEL_DATA, self._peer, len(data)) + data

    def _word(self, kind: int) -> bytes:
        return struct.pack(">BI", kind, self._peer)
