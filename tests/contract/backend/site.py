"""Where the contract is tried, and the words in which its tests speak."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, time, timedelta
from typing import Any, Protocol, TypeVar

import pytest

from deployx_tui.engine.engine import Engine
from deployx_tui.errors import DeployxError, InvalidInput
from deployx_tui.model.device import Device, DeviceDraft, TransportKind
from deployx_tui.model.event import Event, EventId, Reset
from deployx_tui.model.execution import Execution
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.model.schedule import Daily, Once, Schedule
from deployx_tui.model.task import Task, TaskDraft
from deployx_tui.model.user import Role
from deployx_tui.service.backend import Backend
from deployx_tui.store.database import Database

E = TypeVar("E", bound=DeployxError)
T = TypeVar("T")

#: a test that waits for so long has failed
LONG = 60.0


class Site(Protocol):
    """A running engine, and a door to it for anyone."""

    @property
    def database(self) -> Database: ...
    @property
    def engine(self) -> Engine: ...

    async def backend(self, role: Role = Role.ADMIN, name: str = "ada") -> Backend:
        """A new client, as the user of this name and role (made when there is none)."""
        ...


def new_request() -> str:
    return str(uuid.uuid4())


def daily(hour: int = 3, zone: str = "UTC", **more: Any) -> Schedule:
    return Schedule(recurrence=Daily((time(hour),)), zone=zone, **more)


def in_a_year() -> Schedule:
    at = (datetime.now(UTC) + timedelta(days=365)).replace(microsecond=0)
    return Schedule(recurrence=Once(at), zone="UTC")


def line(command: str, **more: Any) -> CommandPayload:
    return CommandPayload(body=Line(command), **more)


def draft(name: str = "nightly", command: str = "true", selector: str = "web*", **more: Any) -> TaskDraft:
    facts: dict[str, Any] = {"schedule": daily(), "payload": line(command), "selector": selector}
    return TaskDraft(name=name, **{**facts, **more})


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def add_device(backend: Backend, name: str, *tags: str, **more: Any) -> Device:
    """This machine under another name."""
    return await backend.devices.create(
        DeviceDraft(name=name, address="localhost", transport=TransportKind.LOCAL, tags=frozenset(tags), **more)
    )


async def add_task(backend: Backend, name: str = "nightly", command: str = "true", **more: Any) -> Task:
    return await backend.tasks.create(draft(name, command, **more))


async def finished(backend: Backend, execution: ExecutionId) -> Execution:
    """The execution when it is over."""
    async with asyncio.timeout(LONG), aclosing(following(backend, execution)) as told:
        async for item in told:
            if isinstance(item, Reset) or item.type == "execution.finished":
                found = await backend.executions.get(execution)
                if not found.status.is_alive:
                    return found
    raise AssertionError("the stream ended")


async def until(backend: Backend, execution: ExecutionId, is_so: Callable[[Execution], bool]) -> Execution:
    """The execution as soon as it is like that."""
    async with asyncio.timeout(LONG), aclosing(following(backend, execution)) as told:
        async for _ in told:
            found = await backend.executions.get(execution)
            if is_so(found):
                return found
    raise AssertionError("the stream ended")


async def following(
    backend: Backend,
    execution: ExecutionId | None = None,
    after: EventId | None = None,
    *,
    without_growth: bool = False,
) -> AsyncGenerator[Event | Reset, None]:
    """The stream, closed with the generator."""
    stream = backend.events.follow(after, execution, without_growth=without_growth)
    try:
        async for item in stream:
            yield item
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


async def run(backend: Backend, task: Task, **more: Any) -> Execution:
    """Run it now, and wait for its end."""
    return await finished(backend, await backend.tasks.run(task.id, new_request(), **more))


def fields(refused: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    """The fields of the problems, each of which says what to do."""
    assert all(problem.message and problem.remedy for problem in refused.value.problems)
    return [problem.field for problem in refused.value.problems]
