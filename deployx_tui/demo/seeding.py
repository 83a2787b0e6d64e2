"""Fills the demo through the same door that everybody uses: devices, groups, tasks, and runs for a history."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from deployx_tui.demo import wares, world
from deployx_tui.demo.fleet import FleetHost
from deployx_tui.errors import Conflict
from deployx_tui.model.ids import ExecutionId, TaskId
from deployx_tui.model.secret import NewSecret, Secret

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend

#: between two looks at runs that are under way
_LOOK = 0.1
#: on a slow machine the screens open while the first runs go on
_PATIENCE = 5.0
#: the twelve latest runs of a task are shown
ROUNDS = 12


async def seed_devices(backend: Backend, hosts: Sequence[FleetHost]) -> None:
    """The devices, the groups that hold them, and a credential for one of these."""
    devices = {draft.name: (await backend.devices.create(draft)).id for draft in world.device_drafts(hosts)}
    groups = {draft.name: (await backend.groups.create(draft)).id for draft in world.static_groups(devices)}
    for draft in world.later_groups(groups):
        await backend.groups.create(draft)
    # the databases are logged in to with a key of the vault, the others with the key file that they name
    key = await asyncio.to_thread(Path(hosts[0].key_file).read_bytes)
    await backend.credentials.create(world.credential(groups, hosts[0].user), NewSecret(value=Secret.of(key)))


async def seed_tasks(backend: Backend, zone: str) -> dict[str, TaskId]:
    """The tasks, by name, and what they put on the hosts."""
    files = {}
    for name, content in wares.FILES.items():
        files[name] = (await backend.artifacts.add(name, _at_once(content), "the demo")).id
    agent = await backend.packages.create(wares.AGENT)
    if agent.id is None:
        raise TypeError("a stored package has an id")
    tasks = {}
    for draft in (*world.task_drafts(datetime.now(UTC), zone), *wares.task_drafts(zone, files, agent.id)):
        tasks[draft.name] = (await backend.tasks.create(draft)).id
    for name in world.PAUSED:
        await backend.tasks.pause(tasks[name])
    return tasks


async def first_round(backend: Backend, tasks: dict[str, TaskId]) -> None:
    """One run of several tasks at once: what the history shows at the first look. Waits a little for their ends."""
    started = [await _start(backend, tasks[name]) for name in world.FIRST_ROUND]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            await _all_over(backend, started)


async def later_rounds(backend: Backend, tasks: dict[str, TaskId]) -> None:
    """Further runs, one after the other, while somebody is looking; never more than one at a time."""
    cancelled = await _start(backend, tasks["patch-dry-run"])
    await asyncio.sleep(1.5)
    if cancelled is not None:
        await backend.executions.cancel(cancelled)
        await _all_over(backend, [cancelled])
    for _ in range(ROUNDS):
        for name in world.LATER_ROUNDS:
            await _all_over(backend, [await _start(backend, tasks[name])])
            await asyncio.sleep(0.5)


async def _at_once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _start(backend: Backend, task: TaskId) -> ExecutionId | None:
    """None: its schedule has just started it, and its rule is to skip."""
    try:
        return await backend.tasks.run(task, str(uuid.uuid4()))
    except Conflict:
        return None


async def _all_over(backend: Backend, executions: Iterable[ExecutionId | None]) -> None:
    for execution in executions:
        while execution is not None and (await backend.executions.get(execution)).status.is_alive:
            await asyncio.sleep(_LOOK)
