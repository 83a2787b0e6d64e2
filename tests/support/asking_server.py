"""An SSH server that asks questions after a key, or instead of one: what logs in is looked at, nothing is run."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_PARTIALLY_SUCCESSFUL, AUTH_SUCCESSFUL
from paramiko.server import InteractiveQuery

_METHOD = "keyboard-interactive"


@dataclass(eq=False)
class AskingServer:
    """Set what it wants before a client comes."""

    port: int
    #: a line for known_hosts
    known_host: str
    #: a key must come first
    wants_key: bool = False
    #: rounds of (prompt, is what is typed shown); an empty one asks nothing
    rounds: Sequence[Sequence[tuple[str, bool]]] = ((("Verification code: ", False),),)
    title: str = ""
    instructions: str = ""
    #: what opens the account, one for each prompt of all rounds
    right: tuple[str, ...] = ("123456",)
    #: what came, by attempt
    told: list[list[str]] = field(default_factory=list)


class _Session(paramiko.ServerInterface):
    def __init__(self, server: AskingServer) -> None:
        self._server = server
        self._has_key = False
        self._round = 0

    def get_allowed_auths(self, username: str) -> str:
        return "publickey" if self._server.wants_key and not self._has_key else _METHOD

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        if not self._server.wants_key:
            return AUTH_FAILED
        self._has_key = True
        return AUTH_PARTIALLY_SUCCESSFUL

    def check_auth_interactive(self, username: str, submethods: str) -> int | InteractiveQuery:
        if self._server.wants_key and not self._has_key:
            return AUTH_FAILED
        self._round = 0
        self._server.told.append([])
        return self._query()

    def check_auth_interactive_response(self, responses: list[str]) -> int | InteractiveQuery:
        told = self._server.told[-1]
        told.extend(responses)
        if self._round < len(self._server.rounds):
            return self._query()
        return AUTH_SUCCESSFUL if tuple(told) == self._server.right else AUTH_FAILED

    def _query(self) -> InteractiveQuery:
        prompts = self._server.rounds[self._round]
        self._round += 1
        return InteractiveQuery(self._server.title, self._server.instructions, *prompts)


@contextmanager
def asking_server() -> Iterator[AskingServer]:
    """On a loopback port of its own, in threads of its own."""
    key = paramiko.ECDSAKey.generate()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = AskingServer(port, f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}")
    links: list[paramiko.Transport] = []

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # closed below
            link = paramiko.Transport(client)
            links.append(link)
            link.add_server_key(key)
            with suppress(paramiko.SSHException, EOFError):
                link.start_server(event=threading.Event(), server=_Session(server))

    thread = threading.Thread(target=serve, daemon=True, name="asking-server")
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)
        for link in links:
            link.close()
