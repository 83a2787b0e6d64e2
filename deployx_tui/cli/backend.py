"""How a command gets its Backend: an engine that runs, one that is started, or the database alone for reading."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from deployx_tui.cli.invocation import Invocation

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend
    from deployx_tui.service.reading import ReadingBackend

T = TypeVar("T")


def with_backend(
    call: Invocation, act: Callable[[Backend], Awaitable[T]], *, engine: bool = True, tells: bool = True
) -> T:
    """Run `act` over a Backend and give its result.

    `engine` False: it only reads, so no engine is started for it; one that runs is asked all the same. Where none
    runs that would go on with what the last one left, a note says so, unless `tells` is False.
    Raises what the Backend raises, and EngineUnreachable, DatabaseRefused, VersionMismatch; KeyboardInterrupt on
    ctrl-c and SIGTERM, after `act` was cancelled.
    """

    async def session() -> T:
        # SIGTERM ends a command as ctrl-c does: what it started and waits for must not go on unseen
        this = asyncio.current_task()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(without_late_wakes)
        if this is not None and threading.current_thread() is threading.main_thread():
            loop.add_signal_handler(signal.SIGTERM, this.cancel)
        async with open_backend(call, engine=engine, tells=tells) as backend:
            return await act(backend)

    try:
        return asyncio.run(session())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def without_late_wakes(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loop's handler of exceptions that nobody awaits: the usual one, but for one harmless kind.

    anyio waits for a Unix socket by a future whose set_result is the reader's callback. A socket that becomes readable
    in the very turn in which the wait is cancelled calls it on a cancelled future: nothing is lost, and a person who
    pressed ctrl-c would see a trace. https://github.com/agronholm/anyio/issues/1267 is its sibling at a close.
    """
    if not (isinstance(context.get("exception"), asyncio.InvalidStateError) and "handle" in context):
        loop.default_exception_handler(context)


@asynccontextmanager
async def open_backend(call: Invocation, *, engine: bool = True, tells: bool = True) -> AsyncIterator[Backend]:
    """The Backend of this call, closed at the end."""
    from deployx_tui.service import process

    def tell(reader: ReadingBackend) -> None:
        if tells:
            _tell_what_is_read(call, reader)

    async with process.backend_for(call.settings, engine=engine, in_process=call.in_process, reads=tell) as backend:
        if call.verbose:
            await _tell_where(call, backend, engine=engine)
        yield backend


def _tell_what_is_read(call: Invocation, reader: ReadingBackend) -> None:
    """A mistyped path must not look like an empty database, and nothing as going on that nobody goes on with."""
    from deployx_tui.cli import printing
    from deployx_tui.model.words import counted

    if reader.is_missing:
        path = call.settings.db.removeprefix("sqlite:///")
        printing.note(call, f"there is no database at {path}; the first change makes it")
    elif reader.left_behind:
        printing.note(
            call,
            f"no engine runs; the last one left {counted(reader.left_behind, 'execution')} unfinished: what can go on"
            " does so while deployx is open, or while deployx --serve runs",
        )


async def _tell_where(call: Invocation, backend: Backend, *, engine: bool) -> None:
    """For -v: the database, and the engine that answers."""
    from deployx_tui.cli import printing
    from deployx_tui.errors import EngineUnreachable

    try:
        status = await backend.engine.status()
    except EngineUnreachable:
        if engine:
            raise
        printing.note(call, f"database {call.settings.shown()[0].value}, read without an engine")
    else:
        since = printing.instant(status.started_at)
        printing.note(call, f"database {status.database}, engine pid {status.pid} on {status.host} since {since}")
