"""`deployx demo --check`: the main job without a screen. A task due in two seconds, on 20 devices, to its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from deployx_tui.demo import world
from deployx_tui.errors import Unavailable
from deployx_tui.model.event import Reset
from deployx_tui.model.execution import ExecutionQuery
from deployx_tui.model.schedule import Once, Schedule
from deployx_tui.model.task import TaskDraft

if TYPE_CHECKING:
    from deployx_tui.model.execution import Execution, TargetResult
    from deployx_tui.service.backend import Backend

DUE_IN = timedelta(seconds=2)
#: far beyond what it takes on a loaded machine; then something is broken
PATIENCE = timedelta(seconds=120)
NAME = "demo-check"
COMMAND = 'set -- ${SSH_CONNECTION:-x x here x}; echo "$(uname -sr) at $3"'


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check found."""

    execution: Execution
    targets: tuple[TargetResult, ...]
    #: first line of output by device name
    said: dict[str, str]
    #: from the instant that the task meant to the first start
    late_by: timedelta


async def check(backend: Backend) -> Checked:
    """Run it. Unavailable when nothing has come of it in two minutes."""
    due = datetime.now(UTC) + DUE_IN
    draft = TaskDraft(
        name=NAME,
        schedule=Schedule(recurrence=Once(due), zone="UTC"),
        payload=world.line(COMMAND),
        selector=",".join(sorted(world.HOSTS)),
        timeout=timedelta(seconds=60),
    )
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            execution = await _to_the_end(backend, draft)
    except TimeoutError as error:
        raise Unavailable(f"{NAME} was not over {PATIENCE.total_seconds():.0f} s after it was due") from error
    page = await backend.executions.targets(execution.id)
    said = {}
    for target in page.items:
        piece = await backend.executions.output(execution.id, target.device_id)
        said[target.device] = b"".join(chunk.data for chunk in piece.chunks).decode(errors="replace").partition("\n")[0]
    started = execution.started_at or due
    return Checked(execution, page.items, said, started - due)


async def _to_the_end(backend: Backend, draft: TaskDraft) -> Execution:
    task = None
    async for event in backend.events.follow():
        if task is None:
            # the first item says where the stream stands: what is made now can't be missed
            task = await backend.tasks.create(draft)
        elif isinstance(event, Reset) or event.task_id == task.id:
            page = await backend.executions.list(ExecutionQuery(task_id=task.id))
            over = [run for run in page.items if not run.status.is_alive]
            if over:
                return over[0]
    raise Unavailable("the engine's events ended")
