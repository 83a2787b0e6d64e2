"""One SSH connection: paramiko's Transport with what it lacks (a sign of life, sessions of ours, limits).

A server may lie: paramiko takes a version line without end and a packet of 4 GiB. Each is a broken connection here, and
so is output beyond the window that was given (session.py).

paramiko does versions, keys, packets and the exchange of new keys. Its sessions are ours (session.py says why), put in
its place by names that are not public: `Transport._channel_handler_table` (its dispatch of channel messages),
`_channels`, `channels_seen`, `channel_events` and `_next_channel` (what it keeps of each), `_send_user_message`,
`_parse_channel_open_failure` (whose refusal it was), `_preferred_keys`; and
`Packetizer._read_timeout` (what reads a piece of the lines before the handshake) and `_build_packet` (the padding). Of
`AuthHandler`: `_request_auth` and `_parse_service_accept` (it would ask for the login service before each attempt).
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.common import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_SUCCESS,
    MSG_CHANNEL_WINDOW_ADJUST,
    cMSG_GLOBAL_REQUEST,
)
from paramiko.message import Message
from paramiko.packet import Packetizer

from deployx_tui.model.question import MOST_PROMPTS
from deployx_tui.transports import certificates
from deployx_tui.transports.ssh.session import Alarm, Session
from deployx_tui.transports.ssh.window import TUNNEL_WINDOW, WINDOW
from deployx_tui.transports.ssh.wire import Line, Wire

# what goes wrong is told as a value; paramiko would log a traceback for every host that is down
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

#: the reader thread wakes so often; paramiko's 0.1 s cost 229 ms of CPU a second with 1,000 idle connections
WAKE = 10.0
#: an idle connection asks for a sign of life so often (seen at the reader's next wake)
KEEPALIVE = 30
#: a peer that said nothing for so long, in spite of being asked, is gone
SILENCE = 100.0
#: the largest packet of data that the server may send; RFC 4253 6.1 lets nobody expect more
_PACKET = 32 * 1024


#: (title, instructions, prompts and whether what is typed is shown) -> an answer for each prompt
Answers = Callable[[str, str, list[tuple[str, bool]]], list[str]]


class _ChannelMap(Protocol):
    """paramiko's: holds weakly."""

    def put(self, number: int, session: Session) -> None: ...


#: what a server may say before and in its version line, in all; RFC 4253 4.2 has lines of 255 bytes
_MOST_GREETING = 64 << 10
#: enough for a line that says why it does not want to talk
_FIRST_WORDS = 255
#: of a packet on the wire; OpenSSH's own limit
_MOST_PACKET = 256 << 10


#: random bytes fetched at once: each fetch lets another thread in, and a command has four packets
_NOISE = 512


class _Packets(Packetizer):
    """Takes no more than the peer should say, and pads at less cost where the cipher allows for it."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._greeting = 0
        #: the beginning of what the server says before the handshake
        self.first_words = b""
        #: of the outbound cipher, when it is AES-GCM; 0: paramiko pads
        self._block = 0
        self._noise, self._noise_at = b"", 0

    def set_outbound_cipher(self, *rest: Any, **more: Any) -> None:
        super().set_outbound_cipher(*rest, **more)
        self._block = more["block_size"] if more.get("aead") else 0

    def _build_packet(self, payload: bytes) -> bytes:
        """RFC 4253 6, with AES-GCM (RFC 5647 7.2): its length is outside of what is filled up to whole blocks."""
        if not self._block:
            built: bytes = super()._build_packet(payload)  # type: ignore[misc]  # not in the stubs
            return built
        size = 3 + self._block - (len(payload) + 4) % self._block
        if self._noise_at + size > len(self._noise):
            self._noise, self._noise_at = os.urandom(_NOISE), 0
        padding = self._noise[self._noise_at : self._noise_at + size]
        self._noise_at += size
        return struct.pack(">IB", len(payload) + size + 1, size) + payload + padding

    def _read_timeout(self, timeout: float) -> bytes:
        read: bytes = super()._read_timeout(timeout)  # type: ignore[misc]  # not in the stubs
        self._greeting += len(read)
        self.first_words = (self.first_words + read)[:_FIRST_WORDS]
        if self._greeting > _MOST_GREETING:
            raise paramiko.SSHException(f": it said more than {_MOST_GREETING} bytes")
        return read

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        if n > _MOST_PACKET:
            raise paramiko.SSHException(f"the peer announced a packet of {n} bytes")
        return super().read_all(n, check_rekey)


ChannelHandlers = dict[int, Callable[[Session, Message], None]]


class _Attempt(AuthHandler):
    """An attempt to log in. paramiko would read as many prompts as a server says there are, up to four billion."""

    def _parse_userauth_info_request(self, message: Message) -> None:
        for _ in range(3):  # title, instructions, language
            message.get_binary()
        if (prompts := message.get_int()) > MOST_PROMPTS:
            raise paramiko.SSHException(f"the server asks {prompts} things at once")
        message.rewind()
        super()._parse_userauth_info_request(message)  # type: ignore[misc]  # not in the stubs


class _NextAttempt(_Attempt):
    """Another attempt to log in. The service was granted before the first one; strict servers grant it once."""

    def _request_auth(self) -> None:
        granted = Message()
        granted.add_string("ssh-userauth")
        granted.rewind()
        self._parse_service_accept(granted)

    if TYPE_CHECKING:  # paramiko has it; its type stubs do not

        def _parse_service_accept(self, message: Message) -> None: ...


class Link(paramiko.Transport):
    """A client connection over a socket of ours. Made, then `greet`, host key check, authentication."""

    if TYPE_CHECKING:  # paramiko has these; its type stubs do not
        active: bool
        agreed_on_strict_kex: bool
        remote_cipher: str
        remote_mac: str
        lock: Lock
        clear_to_send: Event
        channels_seen: dict[int, bool]
        _channels: _ChannelMap
        _preferred_keys: tuple[str, ...]

        def _send_user_message(self, data: Message) -> None: ...
        def _next_channel(self) -> int: ...

    _channel_handler_table: ClassVar[ChannelHandlers] = {
        MSG_CHANNEL_SUCCESS: Session._on_success,
        MSG_CHANNEL_FAILURE: Session._on_failure,
        MSG_CHANNEL_DATA: Session._on_data,
        MSG_CHANNEL_EXTENDED_DATA: Session._on_extended,
        MSG_CHANNEL_WINDOW_ADJUST: Session._on_adjust,
        MSG_CHANNEL_REQUEST: Session._on_request,
        MSG_CHANNEL_EOF: Session._on_eof,
        MSG_CHANNEL_CLOSE: Session._on_close,
    }

    def __init__(self, sock: Line, *, wake: float = WAKE, keepalive: int = KEEPALIVE) -> None:
        me = weakref.proxy(self)  # what the connection holds must not keep it alive

        def before_sleep() -> None:
            me._before_sleep()  # looked up late: a bound method would be a strong reference

        self._wire = Wire(sock, wake, before_sleep)
        #: of the reader: what waits until keys are exchanged, and who is to be woken
        self._posted: deque[bytes] = deque()
        self._stirred: list[Alarm] = []
        super().__init__(self._wire, packetizer_class=_Packets)  # type: ignore[arg-type]  # what paramiko needs of a socket
        self._socket = sock
        self._keepalive = keepalive
        self._has_tried = False
        #: set before the handshake
        self.wants_certificate = False

    @property
    def first_words(self) -> bytes:
        """The beginning of what the server said before the handshake."""
        packets = self.packetizer
        return packets.first_words if isinstance(packets, _Packets) else b""

    @property
    def heard(self) -> float:
        """Monotonic time of the last bytes from the peer."""
        return self._wire.heard

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

    def ways_in(self, user: str) -> tuple[str, ...]:
        """How this account may log in, as the server says; (): it is in already, with nothing to show."""
        try:
            self._attempt(lambda handler, event: handler.auth_none(user, event))
        except paramiko.BadAuthenticationType as error:
            return tuple(filter(None, error.allowed_types))
        return ()

    def by_key(self, user: str, key: paramiko.PKey) -> list[str]:
        """What the server wants besides; []: it lets the account in. Raises what paramiko raises."""
        return self._attempt(lambda handler, event: handler.auth_publickey(user, key, event))

    def by_password(self, user: str, password: str) -> list[str]:
        """As `by_key`. Never paramiko's own, which goes on to answer whatever is asked first."""
        try:
            return self._attempt(lambda handler, event: handler.auth_password(user, password, event))
        finally:
            # it would be kept as long as the connection
            self.auth_handler.password = None  # type: ignore[union-attr]  # an attempt has just made it

    def by_answers(self, user: str, answer: Answers, goes_on: Callable[[], bool]) -> list[str]:
        """As `by_key`. `answer` is called in the reading thread; what it raises ends the connection.

        It takes as long as `goes_on` says, not as `auth_timeout` does: a person may be thinking.
        """
        return self._attempt(lambda handler, event: handler.auth_interactive(user, answer, event), goes_on)

    def _attempt(
        self, begin: Callable[[AuthHandler, Event], None], goes_on: Callable[[], bool] | None = None
    ) -> list[str]:
        if not self.active or not self.initial_kex_done:
            raise paramiko.SSHException("the connection is not encrypted yet, or has ended")
        handler = _NextAttempt(self) if self._has_tried else _Attempt(self)
        self._has_tried = True
        self.auth_handler = handler
        event = Event()
        begin(handler, event)
        while goes_on is not None and self.is_active() and not event.wait(0.1):
            if not goes_on():
                raise paramiko.AuthenticationException("the time was up, or it was cancelled")
        return list(handler.wait_for_response(event))

    def keep_alive(self) -> None:
        """From now on an idle peer is asked for a sign of life; a reply, also a refusal, is one."""
        me = weakref.proxy(self)  # the packetizer must not keep the connection alive
        self.packetizer.set_keepalive(self._keepalive, me.ask_for_life)

    def ask_for_life(self) -> None:
        message = Message()
        message.add_byte(cMSG_GLOBAL_REQUEST)
        message.add_string("keepalive@openssh.com")
        message.add_boolean(True)  # paramiko's own keepalive wants no reply and so never learns that the peer is gone
        self.post(message.asbytes())

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Certificates of hosts are asked for where somebody may sign for the host, and then first."""
        plain = tuple(self._preferred_keys)
        certified = tuple(f"{kind}{certificates.SUFFIX}" for kind in plain) if self.wants_certificate else ()
        return (*certified, *plain)

    @property
    def host_certificate(self) -> bytes | None:
        """The one that the server showed with its key."""
        blob = self.get_remote_server_key().public_blob
        return blob.key_blob if blob is not None and blob.key_type.endswith(certificates.SUFFIX) else None

    def ask_for_session(self) -> Session:
        """Ask the server to open one; it is `is_answered` later. Raises what `send` raises."""
        session = Session(self)
        number = self._number(session)
        self.send(struct.pack(">BI7sIII", MSG_CHANNEL_OPEN, 7, b"session", number, WINDOW, _PACKET))
        return session

    def ask_for_tunnel(self, host: str, port: int) -> Session:
        """Ask the server to connect to a port for us (RFC 4254 7.2); else as `ask_for_session`."""
        session = Session(self, TUNNEL_WINDOW)
        message = Message()
        message.add_byte(bytes([MSG_CHANNEL_OPEN]))
        message.add_string("direct-tcpip")
        for number in (self._number(session), TUNNEL_WINDOW, _PACKET):
            message.add_int(number)
        message.add_string(host)
        message.add_int(port)
        message.add_string("127.0.0.1")  # whom it is for: nobody else's business
        message.add_int(0)
        self.send(message.asbytes())
        return session

    def _number(self, session: Session) -> int:
        with self.lock:
            number = session.number = self._next_channel()
            self._channels.put(number, session)
            self.channel_events[number] = session  # type: ignore[assignment]  # its `set` is all that is used
            self.channels_seen[number] = True
        return number

    def _parse_channel_open_failure(self, message: Message) -> None:
        """paramiko keeps the last refusal of the whole connection only."""
        number, reason = message.get_int(), message.get_int()
        words = message.get_binary()[:_FIRST_WORDS].decode("utf-8", "replace")
        asked: object = self.channel_events.get(number)  # see ask_for_session
        if isinstance(asked, Session):
            asked.refusal = (reason, words)
        message.rewind()
        super()._parse_channel_open_failure(message)  # type: ignore[misc]  # not in the stubs

    def together(self) -> AbstractContextManager[None]:
        """See Wire.together."""
        return self._wire.together()

    def send(self, payload: bytes) -> None:
        """See Sender."""
        if not self.is_active():  # paramiko would drop it without a word
            raise EOFError("the connection is gone")
        self._send_user_message(Message(payload))

    def post(self, payload: bytes) -> None:
        """See Sender. paramiko's reader would wait here for itself while keys are exchanged."""
        if self._posted or not self.clear_to_send.is_set():
            self._posted.append(payload)
        else:
            self._send_user_message(Message(payload))

    def flush(self) -> bool:
        """See Sender."""
        return self._wire.flush()

    def stir(self, alarm: Alarm) -> None:
        """See Sender."""
        self._stirred.append(alarm)

    def _before_sleep(self) -> None:
        while self._posted and self.clear_to_send.is_set():
            self._send_user_message(Message(self._posted.popleft()))
        self._wire.flush()  # a broken line is seen by the next reading
        for alarm in self._stirred:
            alarm.ring()
        self._stirred.clear()

    def end(self) -> None:
        """Wake the reader, let it end, then close: a descriptor closed under it may be another connection's by then."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self.is_alive():
            self.join(5)
        self.close()
        self._socket.close()
