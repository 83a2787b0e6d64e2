"""Tasks: what is scheduled, what it did last, when it comes next."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.widget import Widget

from deployx_tui.model.task import TaskQuery, TaskSort
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.keymap import TASKS, bindings
from deployx_tui.tui.render import tasks as draw
from deployx_tui.tui.render.line import line, span
from deployx_tui.tui.render.tasks import TaskView
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.line_table import Column, LineTable

COLUMNS: tuple[Column[TaskView], ...] = (
    Column(key="state", title="", width=1, cell=draw.glyph_cell),
    Column(key="name", title="NAME", width=21, flex=2, cell=draw.name_cell, sortable=True),
    Column(key="schedule", title="SCHEDULE", width=20, flex=1, cell=draw.schedule_cell, priority=3),
    Column(key="targets", title="TARGETS", width=14, cell=partial(draw.targets_cell, 14)),
    Column(key="last", title="LAST RUN", width=19, cell=draw.last_cell, sortable=True),
    Column(key="recent", title="LAST 12", width=12, cell=partial(draw.recent_cell, 12), priority=2),
    Column(key="next", title="NEXT RUN", width=12, cell=draw.next_cell, sortable=True),
)


class TasksPlace(Place):
    tab = "tasks"
    keys = "tasks"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(TASKS)]

    def body(self) -> Iterable[Widget]:
        self.table = LineTable[TaskView](
            COLUMNS,
            key=lambda view: view.task.id,
            sort="next",
            empty=(line(span("starting the engine: the tasks come with it", "dim")),),
            id="body",
        )
        yield self.table

    def reload(self) -> None:
        self._load()

    @work(exclusive=True, group="tasks")
    async def _load(self) -> None:
        page = await self.attempt(self.bridge.backend.tasks.list(TaskQuery(sort=TaskSort.NEXT, limit=200)))
        if page is None:
            return
        now, zone = self.bridge.now(), self.bridge.zone
        self.table.set_rows([TaskView(task, now, zone) for task in page.items], more=page.next_cursor is not None)
        self.say_title(("Tasks", f"{len(page.items)} of {page.total}"), (self.table.sort_words(),))

    def changed(self, change: Changed) -> None:
        if change.touches("task.", "execution.", "target."):
            self.reload()
