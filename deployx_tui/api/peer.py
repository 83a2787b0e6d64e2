"""Who is at the other end of the Unix socket: the kernel's word, read once per connection.

`PeerProtocol` puts a `Peer` into each request's scope, refuses strangers before any of our code sees a byte of
theirs, and bounds how long a request's head may take. It also knows who is connected, which is how a private engine
learns that its last client is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from deployx_tui.service.sockets import Peer, peer_of

EXTENSION = "deployx.peer"

#: the head of a request takes at most so long to arrive
HEAD_DEADLINE = timedelta(seconds=10)


def overflow_uid() -> int:
    """The uid that every foreign account looks like inside a user namespace."""
    with suppress(OSError, ValueError):
        return int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))
    return 65534


class Connections:
    """Who is connected now. Lives on the event loop's thread."""

    def __init__(self, is_welcome: Callable[[Peer], bool], *, limit: int = 1024) -> None:
        self.is_welcome = is_welcome
        self.limit = limit
        self._open: dict[asyncio.Protocol, Peer] = {}
        #: set while nobody is connected
        self.empty = asyncio.Event()
        self.empty.set()
        #: set at the first connection, ever
        self.met = asyncio.Event()

    @property
    def is_full(self) -> bool:
        return len(self._open) >= self.limit

    @property
    def clients(self) -> int:
        """How many processes are connected."""
        return len(set(self._open.values()))

    def add(self, protocol: asyncio.Protocol, peer: Peer) -> None:
        self._open[protocol] = peer
        self.empty.clear()
        self.met.set()

    def remove(self, protocol: asyncio.Protocol) -> None:
        self._open.pop(protocol, None)
        if not self._open:
            self.empty.set()


def only(uid: int) -> Callable[[Peer], bool]:
    """Personal mode: the owner of the data folder, and nobody who only looks like it."""
    overflow = overflow_uid()
    return lambda peer: peer.uid == uid != overflow


def peer_protocol(
    connections: Connections, refuse: Callable[..., Any], *, head_deadline: timedelta = HEAD_DEADLINE
) -> type[H11Protocol]:
    """The protocol class for one server. `refuse` is the ASGI app that strangers get instead of ours."""

    class PeerProtocol(H11Protocol):
        def __init__(
            self,
            config: Config,
            server_state: ServerState,
            app_state: dict[str, Any],
            _loop: asyncio.AbstractEventLoop | None = None,
        ) -> None:
            super().__init__(config, server_state, app_state, _loop)
            self._head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
            super().connection_made(transport)
            try:
                peer = peer_of(transport.get_extra_info("socket"))
            except OSError:
                transport.abort()
                return
            if connections.is_full:
                transport.abort()
                return
            if connections.is_welcome(peer):
                connections.add(self, peer)
                self.app = _with_peer(self.app, peer)
            else:
                self.app = refuse
            self._await_head()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._forget_head()
            elif self._head_timer is None and not self.transport.is_closing():
                # the first bytes of the next request on a kept connection
                self._await_head()

        def on_response_complete(self) -> None:
            # between requests uvicorn's own keep-alive deadline rules
            self._forget_head()
            super().on_response_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget_head()
            connections.remove(self)
            super().connection_lost(exc)

        def _await_head(self) -> None:
            self._forget_head()
            self._head_timer = self.loop.call_later(head_deadline.total_seconds(), self.transport.abort)

        def _forget_head(self) -> None:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

    return PeerProtocol


def _with_peer(app: Any, peer: Peer) -> Any:
    async def seen(scope: dict[str, Any], receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        scope["extensions"] = {**scope.get("extensions", {}), EXTENSION: peer}
        await app(scope, receive, send)

    return seen
