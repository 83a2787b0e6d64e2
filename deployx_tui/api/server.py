"""uvicorn on a Unix socket of our own making.

uvicorn's own `uds=` makes the socket open to everybody whatever the umask, so it is not used: the folder is 0700, the
socket 0600, and the protocol asks the kernel who connects.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn

from deployx_tui.api.answers import refuse_stranger
from deployx_tui.api.app import create_app
from deployx_tui.api.context import Serving
from deployx_tui.api.peer import Connections, peer_protocol
from deployx_tui.errors import Unavailable

#: sockaddr_un on Linux holds 108 bytes, on macOS 104, each with a NUL
LONGEST_PATH = 103

#: what open connections get to end by themselves when the server ends, seconds
GOODBYE = 3


def bind(path: Path) -> socket.socket:
    """A listening socket that this account alone can reach. A dead one at the same path is replaced.

    Raises Unavailable when the folder is not ours alone, the path is too long, or somebody answers there already.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        raise Unavailable("this system does not tell who connects to a Unix socket; run `deployx --in-process`")
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise Unavailable(f"the socket's path is too long for the system ({path}); give a shorter one with --socket")
    own_folder(path.parent)
    remove_dead(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # the folder shuts everybody else out already; never wider, not even for a moment
        before = os.umask(0o177)
        try:
            listening.bind(os.fspath(path))
        finally:
            os.umask(before)
        listening.listen(256)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise Unavailable(f"can't listen at {path}: {error.strerror}; give another path with --socket") from error
    return listening


def own_folder(folder: Path) -> None:
    """Make it 0700, or see that it is so and ours. Unavailable when it is not."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise Unavailable(
            f"{folder} can't be made: {error.strerror}; set DEPLOYX_RUNTIME to a folder of yours"
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Unavailable(f"{folder} is not a folder of this account; set DEPLOYX_RUNTIME to one that is")
    if found.st_mode & 0o077:
        raise Unavailable(f"{folder} is open to other accounts; close it with: chmod 700 {folder}")


def remove_dead(path: Path) -> None:
    """Unlink a socket that nobody listens at. Unavailable when somebody does, or when it is no socket."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Unavailable(f"{path} is not a socket; move it away or give another path with --socket")
    if answers(path):
        raise Unavailable(f"another process listens at {path}; end it or give another path with --socket")
    path.unlink(missing_ok=True)


def answers(path: Path) -> bool:
    """Whether a process listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
        return True


class ApiServer:
    """One engine's API on one bound socket. Of one event loop."""

    def __init__(self, serving: Serving, connections: Connections, listening: socket.socket) -> None:
        self._serving, self._listening = serving, listening
        config = uvicorn.Config(
            create_app(serving),
            http=peer_protocol(connections, refuse_stranger),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GOODBYE,
            h11_max_incomplete_event_size=64 << 10,
        )
        self._server = _Server(config)

    async def serve(self) -> None:
        """Until `end`."""
        await self._server.serve(sockets=[self._listening])

    async def listening(self) -> None:
        """Until requests are answered."""
        while not self._server.started:
            await asyncio.sleep(0.005)

    def end(self) -> None:
        """Close streams, let requests finish, let `serve` return."""
        self._serving.closing.set()
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """Signals are the host's: they mean draining first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def remove(path: Path) -> None:
    """The socket's name, at the end."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
