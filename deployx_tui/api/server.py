"""uvicorn on a Unix socket of our own making (`service/sockets.py`).

uvicorn's own `uds=` makes the socket open to everybody whatever the umask, so it is not used.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import uvicorn

from deployx_tui.api.answers import refuse_stranger
from deployx_tui.api.app import create_app
from deployx_tui.api.context import Serving
from deployx_tui.api.peer import HEAD_DEADLINE, Connections, peer_protocol

#: what open connections get to end by themselves when the server ends, seconds
GOODBYE = 3


class ApiServer:
    """One engine's API on one bound socket. Of one event loop."""

    def __init__(
        self,
        serving: Serving,
        connections: Connections,
        listening: socket.socket,
        *,
        head_deadline: timedelta = HEAD_DEADLINE,
    ) -> None:
        """`head_deadline`: how long the head of a request may take to arrive."""
        self._serving, self._listening = serving, listening
        config = uvicorn.Config(
            create_app(serving),
            http=peer_protocol(connections, refuse_stranger, head_deadline=head_deadline),
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
