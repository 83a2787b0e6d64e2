"""Work that is wanted often and done seldom: once at a time, at most so often, and never forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Pace:
    """Runs `work` when it is `wanted`, one at a time, with at least `every` seconds between two ends and starts.

    A wish that comes while it runs is done afterwards, so that the last state is always read. (An exclusive worker
    would be cancelled by each wish, and under steady wishes never come to its end.)
    """

    def __init__(self, work: Callable[[], Awaitable[None]], every: float) -> None:
        self._work = work
        #: seconds; the work may set it
        self.every = every
        self._wanted = asyncio.Event()

    def want(self) -> None:
        self._wanted.set()

    async def run(self) -> None:
        """The loop, for a worker of the screen."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._work()
            await asyncio.sleep(self.every)
