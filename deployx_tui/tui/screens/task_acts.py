"""What is done to tasks: run, pause and resume, duplicate, delete. Each asks what it must, acts, says what it did."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from deployx_tui.errors import DeployxError, InvalidInput, Problem
from deployx_tui.model.files import FilePayload
from deployx_tui.model.ids import DeviceId, TaskId
from deployx_tui.model.parameter import ParameterType
from deployx_tui.model.secret import CredentialKind
from deployx_tui.model.task import Task, TaskState
from deployx_tui.model.words import counted
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.render.parameters import given_lines
from deployx_tui.tui.screens.dialogs import Question, confirm, names_line
from deployx_tui.tui.screens.guarding import guard_lines, guard_of
from deployx_tui.tui.screens.parameter_form import GiveParameters

if TYPE_CHECKING:
    from deployx_tui.tui.screens.place import Place


def edit(
    place: Place,
    task: Task | None,
    like: Task | None = None,
    saved: Callable[[TaskId], None] = lambda _: None,
) -> None:
    """Open the form of a task, or of a new one; `like`: with all that this one has but its name."""
    from deployx_tui.tui.screens.editor import Editor  # noqa: PLC0415 - loaded when it is opened

    if like is None:
        place.app.push_screen(Editor(task, saved=saved))
    else:
        place.app.push_screen(Editor(None, draft=like.draft.copy(), stock=like.stock, saved=saved))


async def run_now(place: Place, tasks: Sequence[Task]) -> None:
    """Start them, after showing on what, and asking for the values of one that takes some."""
    backend = place.bridge.backend
    targets: dict[DeviceId, str] = {}
    for task in tasks:
        preview = await place.attempt(backend.tasks.preview(task.draft, 1, task.id))
        if preview is None:
            return
        targets.update((device, name) for device, name, _ in preview.targets)
    if len(tasks) == 1 and tasks[0].draft.payload.parameters:
        await _run_with_values(place, tasks[0], targets)
        return
    for task in tasks:
        if wanting := [each.name for each in task.draft.payload.parameters if each.required]:
            place.tell(f"✗ nothing started: {task.name} wants {', '.join(wanting)}; run it alone", "bad")
            return
    if not await _agreed(place, tasks, targets, ()):
        return
    started: list[str] = []
    for task in tasks:
        run = await place.attempt(backend.tasks.run(task.id, str(uuid.uuid4())))
        if run is not None:
            started.append(f"#{run} {task.name}")
    if started:
        place.tell("▸ " + (started[0] if len(started) == 1 else f"{counted(len(started), 'run')} started"))


async def _run_with_values(place: Place, task: Task, targets: Mapping[DeviceId, str]) -> None:
    """Ask for its values until they fit or the person gives up."""
    title, parameters = f"Run {task.name} with", task.draft.payload.parameters
    secrets = await _secrets(place) if any(each.type is ParameterType.SECRET for each in parameters) else ()
    given: Mapping[str, str] | None = {}
    problems: tuple[Problem, ...] = ()
    while True:
        given = await place.app.push_screen_wait(GiveParameters(title, parameters, given or {}, problems, secrets))
        if given is None or not await _agreed(place, (task,), targets, given_lines(given.items())):
            return
        try:
            run = await place.bridge.backend.tasks.run(task.id, str(uuid.uuid4()), None, given)
        except InvalidInput as error:
            # what only the engine can see: a file that is not there
            problems = error.problems
        except DeployxError as error:
            place.tell_error(error)
            return
        else:
            place.tell(f"▸ #{run} {task.name}")
            return


async def _secrets(place: Place) -> tuple[str, ...]:
    """Names of the credentials that a command may get."""
    page = await place.attempt(place.bridge.backend.credentials.list())
    if page is None:
        return ()
    return tuple(each.name for each in page.items if each.draft.kind is CredentialKind.PARAMETER)


async def _agreed(place: Place, tasks: Sequence[Task], targets: Mapping[DeviceId, str], values: Sequence[Line]) -> bool:
    """Whether a person, who sees on what and with which values, says yes."""
    starts = sum(task.target_count for task in tasks)
    found = await guard_of(place, targets)
    if found is None:
        return False
    what = tasks[0].name if len(tasks) == 1 else f"{counted(len(tasks), 'task')}"
    lines: list[Line] = [line(f"  {task.name}") for task in tasks[:6]] if len(tasks) > 1 else []
    if len(tasks) > 6:
        lines.append(line(f"  and {len(tasks) - 6} more"))
    lines.append(line(f"on {counted(len(found.names), 'target')}:"))
    lines.append(names_line(found.names))
    lines += [line("with:"), *values] if values else []
    if starts > len(found.names):
        lines.append(line(span("  ! ", "warn"), f"some are in several tasks: {starts} starts"))
    lines += guard_lines(found)
    asked: Question[bool] = confirm(
        f"Run {what} now", lines, "run", "start now; schedules stay as they are", typed=found.word
    )
    return await place.app.push_screen_wait(asked) is True


def can_check(task: Task | None) -> bool:
    """Whether there is something to compare its targets with."""
    return task is not None and isinstance(task.draft.payload, FilePayload)


async def check(place: Place, task: Task) -> None:
    """Compare its targets with what it puts there, and show the run that does it. It changes nothing: not asked."""
    run = await place.attempt(place.bridge.backend.tasks.check(task.id, str(uuid.uuid4())))
    if run is None:
        return
    from deployx_tui.tui.screens.execution import ExecutionPlace  # noqa: PLC0415 - loaded when it is opened

    place.tell(f"▸ #{run} compares {counted(task.target_count, 'target')}; nothing is changed")
    place.app.push_screen(ExecutionPlace(run))


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
            line(f"{counted(len(tasks), 'task')}; their history stays, u takes it back:"),
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
    what = gone[0].name if len(gone) == 1 else f"{counted(len(gone), 'task')}"

    async def take_back() -> object:
        back = [await place.bridge.backend.tasks.restore(task.id) for task in gone]
        if place.deployx.place is not None:
            place.deployx.place.go_to(gone[0].id)
        return back

    place.deployx.can_undo(f"{what} is back" if len(gone) == 1 else f"{what} are back", take_back)
    place.tell(f"{what} deleted; u takes it back", "warn")
    return True
