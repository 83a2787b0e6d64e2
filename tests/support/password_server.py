"""An SSH server that lets people in by password or by questions, and remembers what it was told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from deployx_tui.demo.asyncssh_server import answer_with_shell

#: title, instructions, language, prompts
Challenge = tuple[str, str, str, Sequence[tuple[str, bool]]]


@dataclass(eq=False)
class PasswordServer:
    """One account. Set what it asks before a client comes."""

    port: int
    #: a line for known_hosts
    known_host: str
    password: str = "correct horse battery staple"
    takes_passwords: bool = True
    #: rounds of (prompt, is what is typed shown); (): it asks nothing
    rounds: Sequence[Sequence[tuple[str, bool]]] = ()
    #: public keys that open the account, as in authorized_keys
    keys: str = ""
    #: what clients sent as a password, and as answers, in order
    told: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)


class _Session(asyncssh.SSHServer):
    def __init__(self, server: PasswordServer) -> None:
        self._server = server
        self._asked = 0

    def begin_auth(self, username: str) -> bool:
        self._server.users.append(username)
        return True

    def password_auth_supported(self) -> bool:
        return self._server.takes_passwords

    def validate_password(self, username: str, password: str) -> bool:
        self._server.told.append(password)
        return password == self._server.password

    def public_key_auth_supported(self) -> bool:
        return bool(self._server.keys)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key.export_public_key().decode().split()[1] in self._server.keys

    def kbdint_auth_supported(self) -> bool:
        return bool(self._server.rounds)

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Challenge:
        self._asked = 0
        return self._next()

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool | Challenge:
        self._server.told.extend(responses)
        if any(response != self._server.password for response in responses):
            return False
        return self._next() if self._asked < len(self._server.rounds) else True

    def _next(self) -> Challenge:
        prompts = self._server.rounds[self._asked]
        self._asked += 1
        return ("", "", "en", list(prompts))


@contextmanager
def password_server() -> Iterator[PasswordServer]:
    """On a loopback port of its own, in a thread of its own; commands run in sh as this account."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()
    made: list[PasswordServer] = []
    began = threading.Event()

    async def serve() -> None:
        acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[key],
            server_factory=lambda: _Session(made[0]),
            process_factory=lambda process: answer_with_shell(process, {}),
            encoding=None,
            allow_scp=False,
        )
        port = acceptor.get_port()
        public = key.export_public_key().decode().strip()
        made.append(PasswordServer(port, f"[127.0.0.1]:{port} {public}"))
        began.set()
        await ended.wait()
        acceptor.close()
        await acceptor.wait_closed()

    def live() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(serve())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=live, name="password-server")
    thread.start()
    assert began.wait(60)
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(60)


def known_hosts(server: PasswordServer, folder: Path) -> Path:
    """A file that knows the server's key."""
    path = folder / "known_hosts_beside"
    path.write_text(server.known_host + "\n")
    return path
