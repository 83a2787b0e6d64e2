"""A stream of the event loop, read by a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import CancelledError, Executor
from typing import Any, TypeVar

T = TypeVar("T")

#: how often a thread that waits for a loop looks whether that still runs, in seconds
_LOOK = 1.0


def in_loop(loop: asyncio.AbstractEventLoop, asked: Coroutine[Any, Any, T]) -> T:
    """What a coroutine of the loop gives to this thread. CancelledError when the loop ends before it has: whoever
    waited on would keep the process from ending."""
    try:
        waiting = asyncio.run_coroutine_threadsafe(asked, loop)
    except RuntimeError:  # it is closed
        asked.close()
        raise CancelledError from None
    while True:
        try:
            return waiting.result(_LOOK)
        except TimeoutError:
            if waiting.done():
                raise
            if not loop.is_running():
                raise CancelledError from None


class Pull:
    """Reads a stream from a thread: `read(n)` gives n bytes, fewer at the end only. What the stream raises passes."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream, self._loop = stream, asyncio.get_running_loop()
        self._rest = bytearray()
        self._is_over = False
        self._is_stopped = False
        self._gathering: asyncio.Task[None] | None = None

    def read(self, size: int) -> bytes:
        if len(self._rest) < size and not self._is_over:
            in_loop(self._loop, self._gather(size))
        piece = bytes(memoryview(self._rest)[:size])
        del self._rest[:size]
        return piece

    def stop(self) -> None:
        """Called in the loop: who reads, now or later, gets CancelledError."""
        self._is_stopped = True
        if self._gathering is not None:
            self._gathering.cancel()

    async def _gather(self, size: int) -> None:
        if self._is_stopped:
            raise asyncio.CancelledError
        self._gathering = asyncio.current_task()
        try:
            while len(self._rest) < size:
                try:
                    self._rest += await anext(self._stream)
                except StopAsyncIteration:
                    self._is_over = True
                    return
        finally:
            self._gathering = None


async def pulled(stream: AsyncIterator[bytes], threads: Executor, work: Callable[[Pull], T]) -> T:
    """`work` in one of the threads, with the stream to read. Cancelled: it ends first, by what its `read` raises."""
    pull = Pull(stream)
    running = asyncio.get_running_loop().run_in_executor(threads, work, pull)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        pull.stop()
        # it is not to go on behind our back
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # seen
        raise
