"""A file or folder of a device, from the thread that reads it to whoever asked; never more than a few pieces wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Executor
from dataclasses import replace
from datetime import timedelta
from threading import Event

from deployx_tui.model.execution import Cause
from deployx_tui.model.fetch import FetchEnded, FetchPiece
from deployx_tui.output.veil import veil
from deployx_tui.runners.fetch import fetch
from deployx_tui.service.local.pulling import in_loop
from deployx_tui.transports.base import Endpoint, Transport

_CONNECT = timedelta(seconds=30)
#: pieces of at most 64 KiB
_MOST_WAITING = 16
#: how often it is looked whether a thread has seen that nobody wants it any more, in seconds
_LOOK = 0.05


async def pieces(
    transport: Transport, endpoint: Endpoint, path: str, threads: Executor
) -> AsyncGenerator[FetchPiece, None]:
    """Ends with FetchEnded. Closed before: the target is told to stop."""
    loop, cancel = asyncio.get_running_loop(), Event()
    waiting: asyncio.Queue[FetchPiece] = asyncio.Queue(_MOST_WAITING)

    def give(piece: FetchPiece) -> None:
        in_loop(loop, waiting.put(piece))

    def work() -> None:
        ended = FetchEnded(cause=Cause.LOST, message="the reading broke off", remedy="look at the engine's log")
        try:
            ended = fetch(transport, endpoint, path, give, cancel, _CONNECT)
        finally:
            # a server may say back what it was told
            give(replace(ended, message=veil.text(ended.message), remedy=veil.text(ended.remedy)))

    running = loop.run_in_executor(threads, work)
    try:
        while True:
            piece = await waiting.get()
            yield piece
            if isinstance(piece, FetchEnded):
                break
    finally:
        cancel.set()
        while not running.done():
            while not waiting.empty():
                waiting.get_nowait()
            await asyncio.wait([running], timeout=_LOOK)
    await running
