"""Tasks: what is scheduled, what it did last, when it comes next."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from functools import partial
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.timer import Timer
from textual.widget import Widget

from deployx_tui.errors import DeployxError, NotFound, Unavailable
from deployx_tui.model.ids import TaskId
from deployx_tui.model.task import Task, TaskSort
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.filters import TaskFilter
from deployx_tui.tui.keymap import TASKS, bindings
from deployx_tui.tui.pace import Pace
from deployx_tui.tui.render import tasks as draw
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.render.safe import show
from deployx_tui.tui.render.schedule import schedule_words
from deployx_tui.tui.render.tasks import TaskView
from deployx_tui.tui.screens import task_acts
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.screens.task_reading import Listing
from deployx_tui.tui.screens.task_strip import TaskStrip
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.line_table import Column, LineTable

#: after events the order is read anew at most so often
REORDER = 1.0
#: and the tasks that changed are read at most so often
SOME_EVERY = 0.25
#: so many changed tasks are read one by one; more are a reason to read the list
FEW = 12

COLUMNS: tuple[Column[TaskView], ...] = (
    Column(key="state", title="", width=1, cell=draw.glyph_cell),
    Column(key="name", title="NAME", width=20, flex=1, cell=draw.name_cell, sortable=True, identity=True),
    Column(
        key="schedule",
        title="SCHEDULE",
        width=20,
        flex=1,
        cell=lambda view: show(schedule_words(view.task.draft.schedule)),
        within=draw.schedule_cell,
        priority=3,
    ),
    Column(
        key="targets",
        title="TARGETS",
        width=12,
        flex=1,
        cell=lambda view: show(draw.on_words(view.task)),
        within=draw.targets_cell,
    ),
    Column(key="last", title="LAST RUN", width=21, flex=8, most=44, cell=draw.last_cell, sortable=True),
    Column(key="recent12", title="LAST 12", width=12, cell=partial(draw.recent_cell, 12), priority=2),
    Column(key="recent6", title="LAST 6", width=6, cell=partial(draw.recent_cell, 6), instead_of="recent12"),
    Column(key="next", title="NEXT RUN", width=11, cell=draw.next_cell, sortable=True),
)

_BEGIN: tuple[Line, ...] = (
    line("No task yet."),
    line(""),
    line(span("n ", "key"), "makes the first one: what, on which devices, when"),
    line(span(": ", "key"), "run @web -- uptime   runs a command once, without a task"),
)


class TasksPlace(Place):
    tab = "tasks"
    keys = "tasks"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(TASKS)]
    DEFAULT_CSS = """
    TasksPlace #filter { display: none; margin-left: 1; }
    TasksPlace.-filtering #filter { display: block; }
    TasksPlace #detail { height: 17; }
    TasksPlace.-narrow #detail { height: 3; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._listing = Listing()
        self._reorder: Timer | None = None
        self._wanted: Hashable | None = None
        #: the task that the cursor stood on last
        self._last_here: TaskId | None = None
        self._changed_ids: set[TaskId] = set()
        self._some = Pace(self._read_some, SOME_EVERY)

    def body(self) -> Iterable[Widget]:
        self.table = LineTable[TaskView](
            COLUMNS,
            key=lambda view: view.task.id,
            sort="next",
            empty=(line(span("the tasks come with the engine", "dim")),),
            id="body",
        )
        yield Field(prompt="/ ", hint="words, !word, status:failed owner:alice on:web tag:prod", id="filter")
        yield self.table
        self.strip = TaskStrip(self.bridge, id="strip")
        yield self.strip

    @property
    def _field(self) -> Field:
        return self.query_one("#filter", Field)

    # reading

    def on_mount(self) -> None:
        super().on_mount()
        self._say()
        self.run_worker(self._some.run(), group="read")

    def reload(self) -> None:
        self._load()

    def _order(self) -> tuple[TaskSort, bool]:
        return TaskSort(self.table.sort_key or "next"), self.table.descending

    @work(exclusive=True, group="tasks")
    async def _load(self) -> None:
        sort, descending = self._order()
        try:
            await self._listing.read(self.bridge.backend, sort, descending=descending)
        except NotFound as error:
            self._listing.filter = TaskFilter(problem=str(error))
            self._say()
        except Unavailable:
            return  # the frame says it, and the return of the engine reads again
        except DeployxError as error:
            self.tell_error(error)
        else:
            self._draw()

    @work(exclusive=True, group="tasks-more")
    async def _load_more(self) -> None:
        sort, descending = self._order()
        more = await self.attempt(self._listing.read_more(self.bridge.backend, sort, descending=descending))
        if more is None:
            return
        self.table.extend(self._views(more), more=self._listing.has_more)
        self._say()

    async def _read_some(self) -> None:
        """Only what changed, in its place; the order follows a moment later."""
        ids, self._changed_ids = self._changed_ids, set()
        for task_id in ids if len(ids) <= FEW else ():
            try:
                task = await self._listing.read_one(self.bridge.backend, task_id)
            except DeployxError:
                return  # gone, or the engine is: reading the list will tell
            if task is not None:
                self.table.replace(self._view(task))

    def changed(self, change: Changed) -> None:
        if change.everything or change.touches("task.created", "task.deleted"):
            self.reload()
        elif change.touches("task.", "execution.", "target."):
            self._changed_ids |= change.tasks
            self._some.want()
            if self._reorder is None:
                self._reorder = self.set_timer(REORDER, self._reordered)
        if change.touches("device.", "group."):
            self.strip.read()

    def _reordered(self) -> None:
        waits = self._listing.is_loading
        self._reorder = self.set_timer(REORDER, self._reordered) if waits else None
        if self.bridge.is_up and not waits:
            self.reload()

    # drawing

    def _view(self, task: Task) -> TaskView:
        return TaskView(task, self.bridge.now(), self.bridge.zone)

    def _views(self, tasks: Sequence[Task]) -> list[TaskView]:
        now, zone = self.bridge.now(), self.bridge.zone
        return [TaskView(task, now, zone) for task in tasks]

    def _draw(self) -> None:
        no_fit = (line("No task fits the filter."), line(span("esc ", "key"), "clears it"))
        self.table.set_empty(no_fit if self._listing.is_filtered else _BEGIN)
        self._set_rows()
        if self._wanted is not None and self.table.move_to_key(self._wanted):
            self._wanted = None
        self._say()
        self.refresh_frame()

    def _set_rows(self) -> None:
        self.table.set_rows(self._views(self._listing.tasks), more=self._listing.has_more)

    def _say(self) -> None:
        listing = self._listing
        left = ["Tasks"]
        if listing.total is not None:
            left.append(f"{listing.total} of {listing.all}")
        if listing.only_failures:
            left.append("failures only")
        if listing.text:
            left.append(f"filter: {listing.text}")
        right = []
        marked = len(self.table.marked)
        if marked:
            right.append(f"{marked} marked")
        right.append(listing.filter.problem or self.table.sort_words())
        self.say_title(left, right, "warn" if listing.filter.problem else "")

    def tick(self) -> None:
        self._set_rows()
        self.strip.draw()

    def on_line_table_moved(self, message: LineTable.Moved) -> None:
        message.stop()
        if self.table.row is not None:
            self._last_here = self.table.row.task.id
        self.strip.show(self.task)

    def on_line_table_need_more(self, message: LineTable.NeedMore) -> None:
        message.stop()
        self._load_more()

    def on_line_table_marks_changed(self, message: LineTable.MarksChanged) -> None:
        message.stop()
        self._say()

    def on_line_table_sort_changed(self, message: LineTable.SortChanged) -> None:
        message.stop()
        self._say()
        self.reload()

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        message.stop()
        self.action_open_row()

    @property
    def task(self) -> Task | None:  # type: ignore[override]  # the message pump's own task is not asked for here
        view = self.table.row
        return None if view is None else view.task

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("run", "pause", "delete", "edit", "duplicate", "open_row", "history", "new"):
            there = self.bridge.is_up and (action == "new" or bool(self.table.chosen()))
            return there and not self._field.has_focus
        if action == "check":
            return self.bridge.is_up and task_acts.can_check(self.task) and not self._field.has_focus
        return super().check_action(action, parameters)

    def _chosen(self) -> tuple[Task, ...]:
        return tuple(view.task for view in self.table.chosen())

    def action_open_row(self) -> None:
        from deployx_tui.tui.screens.task_page import TaskPage  # noqa: PLC0415 - loaded when it is opened

        if (view := self.table.row) is not None:
            self.app.push_screen(TaskPage(view.task, self.strip.facts))

    def action_history(self) -> None:
        from deployx_tui.tui.screens.history import HistoryPlace  # noqa: PLC0415 - loaded when it is opened

        if (view := self.table.row) is not None:
            self.app.push_screen(HistoryPlace(view.task.id, view.task.name))

    def action_pane(self) -> None:
        if self.is_narrow:
            self.action_open_row()
        else:
            (self.table if self.strip.pane.has_focus else self.strip.pane).focus()

    def action_zone(self) -> None:
        own = self.strip.in_task_zone = not self.strip.in_task_zone
        self.tell("times of the detail are the task's own" if own else "times are yours again", "")
        self.strip.read()

    @work(group="act")
    async def action_run(self) -> None:
        await task_acts.run_now(self, self._chosen())
        self.table.clear_marks()

    @work(group="act")
    async def action_pause(self) -> None:
        await task_acts.pause_or_resume(self, self._chosen())

    @work(group="act")
    async def action_check(self) -> None:
        if (view := self.table.row) is not None:
            await task_acts.check(self, view.task)

    @work(group="act")
    async def action_delete(self) -> None:
        chosen = self._chosen()
        if await task_acts.delete(self, chosen):
            self.table.clear_marks([task.id for task in chosen])
            self.refresh_frame()

    def action_new(self) -> None:
        self._edit(None)

    def action_edit(self) -> None:
        if (view := self.table.row) is not None:
            self._edit(view.task)

    def action_duplicate(self) -> None:
        if (view := self.table.row) is not None:
            self._edit(None, view.task)

    def _edit(self, task: Task | None, like: Task | None = None) -> None:
        task_acts.edit(self, task, like, self.go_to)

    def go_to(self, key: Hashable) -> None:
        self._wanted = key

    async def act_on(self, verb: str, task: Task) -> None:
        """A command of the palette on one task."""
        self._wanted = task.id
        self.table.move_to_key(task.id)
        match verb:
            case "run":
                await task_acts.run_now(self, (task,))
            case "pause" | "resume":
                await task_acts.pause_or_resume(self, (task,))
            case "edit":
                self._edit(task)
            case "duplicate":
                self._edit(None, task)
            case "check":
                await task_acts.check(self, task)
            case "rm":
                await task_acts.delete(self, (task,))
            case _:
                self.reload()

    # filter

    def filter_by(self, text: str) -> None:
        self._field.set_value(text)
        self.set_class(bool(text), "-filtering")
        self._refilter(text)
        self.table.focus()

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self._field.focus()
        self._field.choose_all()

    def action_failures(self) -> None:
        self._listing.only_failures = not self._listing.only_failures
        self.reload()

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        self._refilter(message.field.value)

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        self.set_class(bool(self._listing.text), "-filtering")
        self.table.focus()

    def _refilter(self, text: str) -> None:
        if self._listing.text and not text.strip():
            self._wanted = self._last_here
        self._listing.ask(text)
        self._say()
        if self.bridge.is_up and not self._listing.filter.problem:
            self.reload()

    def out_word(self) -> str:
        if self._field.has_focus:
            return "esc clear"
        if self._listing.is_filtered:
            return "esc all"
        return super().out_word()

    def go_out(self) -> None:
        if self._field.has_focus or self._listing.is_filtered:
            self._listing.only_failures = False
            self.filter_by("")
        elif self.table.marked:
            self.table.clear_marks()
        elif not self.table.has_focus:
            self.table.focus()
        else:
            super().go_out()

    def copy_text(self) -> str:
        view = self.table.row if self.is_mounted and hasattr(self, "table") else None
        return "" if view is None else view.task.name
