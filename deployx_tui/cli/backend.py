"""How a command gets its Backend: an engine that runs, one that is started, or the database alone for reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from deployx_tui.cli.invocation import Invocation

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend

T = TypeVar("T")


def with_backend(call: Invocation, act: Callable[[Backend], Awaitable[T]], *, engine: bool = True) -> T:
    """Run `act` over a Backend and give its result.

    `engine` False: it only reads, so no engine is started for it; one that runs is asked all the same.
    Raises what the Backend raises, and EngineUnreachable, DatabaseRefused, VersionMismatch.
    """

    async def session() -> T:
        async with open_backend(call, engine=engine) as backend:
            return await act(backend)

    return asyncio.run(session())


@asynccontextmanager
async def open_backend(call: Invocation, *, engine: bool = True) -> AsyncIterator[Backend]:
    """The Backend of this call, closed at the end."""
    from deployx_tui.service import process

    async with process.backend_for(call.settings, engine=engine, in_process=call.in_process) as backend:
        yield backend
