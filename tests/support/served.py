"""A Backend behind the real API on a real Unix socket, in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx

from deployx_tui.api.context import Serving
from deployx_tui.api.peer import HEAD_DEADLINE, Connections, only
from deployx_tui.api.server import ApiServer
from deployx_tui.service.backend import Backend
from deployx_tui.service.sockets import Peer, bind


@dataclass
class Served:
    socket: Path
    serving: Serving
    connections: Connections
    server: ApiServer
    #: a plain HTTP client, for what the remote client would never send
    http: httpx.AsyncClient


@asynccontextmanager
async def served(
    backend: Backend,
    folder: Path,
    *,
    zone: str = "Europe/Berlin",
    reasons: tuple[str, ...] = (),
    is_welcome: Callable[[Peer], bool] | None = None,
    head_deadline: timedelta = HEAD_DEADLINE,
) -> AsyncIterator[Served]:
    async def backend_of(_: Peer) -> Backend:
        return backend

    async def not_ready() -> tuple[str, ...]:
        return reasons

    folder.chmod(0o700)
    path = folder / "api.sock"
    serving = Serving(backend_of=backend_of, zone=zone, not_ready=not_ready)
    connections = Connections(is_welcome or only(os.geteuid()))
    server = ApiServer(serving, connections, bind(path), head_deadline=head_deadline)
    running = asyncio.create_task(server.serve())
    await server.listening()
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://deployx") as http:
            yield Served(path, serving, connections, server, http)
    finally:
        server.end()
        await running
