"""Commands on an SSH connection of ours with nothing of ours on the target: what sshd and the login shell cost."""

from __future__ import annotations

import socket
from collections.abc import Callable

import paramiko

from deployx_tui.demo.fleet import FleetHost
from deployx_tui.transports.base import Exited
from deployx_tui.transports.ssh.channel import SshChannel
from deployx_tui.transports.ssh.link import Link

PATIENCE = 20.0


class PlainConnection:
    """One connection. As the product does, it has the next session opened together with each command."""

    def __init__(self, host: FleetHost) -> None:
        sock = socket.create_connection((host.address, host.port), PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._link = Link(sock)
        refused = self._link.greet(PATIENCE, lambda: False)
        assert refused is None, refused
        assert self._link.by_key(host.user, paramiko.Ed25519Key.from_private_key_file(host.key_file)) == []
        self._spare = self._link.ask_for_session()

    def run(self, line: str, text: str = "", sink: Callable[[bytes], None] = lambda _: None) -> None:
        """Ask for `line`, give it `text` as standard input; until it ended with 0."""
        session = self._spare
        assert session.await_answer(PATIENCE)
        with self._link.together():
            self._spare = self._link.ask_for_session()
            session.execute(line.encode())
        channel = SshChannel(self._link, session)
        if text:
            channel.feed(text.encode())
        while not channel.is_over:
            piece = channel.read()
            if piece is None:
                channel.wait(1.0)
            else:
                sink(piece[1])
        assert channel.ended == Exited(0), channel.ended
        channel.close()

    def close(self) -> None:
        self._link.end()
