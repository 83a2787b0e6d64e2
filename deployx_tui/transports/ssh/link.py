"""One SSH connection: paramiko's Transport with what it lacks (exit-signal, a sign of life, one-flight exec, limits).

A server may lie: paramiko takes a version line without end, a packet of 4 GiB, and output beyond the window that it
gave. Each is a broken connection here.

Names of paramiko that are not public and used here: `Transport._channel_handler_table` (its dispatch of channel
messages; overriding Channel methods has no effect on it), `Transport._send_user_message`, and
`Packetizer._read_timeout` (what reads a piece of the lines before the handshake).
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
import weakref
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, ClassVar

import paramiko
from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_REQUEST,
    cMSG_CHANNEL_REQUEST,
    cMSG_GLOBAL_REQUEST,
)
from paramiko.message import Message
from paramiko.packet import Packetizer

from deployx_tui.transports.ssh.window import WINDOW

# what goes wrong is told as a value; paramiko would log a traceback for every host that is down
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

#: the reader thread wakes so often; paramiko's 0.1 s cost 229 ms of CPU a second with 1,000 idle connections
WAKE = 10.0
#: an idle connection asks for a sign of life so often (seen at the reader's next wake)
KEEPALIVE = 30
#: a peer that said nothing for so long, in spite of being asked, is gone
SILENCE = 100.0


ChannelHandlers = dict[int, Callable[[paramiko.Channel, Message], None]]
_BY_PARAMIKO: ChannelHandlers = paramiko.Transport._channel_handler_table  # type: ignore[attr-defined]  # not in the stubs


#: what a server may say before and in its version line, in all; RFC 4253 4.2 has lines of 255 bytes
_MOST_GREETING = 64 << 10
#: of a packet on the wire; OpenSSH's own limit
_MOST_PACKET = 256 << 10
#: of the name of a signal; those of POSIX have up to 6 letters, others an @domain
_MOST_SIGNAL = 40


class _Ears(Packetizer):
    """Knows when the peer was last heard, and hears no more than it should say."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.heard = time.monotonic()
        self._greeting = 0

    def _read_timeout(self, timeout: float) -> bytes:
        read: bytes = super()._read_timeout(timeout)  # type: ignore[misc]  # not in the stubs
        self._greeting += len(read)
        if self._greeting > _MOST_GREETING:
            raise paramiko.SSHException(f": it said more than {_MOST_GREETING} bytes")
        return read

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        if n > _MOST_PACKET:
            raise paramiko.SSHException(f"the peer announced a packet of {n} bytes")
        return super().read_all(n, check_rekey)

    def read_message(self) -> tuple[int, Message]:
        kind, message = super().read_message()
        self.heard = time.monotonic()
        return kind, message


def _on_channel_request(channel: paramiko.Channel, message: Message) -> None:
    """exit-status as paramiko does it; exit-signal, which it ignores; then wake who waits for the channel."""
    link = channel.get_transport()
    at = message.packet.tell()
    kind = message.get_text()
    if kind == "exit-signal" and isinstance(link, Link):
        message.get_boolean()  # no reply is wanted, RFC 4254 6.10
        # the peer may say anything; what is kept is printable and short
        name = message.get_binary().decode("ascii", "replace")
        link.exit_signals[channel.get_id()] = "".join(c if c.isprintable() else "?" for c in name[:_MOST_SIGNAL])
        channel.status_event.set()
    else:
        message.packet.seek(at)
        _BY_PARAMIKO[MSG_CHANNEL_REQUEST](channel, message)
    if isinstance(link, Link):
        wake = link.wakes.get(channel.get_id())
        if wake is not None:
            wake.set()


def _on_channel_close(channel: paramiko.Channel, message: Message) -> None:
    """Noted: a channel that paramiko calls closed may as well be one whose connection is just breaking."""
    link = channel.get_transport()
    if isinstance(link, Link):
        link.closed_by_server.add(channel.get_id())
    _BY_PARAMIKO[MSG_CHANNEL_CLOSE](channel, message)


def _on_channel_failure(channel: paramiko.Channel, message: Message) -> None:
    link = channel.get_transport()
    if isinstance(link, Link):
        link.refusals.add(channel.get_id())
    _BY_PARAMIKO[MSG_CHANNEL_FAILURE](channel, message)


def _within_the_window(kind: int) -> Callable[[paramiko.Channel, Message], None]:
    """Data as paramiko takes it, but no more than the peer was allowed to send ahead of us."""
    take = _BY_PARAMIKO[kind]

    def on_data(channel: paramiko.Channel, message: Message) -> None:
        if channel.closed:
            return  # nobody reads it any more
        take(channel, message)
        link = channel.get_transport()
        allowed = link.windows.get(channel.get_id()) if isinstance(link, Link) else None
        # paramiko gives window back only after reading, so an honest peer never has more under way
        if len(channel.in_buffer) + len(channel.in_stderr_buffer) > (allowed() if allowed is not None else WINDOW):
            raise paramiko.SSHException("the target sent more than it was allowed to")

    return on_data


class Link(paramiko.Transport):
    """A client connection over a socket of ours. Made, then `greet`, host key check, authentication."""

    if TYPE_CHECKING:  # paramiko has these; its type stubs do not
        agreed_on_strict_kex: bool
        remote_cipher: str
        remote_mac: str

        def _send_user_message(self, data: Message) -> None: ...

    _channel_handler_table: ClassVar[ChannelHandlers] = {
        **_BY_PARAMIKO,
        MSG_CHANNEL_DATA: _within_the_window(MSG_CHANNEL_DATA),
        MSG_CHANNEL_EXTENDED_DATA: _within_the_window(MSG_CHANNEL_EXTENDED_DATA),
        MSG_CHANNEL_REQUEST: _on_channel_request,
        MSG_CHANNEL_CLOSE: _on_channel_close,
        MSG_CHANNEL_FAILURE: _on_channel_failure,
    }

    def __init__(self, sock: socket.socket, *, wake: float = WAKE, keepalive: int = KEEPALIVE) -> None:
        super().__init__(sock, default_window_size=WINDOW, packetizer_class=_Ears)
        sock.settimeout(wake)
        self._socket = sock
        self._keepalive = keepalive
        #: channel number -> signal that ended its command, without SIG
        self.exit_signals: dict[int, str] = {}
        #: channels whose end the server itself has said
        self.closed_by_server: set[int] = set()
        #: channels whose request the server has refused
        self.refusals: set[int] = set()
        #: channel number -> set when something is new there
        self.wakes: dict[int, Event] = {}
        #: channel number -> what the server may have sent there and we not read
        self.windows: dict[int, Callable[[], int]] = {}

    @property
    def heard(self) -> float:
        """Monotonic time of the last message from the peer."""
        ears = self.packetizer
        return ears.heard if isinstance(ears, _Ears) else 0.0

    def greet(self, timeout: float, is_cancelled: Callable[[], bool]) -> str | None:
        """Versions and keys are exchanged. Returns what went wrong, "" when the time was up or it was cancelled."""
        done = Event()
        self.banner_timeout = self.handshake_timeout = timeout
        self.start_client(event=done)
        until = time.monotonic() + timeout
        while not done.wait(0.2):
            if time.monotonic() >= until or is_cancelled():
                return ""
            if not self.is_active():
                break
        if self.is_active():
            return None
        error = self.get_exception()
        return (
            str(error) if error is not None and str(error) else "the server closed the connection during the handshake"
        )

    def keep_alive(self) -> None:
        """From now on an idle peer is asked for a sign of life; a reply, also a refusal, is one."""
        me = weakref.proxy(self)  # the packetizer must not keep the connection alive
        self.packetizer.set_keepalive(self._keepalive, me.ask_for_life)

    def ask_for_life(self) -> None:
        message = Message()
        message.add_byte(cMSG_GLOBAL_REQUEST)
        message.add_string("keepalive@openssh.com")
        message.add_boolean(True)  # paramiko's own keepalive wants no reply and so never learns that the peer is gone
        self._send_user_message(message)

    def execute(self, channel: paramiko.Channel, command: str) -> None:
        """Ask for a command without waiting for the yes: what it reads may follow in the same flight.

        A no closes the channel.
        """
        message = Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string("exec")
        message.add_boolean(True)
        message.add_string(command)
        self._send_user_message(message)

    def forget(self, number: int) -> None:
        """Nobody asks for this channel any more."""
        self.exit_signals.pop(number, None)
        self.wakes.pop(number, None)
        self.windows.pop(number, None)
        self.closed_by_server.discard(number)
        self.refusals.discard(number)

    def end(self) -> None:
        """Wake the reader, let it end, then close: a descriptor closed under it may be another connection's by then."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self.is_alive():
            self.join(5)
        self.close()
        self._socket.close()
