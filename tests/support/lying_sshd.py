"""A server that breaks the rules of SSH, on one loopback port: what it says is up to the test."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

import paramiko
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED, cMSG_CHANNEL_DATA, cMSG_CHANNEL_REQUEST
from paramiko.message import Message

#: what is done with each connection; may block until the client goes
Lie = Callable[[socket.socket], None]


@contextmanager
def lying_sshd(lie: Lie) -> Iterator[int]:
    """Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                Thread(target=serve, args=[client], daemon=True).start()

        def serve(client: socket.socket) -> None:
            # the client goes away when it has had enough; that is what the tests wait for
            with client, suppress(OSError, EOFError, paramiko.SSHException):
                lie(client)

        Thread(target=accept, daemon=True).start()
        port: int = listening.getsockname()[1]
        yield port
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def endless(first: bytes, piece: bytes, most: int = 64 << 20) -> Lie:
    """`first`, then `piece` again and again, up to `most` bytes."""

    def lie(client: socket.socket) -> None:
        client.sendall(first)
        for _ in range(most // len(piece)):
            client.sendall(piece)

    return lie


class _Server(paramiko.ServerInterface):
    """Lets everybody in and says yes to every command and subsystem."""

    def __init__(self) -> None:
        self.asked = Event()

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.asked.set()
        return True

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        self.asked.set()
        return True


def after_login(key: paramiko.PKey, act: Callable[[paramiko.Transport, paramiko.Channel], None]) -> Lie:
    """A proper handshake with host key `key` and login; `act` once a command was asked for."""

    def lie(client: socket.socket) -> None:
        transport = paramiko.Transport(client)
        transport.add_server_key(key)
        server = _Server()
        transport.start_server(server=server)
        channel = transport.accept(30)
        try:
            if channel is not None and server.asked.wait(30):
                act(transport, channel)
        finally:
            transport.close()

    return lie


#: of an SFTP request: its kind, its number, what follows -> packets to send, each without its length
Words = Callable[[int, bytes, bytes], list[bytes]]


def speak_sftp(channel: paramiko.Channel, words: Words) -> None:
    """SFTP whose answers are up to the test; the greeting is a proper one."""

    def exactly(size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = channel.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    while True:
        packet = exactly(int.from_bytes(exactly(4), "big"))
        said = [b"\x02\0\0\0\x03"] if packet[0] == 1 else words(packet[0], packet[1:5], packet[5:])
        for one in said:
            channel.sendall(len(one).to_bytes(4, "big") + one)


def send_unasked(transport: paramiko.Transport, channel: paramiko.Channel, size: int) -> None:
    """Data on a channel, whatever its window says."""
    left = size
    while left > 0 and transport.is_active():
        piece = Message()
        piece.add_byte(cMSG_CHANNEL_DATA)
        piece.add_int(channel.remote_chanid)
        piece.add_string(b"x" * min(left, 32_000))
        transport._send_user_message(piece)  # type: ignore[attr-defined]  # there is no public way to break the rules
        left -= 32_000


def end_by(transport: paramiko.Transport, channel: paramiko.Channel, signal: bytes) -> None:
    """The command's end by a signal of that name."""
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("exit-signal")
    message.add_boolean(False)
    message.add_string(signal)
    message.add_boolean(False)
    message.add_string("")
    message.add_string("")
    transport._send_user_message(message)  # type: ignore[attr-defined]  # as above
    channel.close()
