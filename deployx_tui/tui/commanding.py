"""What a command of the palette does. The palette parses it; this finds its task and calls the place's own action."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from deployx_tui.model.fact_words import unknown_words
from deployx_tui.model.payload import CommandPayload
from deployx_tui.model.payload import Line as CommandLine
from deployx_tui.model.words import counted
from deployx_tui.tui.commands import Command, GoTo, OnTask, RunAdHoc, Wrong
from deployx_tui.tui.render.line import line, span
from deployx_tui.tui.screens.dialogs import confirm, names_line
from deployx_tui.tui.screens.guarding import guard_lines, guard_of

if TYPE_CHECKING:
    from deployx_tui.tui.app import DeployxApp


async def obey(app: DeployxApp, command: Command) -> None:
    """Do it, or say why not."""
    match command:
        case GoTo(tab, text):
            app.action_go(tab)
            if text is not None and app.place is not None:
                app.place.filter_by(text)
        case OnTask(verb, name):
            await _on_task(app, verb, name)
        case RunAdHoc(selector, line_):
            await _run_ad_hoc(app, selector, line_)
        case Wrong(message):
            if app.place is not None:
                app.place.tell(message, "warn")


async def _on_task(app: DeployxApp, verb: str, name: str) -> None:
    from deployx_tui.tui.screens.tasks import TasksPlace  # noqa: PLC0415 - the screen imports the app's parts

    place = app.place
    if place is None:
        return
    task = await place.attempt(app.bridge.backend.tasks.find(name))
    if task is None:
        return
    app.action_go("tasks")
    tasks = app.screen_stack[0] if not isinstance(app.place, TasksPlace) else app.place
    if isinstance(tasks, TasksPlace):
        await tasks.act_on(verb, task)


async def _run_ad_hoc(app: DeployxApp, selector: str, command: str) -> None:
    place = app.place
    if place is None:
        return
    match = await place.attempt(app.bridge.backend.devices.match(selector))
    if match is None:
        return
    count = len(match.devices)
    if not count:
        left_out = f"; {unknown_words(match.unknown)}" if match.unknown else ""
        place.tell(f"{selector} matches no device{left_out}", "warn")
        return
    found = await guard_of(place, {device: name for device, name, _ in match.devices})
    if found is None:
        return
    question = confirm(
        "Run once, without a task",
        (
            line(f"  {command}"),
            line(f"on {counted(count, 'target')}:"),
            names_line([name for _, name, _ in match.devices]),
            *guard_lines(found),
            *((line(span(f"! {unknown_words(match.unknown)}", "warn")),) if match.unknown else ()),
        ),
        "run",
        "start now",
        typed=found.word,
    )
    if not await app.push_screen_wait(question):
        return
    payload = CommandPayload(body=CommandLine(command))
    run = await place.attempt(app.bridge.backend.executions.run_ad_hoc(payload, selector, str(uuid.uuid4())))
    if run is not None:
        place.tell(f"#{run} runs on {counted(count, 'target')}")
