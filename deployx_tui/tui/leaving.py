"""Quit, with what becomes of running work and of fires to come; and F9."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from deployx_tui.errors import DeployxError
from deployx_tui.model.engine import EngineStatus
from deployx_tui.model.outcome_words import run_word
from deployx_tui.model.task import TaskQuery, TaskState
from deployx_tui.model.words import counted
from deployx_tui.tui.bridge import LinkChanged, StripChanged
from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.render.progress import bar, over_count
from deployx_tui.tui.render.safe import fit, show
from deployx_tui.tui.render.when import clock, day_and_clock
from deployx_tui.tui.screens.dialogs import Choice, Question
from deployx_tui.tui.widgets.base import Prose
from deployx_tui.tui.widgets.card import Card

if TYPE_CHECKING:
    from deployx_tui.tui.app import DeployxApp


class Leave(Enum):
    QUIT = "quit"
    WAIT = "wait"
    CANCEL = "cancel"
    STAY = "stay"


async def leave(app: DeployxApp) -> None:
    """Quit at once where that loses nothing; else ask."""
    bridge = app.bridge
    if not bridge.is_up:
        app.leave_now()
        return
    try:
        status = await bridge.backend.engine.status()
        due = await _due_words(app)
    except DeployxError:
        app.leave_now()  # there is nothing that could be asked
        return
    if status.is_service or status.clients > 1:
        app.leave_now(f"the engine goes on: it is a service, {_end_of(status)}" if status.is_service else _SHARED)
        return
    alive = status.running_executions + status.queued_executions
    if not alive and not due:
        app.leave_now()
        return
    answer = await app.push_screen_wait(_question(app, status, alive, due))
    match answer:
        case None:
            return
        case Leave.QUIT:
            app.leave_now()
        case Leave.STAY:
            await bridge.backend.engine.stay()
            app.leave_now(f"the engine goes on in the background until it is ended, {_end_of(status)}")
        case Leave.WAIT:
            app.push_screen(Waiting("waiting for what runs, then deployx quits"))
        case Leave.CANCEL:
            await bridge.backend.engine.stop_all()
            app.push_screen(Waiting("cancelled; waiting until the processes are seen dead"))


def is_in_this_process(status: EngineStatus) -> bool:
    """With --in-process there is no engine that could be left behind."""
    return (status.pid, status.host) == (os.getpid(), socket.gethostname())


_SHARED = "the engine goes on: others use it"


def _end_of(status: EngineStatus) -> str:
    return f"pid {status.pid} on {status.host}: kill {status.pid} lets what runs end, then ends it"


async def _due_words(app: DeployxApp) -> str:
    """What will not run while no engine does; "" when nothing is due."""
    bridge = app.bridge
    now = bridge.now()
    page = await bridge.backend.tasks.list(
        TaskQuery(state=TaskState.ACTIVE, due_before=now + timedelta(hours=24), limit=1)
    )
    if not page.items:
        later = await bridge.backend.tasks.list(TaskQuery(state=TaskState.ACTIVE, limit=1))
        if not later.items or later.items[0].next_execution is None:
            return ""
        coming = later.items[0]
        when = day_and_clock(coming.next_execution, bridge.zone) if coming.next_execution else ""
        return f"nothing is due in the next 24 h; the next is {coming.name} on {when}"
    first = page.items[0].next_execution
    count = page.total or len(page.items)
    at = "" if first is None else f", the first at {clock(first, bridge.zone)}"
    what = f"{counted(count, 'task')} {'is' if count == 1 else 'are'}"
    return f"{what} due in the next 24 h{at}: nothing runs while no engine does"


def _question(app: DeployxApp, status: EngineStatus, alive: int, due: str) -> Question[Leave]:
    lines: list[Line] = []
    choices: list[Choice[Leave]] = []
    if alive:
        lines.append(line(f"{counted(alive, 'run')} {'is' if alive == 1 else 'are'} not over:"))
        lines.extend(running_lines(app)[:5])
        choices.append(Choice(Leave.WAIT, "wait", "quit when they are over"))
        choices.append(Choice(Leave.CANCEL, "cancel them", "kill what runs, see that it is dead, quit"))
    else:
        choices.append(Choice(Leave.QUIT, "quit", "the engine ends with this terminal"))
    if due:
        lines.append(line(span("! ", "warn"), due))
    if not is_in_this_process(status):
        choices.append(Choice(Leave.STAY, "leave it running", "the engine goes on in the background until it is ended"))
    return Question("Quit deployx", lines, choices, cancel="stay here", again="Q" if not alive else "")


def running_lines(app: DeployxApp) -> list[Line]:
    """What runs, a line each."""
    rows: list[Line] = []
    for run in app.bridge.running:
        done, total = over_count(run.targets), run.targets.total
        rows.append(
            line(
                span("  ▸ ", "run"),
                f"#{run.id} {fit(show(run.task_name), 30)} {run_word(run.status):9} {done:3d}/{total:<3d} ",
                span(bar(done, total, 10), "run"),
            )
        )
    return rows


class Waiting(Card[None]):
    """Until nothing runs, then the program ends. Esc: stay."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "back", show=False)]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Prose(id="runs")

    def on_mount(self) -> None:
        self._draw()

    def on_strip_changed(self, message: StripChanged) -> None:
        message.stop()
        self._draw()

    def on_link_changed(self, message: LinkChanged) -> None:
        message.stop()
        self._draw()

    def _draw(self) -> None:
        app: DeployxApp = self.app  # type: ignore[assignment]  # this app's screen only
        if not app.bridge.is_up:
            rows = [line(span("the engine is lost: whether they are over is not known", "bad"))]
        elif not app.bridge.running:
            app.leave_now()
            return
        else:
            rows = running_lines(app)
        foot = line(span("esc ", "key"), "stay here")
        self.query_one("#runs", Prose).tell((line(span(self._title, "title")), BLANK, *rows, BLANK, foot))

    def action_back(self) -> None:
        self.dismiss(None)


async def stop_all(app: DeployxApp) -> None:
    """F9: everything that runs, waits or is queued, after the word was typed."""
    runs = app.bridge.running
    if not runs:
        if app.place is not None and app.bridge.is_up:  # a lost engine is said by the frame
            app.place.tell("nothing runs", "")
        return
    targets = sum(run.targets.waiting + run.targets.running for run in runs)
    question = Question(
        "Stop everything",
        (
            line(f"{counted(len(runs), 'run')} with {counted(targets, 'target')} not over:"),
            *running_lines(app)[:6],
            BLANK,
            line("What runs is killed and looked at; what waits does not start."),
        ),
        (Choice(True, "stop all", f"cancel {counted(len(runs), 'run')}"),),
        typed="stop",
    )
    if not await app.push_screen_wait(question):
        return
    place = app.place
    if place is None:
        return
    report = await place.attempt(app.bridge.backend.engine.stop_all())
    if report is not None:
        place.tell(
            f"asked {counted(report.executions, 'run')} with {counted(report.targets, 'target')} to stop", "warn"
        )
