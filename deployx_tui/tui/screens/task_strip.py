"""The strip below the tasks: the detail of the task under the cursor, in the viewer's zone or in the task's own."""

from __future__ import annotations

from collections.abc import Iterable

from textual import work
from textual.containers import Vertical
from textual.timer import Timer
from textual.widget import Widget

from deployx_tui.model.task import Task
from deployx_tui.tui.bridge import Bridge
from deployx_tui.tui.render import task_detail, task_layout
from deployx_tui.tui.render.task_detail import TaskFacts
from deployx_tui.tui.screens.task_facts import read_facts, zone_of
from deployx_tui.tui.widgets.base import Pane, TitleBar

#: the detail is read when the cursor rests so long
REST = 0.12


class TaskStrip(Vertical):
    """What is known of the task that was shown last."""

    DEFAULT_CSS = "TaskStrip { height: auto; }"

    def __init__(self, bridge: Bridge, *, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._bridge = bridge
        self._of: Task | None = None
        #: read for the task that the cursor rested on last
        self.facts: TaskFacts | None = None
        #: times are the task's own, not the viewer's
        self.in_task_zone = False
        self._rest: Timer | None = None
        self._title = TitleBar()
        self.pane = Pane(id="detail")

    def compose(self) -> Iterable[Widget]:
        yield from (self._title, self.pane)

    def show(self, task: Task | None) -> None:
        """Say what the row itself holds; read the rest when the cursor rests."""
        self._of = task
        self.draw()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self.read)

    @work(exclusive=True, group="detail")
    async def read(self) -> None:
        """Read it now."""
        if self._of is not None and self._bridge.is_up:
            facts = await read_facts(self._bridge, self._of, in_task_zone=self.in_task_zone)
            if facts is not None:
                self.facts = facts
        self.draw()

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Say it anew, with the time that it is now."""
        task, bridge = self._of, self._bridge
        if task is None:
            self._title.say(("",))
            self.pane.set_lines(())
            return
        facts = self.facts
        if facts is None or facts.task.id != task.id:
            zone, name = zone_of(bridge, task, in_task_zone=self.in_task_zone)
            missing = "" if bridge.is_up else "not read: the engine is not there"
            facts = TaskFacts(task=task, now=bridge.now(), zone=zone, zone_name=name, missing=missing)
        left, right = task_detail.detail_title(facts)
        width, is_narrow = self.size.width, self.screen.has_class("-narrow")
        self._title.say(left, right[:1] if is_narrow else right)
        if is_narrow:
            self.pane.set_lines(task_layout.strip(facts, width))
        else:
            self.pane.set_lines(task_layout.side_by_side(facts, width, max(1, self.pane.size.height)))
