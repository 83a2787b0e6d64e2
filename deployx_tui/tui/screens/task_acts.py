"""What is done to tasks: run, pause and resume, duplicate, delete. Each asks what it must, acts, says what it did."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from deployx_tui.model.ids import DeviceId
from deployx_tui.model.task import Task, TaskDraft, TaskState
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.screens.dialogs import MANY, confirm, names_line

if TYPE_CHECKING:
    from deployx_tui.tui.screens.place import Place


async def run_now(place: Place, tasks: Sequence[Task]) -> None:
    """Start them, after showing on what."""
    backend = place.bridge.backend
    targets: dict[DeviceId, str] = {}
    for task in tasks:
        preview = await place.attempt(backend.tasks.preview(task.draft, 1, task.id))
        if preview is None:
            return
        targets.update((device, name) for device, name, _ in preview.targets)
    starts = sum(task.target_count for task in tasks)
    names = sorted(targets.values())
    protected = await _protected(place, frozenset(targets))
    what = tasks[0].name if len(tasks) == 1 else f"{len(tasks)} tasks"
    lines: list[Line] = [line(f"  {task.name}") for task in tasks[:6]] if len(tasks) > 1 else []
    if len(tasks) > 6:
        lines.append(line(f"  and {len(tasks) - 6} more"))
    lines.append(line(f"on {_count(len(names), 'target')}:"))
    lines.append(names_line(names))
    if starts > len(names):
        lines.append(line(span("  ! ", "warn"), f"some are in several tasks: {starts} starts"))
    if protected:
        lines.append(line(span("  ! ", "warn"), f"protected: {', '.join(protected)}"))
    typed = _typed(names, many=len(names) > MANY, protected=bool(protected))
    if not await place.app.push_screen_wait(
        confirm(f"Run {what} now", lines, "run", "start now; schedules stay as they are", typed=typed)
    ):
        return
    started: list[str] = []
    for task in tasks:
        run = await place.attempt(backend.tasks.run(task.id, str(uuid.uuid4())))
        if run is not None:
            started.append(f"#{run} {task.name}")
    if started:
        place.tell("▸ " + (started[0] if len(started) == 1 else f"{len(started)} runs started"))


def _typed(names: Sequence[str], *, many: bool, protected: bool) -> str:
    if protected and len(names) == 1:
        return names[0]
    return str(len(names)) if many or protected else ""


async def _protected(place: Place, devices: frozenset[DeviceId]) -> list[str]:
    """Protected groups that hold any of the devices."""
    page = await place.attempt(place.bridge.backend.groups.list())
    if page is None:
        return []
    return [group.name for group in page.items if group.draft.protected and devices & frozenset(group.members)]


async def pause_or_resume(place: Place, tasks: Sequence[Task]) -> None:
    """Those that are armed are paused; when all are paused already, they resume."""
    backend = place.bridge.backend
    armed = [task for task in tasks if task.state is TaskState.ACTIVE]
    paused = [task for task in tasks if task.state is TaskState.PAUSED]
    done = 0
    for task in armed or paused:
        act = backend.tasks.pause(task.id) if armed else backend.tasks.resume(task.id)
        done += await place.attempt(act) is not None
    if done:
        name = (armed or paused)[0].name if done == 1 else f"{done} tasks"
        place.tell(f"‖ {name} paused; p resumes" if armed else f"● {name} armed again")
    elif not (armed or paused):
        place.tell("it is over: duplicate it with D, or edit its schedule with e", "warn")


async def delete(place: Place, tasks: Sequence[Task]) -> bool:
    """Out of the list; one goes at once, several want their count. `u` takes it back. Whether any went."""
    if len(tasks) > 1:
        lines = [
            line(f"{len(tasks)} tasks; their history stays, u takes it back:"),
            names_line([t.name for t in tasks]),
        ]
        if not await place.app.push_screen_wait(
            confirm("Delete tasks", lines, "delete", "out of every list", typed=str(len(tasks)))
        ):
            return False
    backend = place.bridge.backend
    gone: list[Task] = []
    for task in tasks:
        if await place.attempt_done(backend.tasks.delete(task.id, task.version)):
            gone.append(task)
    if not gone:
        return False
    what = gone[0].name if len(gone) == 1 else f"{len(gone)} tasks"

    async def take_back() -> object:
        return [await place.bridge.backend.tasks.restore(task.id) for task in gone]

    place.deployx.can_undo(f"{what} is back" if len(gone) == 1 else f"{what} are back", take_back)
    place.tell(f"{what} deleted; u takes it back", "warn")
    return True


def copy_of(draft: TaskDraft) -> TaskDraft:
    """The same under another name; the editor says when that one is taken."""
    return replace(draft, name=f"{draft.name}-copy")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
