"""The only place where the screens and the Backend meet.

It connects after the first paint, follows the events but those of growing outputs (who shows an output waits at that
output), and posts messages: `LinkChanged`, `Changed` (gathered, at
most 20 a second), `Ticked` (each minute). Screens call the backend through `backend`, in workers, and get errors
of the `errors.py` tree. When the engine is lost it says so and connects again; nothing stale passes as fresh.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from textual.message import Message

from deployx_tui.errors import DeployxError, EngineUnreachable, NotPermitted, Unavailable
from deployx_tui.model.event import Event, Reset
from deployx_tui.model.execution import ALIVE, Execution, ExecutionQuery
from deployx_tui.model.ids import ExecutionId, TaskId
from deployx_tui.model.question import Listening, Question, Withdrawn
from deployx_tui.tui.standing import Link, Standing

if TYPE_CHECKING:
    from textual.app import App

    from deployx_tui.service.backend import Backend

#: gives a new Backend each time; the protocol itself is not loaded before the first paint
Connect = Callable[[], Awaitable["Backend"]]
Clock = Callable[[], datetime]

#: at most 20 paints a second, whatever arrives
GATHER = 0.05
#: the running strip is asked for anew at most so often
STRIP_EVERY = 0.25
#: the engine is asked how it is this often (a call costs about 3 ms of both processes)
HEARTBEAT = 4.0
#: an engine that is this late with the answer is said to be lost
PATIENCE = 2.0
RETRY_FIRST, RETRY_MOST = 0.5, 8.0


class LinkChanged(Message):
    """The engine came up, was lost, or came back. Screens read everything again when it is up."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, LinkChanged)


class Changed(Message):
    """Something changed in the engine. Gathered: one message stands for all events of a moment."""

    def __init__(
        self,
        types: frozenset[str],
        tasks: frozenset[TaskId] = frozenset(),
        executions: frozenset[ExecutionId] = frozenset(),
        everything: bool = False,
    ) -> None:
        super().__init__()
        self.types, self.tasks, self.executions, self.everything = types, tasks, executions, everything

    def touches(self, *prefixes: str) -> bool:
        """Whether any event type begins so ("task.", "execution.")."""
        return self.everything or any(kind.startswith(prefixes) for kind in self.types)


class Ticked(Message):
    """A minute began: times on the screen are said anew."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Ticked)


class StripChanged(Message):
    """What runs now changed."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, StripChanged)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Bridge:
    """One app's way to its engine. `connect` gives a new Backend each time it is called.

    `tell` brings a message to whoever is seen; it gets a maker, for there may be several.
    """

    def __init__(
        self,
        app: App[int],
        connect: Connect,
        tell: Callable[[Callable[[], Message]], None],
        *,
        zone: tzinfo,
        clock: Clock = _utc_now,
        connection: str | Callable[[], str] = "local",
        heard: Callable[[Question | Withdrawn | Listening], None] = lambda _: None,
    ) -> None:
        """`heard` is called with what servers ask of the person."""
        self._heard = heard
        self._app = app
        self._connect = connect
        self._tell = tell
        self._clock = clock
        self._connection = connection
        #: the viewer's zone: times are shown in it
        self.zone = zone
        self.standing = Standing()
        self.running: tuple[Execution, ...] = ()
        self._backend: Backend | None = None
        self._pending: list[Event] = []
        self._everything = False
        self._gathering = False
        self._strip_wanted = asyncio.Event()

    @property
    def backend(self) -> Backend:
        """The live one; Unavailable while there is none."""
        if self._backend is None:
            raise EngineUnreachable("the engine is not there yet" if self.is_starting else "the engine is lost")
        return self._backend

    @property
    def is_up(self) -> bool:
        return self.standing.link is Link.UP

    @property
    def is_starting(self) -> bool:
        return self.standing.link is Link.STARTING

    @property
    def connection(self) -> str:
        """local, attached, or a URL."""
        return self._connection if isinstance(self._connection, str) else self._connection()

    def now(self) -> datetime:
        """The viewer's clock, aware UTC."""
        return self._clock()

    def uptime(self) -> timedelta | None:
        """How long the engine is up, by its own clock; None: not known."""
        status, said = self.standing.status, self.standing.status_at
        if status is None or said is None:
            return None
        return status.now - status.started_at + (self.now() - said)

    # the loop

    def start(self) -> None:
        """Connect, in the background. Call it after the first paint."""
        self._app.run_worker(self._stay_connected(), group="bridge", exit_on_error=True)
        self._app.run_worker(self._keep_strip(), group="strip", exit_on_error=True)
        self._schedule_tick()

    async def close(self) -> None:
        backend, self._backend = self._backend, None
        if backend is not None:
            await backend.close()

    async def _stay_connected(self) -> None:
        delay = RETRY_FIRST
        while True:
            backend: Backend | None = None
            try:
                backend = await self._connect()
                await self._hear(backend)
                self._backend = backend
                self._set(replace(self.standing, link=Link.UP, lost_at=None, why=""))
                delay = RETRY_FIRST
                await self._serve(backend)
                why = "it ended the event stream"
            except (DeployxError, OSError, TimeoutError) as error:
                why = str(error) or type(error).__name__
            self._backend = None
            self._set(replace(self.standing, link=Link.LOST, lost_at=self.standing.lost_at or self.now(), why=why))
            if backend is not None:
                await _close_quietly(backend)
            await asyncio.sleep(delay)
            delay = min(delay * 2, RETRY_MOST)

    async def _serve(self, backend: Backend) -> None:
        """Until the engine is lost: follow its events, and ask now and then whether it is there."""
        parts = {asyncio.create_task(self._follow(backend)), asyncio.create_task(self._beat(backend))}
        parts.add(asyncio.create_task(self._follow_questions(backend)))
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _follow(self, backend: Backend) -> None:
        async for item in backend.events.follow(without_growth=True):
            if isinstance(item, Reset):
                self._everything = True
            else:
                self._pending.append(item)
            if not self._gathering:
                self._gathering = True
                self._app.set_timer(GATHER, self._flush)

    async def _follow_questions(self, backend: Backend) -> None:
        """The person is there for them as long as the engine is."""
        try:
            async for heard in backend.questions.follow():
                self._heard(heard)
        except NotPermitted:  # this actor starts nothing, so nobody asks; the link is as good without
            await asyncio.Event().wait()

    async def _beat(self, backend: Backend) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            await self._hear(backend)

    async def _hear(self, backend: Backend) -> None:
        """Ask how it is. The client may try again by itself for long: who waits for an answer is told meanwhile."""
        asked = asyncio.ensure_future(backend.engine.status())
        try:
            done, _ = await asyncio.wait({asked}, timeout=PATIENCE)
            if not done and self.is_up:
                self._set(replace(self.standing, link=Link.LOST, lost_at=self.now(), why="it does not answer"))
            status = await asked
        finally:
            asked.cancel()
        before = self.standing.status
        self.standing = replace(self.standing, status=status, status_at=self.now())
        if not done and self._backend is not None:
            self._set(replace(self.standing, link=Link.UP, lost_at=None, why=""))
        elif before is None or before != replace(status, now=before.now):
            self._tell(LinkChanged)
        if before is not None and before.engine_id != status.engine_id:
            # another engine process: what the old one did not tell is read again
            self._everything = True
            self._flush()

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        everything, self._everything = self._everything, False
        self._gathering = False
        changed = Changed(
            frozenset(event.type for event in pending),
            frozenset(event.task_id for event in pending if event.task_id is not None),
            frozenset(event.execution_id for event in pending if event.execution_id is not None),
            everything,
        )
        if changed.touches("execution.", "target."):
            self._strip_wanted.set()
        self._tell(lambda: changed)

    async def _keep_strip(self) -> None:
        """What runs now, read again after events that touch it."""
        while True:
            await self._strip_wanted.wait()
            self._strip_wanted.clear()
            before = self.running
            try:
                page = await self.backend.executions.list(ExecutionQuery(statuses=ALIVE, limit=50))
            except Unavailable:
                continue  # the loop above says that it is lost; its return asks anew
            except DeployxError:
                self.running = ()  # this actor may not read executions: nothing is shown
            else:
                self.running = page.items
            if self.running != before:
                self._tell(StripChanged)
            await asyncio.sleep(STRIP_EVERY)

    def _set(self, standing: Standing) -> None:
        self.standing = standing
        if standing.link is Link.UP:
            self._strip_wanted.set()
        self._tell(LinkChanged)

    def _schedule_tick(self) -> None:
        now = self.now()
        self._app.set_timer(60.05 - now.second - now.microsecond / 1e6, self._tick)

    def _tick(self) -> None:
        self._schedule_tick()
        self._tell(Ticked)


async def _close_quietly(backend: Backend) -> None:
    """Close a backend whose other side is gone: that it can't be told is no news."""
    try:
        await backend.close()
    except (DeployxError, OSError):
        return
