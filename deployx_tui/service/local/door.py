"""What lies behind the door, and one actor's way through it.

Engine, store and transports are blocking code; they are called in a few threads, one transaction at a time, and
nothing of them crosses. A change that wrote no audit entry is not committed.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from deployx_tui.engine.desk import Desk
from deployx_tui.errors import Unavailable
from deployx_tui.events.stream import EventStream
from deployx_tui.model.codec import JSON
from deployx_tui.model.device import TransportKind
from deployx_tui.model.ids import DeviceId, EngineId, ExecutionId, TaskId, UserId
from deployx_tui.model.user import Actor
from deployx_tui.output.store import OutputStore
from deployx_tui.service import access
from deployx_tui.service.lifecycle import InProcess, Lifecycle
from deployx_tui.service.local.snapshot import Snapshot, Snapshots
from deployx_tui.service.local.waking import Waking
from deployx_tui.store import audit, events, results
from deployx_tui.store.clock import from_ms, now_ms
from deployx_tui.store.contents.source import Contents
from deployx_tui.store.database import Database
from deployx_tui.transports.base import Transport
from deployx_tui.vault.vault import Vault

T = TypeVar("T")

#: one writes (SQLite has one writer), the others read
_THREADS = 8
#: uploads at once; more wait, and their senders with them
_UPLOADS = 4
#: files of devices that are read at once
_FETCHES = 16


class RunsHere(Protocol):
    """What the door asks of the engine (engine/engine.py) of this process. Thread-safe."""

    @property
    def id(self) -> EngineId: ...

    @property
    def desk(self) -> Desk: ...

    @property
    def is_stopping(self) -> bool:
        """It starts nothing more."""
        ...

    def wake(self) -> None:
        """An execution was queued for this engine and committed."""
        ...

    def cancel(self, execution: ExecutionId) -> None:
        """A cancel was asked for and committed: end what runs of it here."""
        ...

    def counts(self) -> tuple[int, int]:
        """(running, queued or waiting) executions of this engine."""
        ...

    def lag_ms(self) -> int:
        """How late runs began, at worst within the last hour."""
        ...


@dataclass(eq=False)
class Premises:
    """One engine and its store, as all actors of a process share them."""

    database: Database
    engine: RunsHere
    stream: EventStream
    output: OutputStore
    contents: Contents
    transports: Mapping[TransportKind, Transport]
    vault: Vault
    lifecycle: Lifecycle = field(default_factory=InProcess)
    #: of tasks that name none, IANA
    zone: str = "UTC"
    started_at: datetime = field(default_factory=lambda: from_ms(now_ms()))

    def __post_init__(self) -> None:
        self.is_closed = False
        self.snapshots = Snapshots()
        self.waking = Waking(self.stream)
        #: months of the calendar by what they were made of; see local/calendar.py
        self.forecasts: dict[tuple[int, UserId | None, str, date, int], tuple[tuple[int, ...], ...]] = {}
        self.threads = ThreadPoolExecutor(_THREADS, "deployx-door")
        #: connection tests, which may wait half a minute for a dead host
        self.probes = ThreadPoolExecutor(_THREADS, "deployx-probe")
        #: what is as slow as whoever sends it
        self.uploads = ThreadPoolExecutor(_UPLOADS, "deployx-upload")
        self.fetches = ThreadPoolExecutor(_FETCHES, "deployx-fetch")

    def close(self) -> None:
        """Wake who waits, and let go of the threads. The engine and the store are their owner's to close."""
        self.is_closed = True
        self.waking.close()
        for pool in (self.threads, self.probes, self.uploads, self.fetches):
            pool.shutdown(wait=False, cancel_futures=True)


class Change:
    """A transaction that changes something on behalf of an actor, with its instant and its request's id."""

    def __init__(self, c: Connection, door: Door, request: str | None) -> None:
        self.c = c
        self.now_ms = now_ms()
        self.is_recorded = False
        self._door = door
        self._request = request or uuid.uuid4().hex

    @property
    def now(self) -> datetime:
        return from_ms(self.now_ms)

    def record(
        self,
        action: str,
        object_id: int | None,
        *,
        before: Mapping[str, JSON] | None = None,
        after: Mapping[str, JSON] | None = None,
    ) -> None:
        """Write the audit entry of `noun.verb`."""
        noun, _, _ = action.partition(".")
        audit.write(
            self.c,
            at_ms=self.now_ms,
            engine_id=self._door.premises.engine.id,
            actor=self._door.actor,
            action=action,
            noun=noun,
            object_id=object_id,
            request_id=self._request,
            before=before,
            after=after,
        )
        self.is_recorded = True

    def tell(
        self,
        type: str,  # noqa: A002 - the event's own word
        *,
        task: TaskId | None = None,
        execution: ExecutionId | None = None,
        **facts: str | int | None,
    ) -> None:
        """Append an event, seen by followers when the transaction has committed."""
        events.append(self.c, type, at_ms=self.now_ms, task_id=task, execution_id=execution, facts=tuple(facts.items()))

    def nothing_changed(self) -> None:
        """The request was answered before: there is nothing to write, so nothing to audit."""
        self.is_recorded = True


class Door:
    """The premises, entered by one actor."""

    def __init__(self, premises: Premises, actor: Actor) -> None:
        self.premises = premises
        self.actor = actor

    @property
    def only_own(self) -> UserId | None:
        """The owner whose tasks and runs alone the actor meets; None: everybody's."""
        return access.only_own(self.actor)

    async def run(self, work: Callable[[], T]) -> T:
        """Blocking work in one of the threads."""
        if self.premises.is_closed:
            raise Unavailable("the engine is ending")
        return await asyncio.get_running_loop().run_in_executor(self.premises.threads, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """`work` on one snapshot of the database."""

        def inside() -> T:
            with self.premises.database.read() as c:
                return work(c)

        return await self.run(inside)

    async def write(self, work: Callable[[Change], T], *, request: str | None = None, durable: bool = False) -> T:
        """`work` in one transaction; what it raises rolls it back. `request` is the id for the audit."""
        return await self.run(lambda: self.write_here(work, request=request, durable=durable))

    def write_here(self, work: Callable[[Change], T], *, request: str | None = None, durable: bool = False) -> T:
        """As `write`, in this thread, which is not the event loop's."""
        with self.premises.snapshots.writing(), self.premises.database.write(durable) as c:
            change = Change(c, self, request)
            result = work(change)
            if not change.is_recorded:
                raise RuntimeError("a change without an audit entry")
            return result

    def snapshot(self, c: Connection) -> Snapshot:
        return self.premises.snapshots.of(c)

    def failed_in(self, c: Connection) -> Callable[[ExecutionId], frozenset[DeviceId]]:
        """What `failed:ID` in a selector means to this actor."""
        return lambda execution: results.failed_in(c, execution, self.only_own)
