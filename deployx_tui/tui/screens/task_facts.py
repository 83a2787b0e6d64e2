"""Reads what the detail of a task shows."""

from __future__ import annotations

import asyncio
from datetime import tzinfo
from zoneinfo import ZoneInfo

from deployx_tui.errors import DeployxError
from deployx_tui.model.execution import ExecutionQuery
from deployx_tui.model.task import Task
from deployx_tui.tui.bridge import Bridge
from deployx_tui.tui.render.task_detail import TaskFacts

#: fires, and runs for the durations
FIRES, RUNS = 10, 12


def zone_of(bridge: Bridge, task: Task, *, in_task_zone: bool) -> tuple[tzinfo, str]:
    """The zone that times are shown in, and its name."""
    if in_task_zone:
        try:
            return ZoneInfo(task.draft.schedule.zone), f"{task.draft.schedule.zone}, the task's own"
        except (KeyError, ValueError, OSError):
            pass  # a zone that this machine does not know: the viewer's then, and its name says so
    return bridge.zone, str(bridge.zone)


async def read_facts(bridge: Bridge, task: Task, *, in_task_zone: bool = False) -> TaskFacts | None:
    """All at once; None when the engine is lost or refuses."""
    zone, zone_name = zone_of(bridge, task, in_task_zone=in_task_zone)
    last = task.last
    try:
        backend = bridge.backend
        preview, runs = await asyncio.gather(
            backend.tasks.preview(task.draft, FIRES, task.id),
            backend.executions.list(ExecutionQuery(task_id=task.id, limit=RUNS)),
        )
        targets = groups = None
        if last is not None:
            page, groups = await asyncio.gather(
                backend.executions.targets(last.id), backend.executions.output_groups(last.id)
            )
            targets = page.items
    except DeployxError:
        return None
    return TaskFacts(
        task=task,
        now=bridge.now(),
        zone=zone,
        zone_name=zone_name,
        preview=preview,
        targets=targets,
        runs=runs.items,
        groups=groups,
    )
