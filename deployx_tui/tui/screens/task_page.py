"""One task, whole: the detail of the Tasks screen as a page of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.widget import Widget

from deployx_tui.errors import DeployxError, NotFound
from deployx_tui.model.task import Task
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.keymap import TASK_PAGE, bindings
from deployx_tui.tui.render import task_detail, task_layout
from deployx_tui.tui.render.line import line, span
from deployx_tui.tui.render.task_detail import TaskFacts
from deployx_tui.tui.screens import task_acts
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.screens.task_facts import read_facts
from deployx_tui.tui.widgets.base import Pane


class TaskPage(Place):
    tab = "tasks"
    keys = "task_page"
    has_table = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(TASK_PAGE)]

    def __init__(self, task: Task, facts: TaskFacts | None = None) -> None:
        super().__init__()
        self._shown = task
        self._facts = facts if facts is not None and facts.task.id == task.id else None
        self._in_task_zone = False
        self._is_gone = False

    def body(self) -> Iterable[Widget]:
        yield Pane(id="body")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Pane).focus()
        self._draw()

    def reload(self) -> None:
        self._read()

    def changed(self, change: Changed) -> None:
        if change.everything or self._shown.id in change.tasks or change.touches("device.", "group."):
            self._read()

    def tick(self) -> None:
        self._read()

    @work(exclusive=True, group="page")
    async def _read(self) -> None:
        try:
            self._shown = await self.bridge.backend.tasks.get(self._shown.id)
        except NotFound:
            self._is_gone = True
        except DeployxError:
            return  # the frame says that the engine is lost
        else:
            self._is_gone = False
            facts = await read_facts(self.bridge, self._shown, in_task_zone=self._in_task_zone)
            if facts is not None:
                self._facts = facts
        self._draw()
        self.refresh_frame()

    def _draw(self) -> None:
        pane = self.query_one(Pane)
        if self._is_gone:
            self.say_title(("Tasks ▸ " + self._shown.name,), ("deleted",), "bad")
            pane.set_lines((line(span("  It was deleted; its history stays.", "dim")),))
            return
        facts = self._facts
        if facts is None:
            self.say_title(("Tasks ▸ " + self._shown.name,))
            return
        left, right = task_detail.detail_title(facts)
        self.say_title(("Tasks ▸ " + left[0],), right)
        pane.set_lines(task_layout.page(facts, self.size.width, max(1, pane.size.height)))

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("run", "pause", "edit", "delete"):
            return self.bridge.is_up and not self._is_gone
        if action == "check":
            return self.bridge.is_up and not self._is_gone and task_acts.can_check(self._shown)
        if action == "last_run":
            return self.bridge.is_up and self._shown.last is not None
        return super().check_action(action, parameters)

    def action_last_run(self) -> None:
        from deployx_tui.tui.screens.execution import ExecutionPlace  # noqa: PLC0415 - loaded when it is opened

        if self._shown.last is not None:
            self.app.push_screen(ExecutionPlace(self._shown.last.id))

    def action_history(self) -> None:
        from deployx_tui.tui.screens.history import HistoryPlace  # noqa: PLC0415 - loaded when it is opened

        self.app.push_screen(HistoryPlace(self._shown.id, self._shown.name))

    @work(group="act")
    async def action_run(self) -> None:
        await task_acts.run_now(self, (self._shown,))

    @work(group="act")
    async def action_pause(self) -> None:
        await task_acts.pause_or_resume(self, (self._shown,))

    @work(group="act")
    async def action_check(self) -> None:
        await task_acts.check(self, self._shown)

    def action_edit(self) -> None:
        task_acts.edit(self, self._shown)

    @work(group="act")
    async def action_delete(self) -> None:
        if await task_acts.delete(self, (self._shown,)):
            self.go_out()

    def action_zone(self) -> None:
        self._in_task_zone = not self._in_task_zone
        self._read()

    def copy_text(self) -> str:
        return self._shown.name
