"""History: what happened, where and why. Good runs are folded into counted lines; what wants a person stands out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from deployx_tui.errors import DeployxError
from deployx_tui.model.execution import Execution, ExecutionQuery, ExecutionStatus
from deployx_tui.model.ids import DeviceId, ExecutionId, TaskId
from deployx_tui.model.words import counted
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.keymap import HISTORY, bindings
from deployx_tui.tui.pace import Pace
from deployx_tui.tui.render import history as draw
from deployx_tui.tui.render.history import FAILURES, FoldRow, HistoryRow, RunRow, rows_of
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.run_filter import RunFilter, parse_run_filter
from deployx_tui.tui.screens.run_acts import RunActs
from deployx_tui.tui.screens.run_strip import RunStrip
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.line_table import Column, LineTable

#: runs that one call asks for
PAGE = 300
#: rows that are loaded before the first is shown, as far as so many runs fill them
_FILL_ROWS, _FILL_RUNS = 60, 3000
#: seconds between two readings that events cause
EVERY = 0.5
#: the filter is applied when nothing was typed for so long
STILL = 0.12

COLUMNS: tuple[Column[HistoryRow], ...] = (
    Column(key="state", title="", width=1, cell=draw.glyph_cell),
    Column(key="run", title="RUN", width=6, cell=draw.number_cell),
    Column(key="task", title="TASK", width=16, flex=2, cell=draw.task_cell, identity=True),
    Column(key="by", title="STARTED BY", width=14, cell=draw.by_cell, priority=3),
    Column(key="started", title="STARTED", width=8, cell=draw.started_cell),
    Column(key="took", title="TOOK", width=6, cell=draw.took_cell, align=">", priority=1),
    Column(key="word", title=" STATE", width=10, cell=lambda row: (span(" "), *draw.state_cell(row))),
    Column(key="targets", title="TARGETS", width=7, cell=draw.targets_cell, align=">"),
    Column(key="why", title=" WHY", width=10, flex=3, cell=lambda row: (span(" "), *draw.why_cell(row))),
)


class HistoryPlace(RunActs):
    """All executions, newest first, a page at a time."""

    tab = "history"
    keys = "history"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(HISTORY)]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - the framework's attribute
    DEFAULT_CSS = """
    HistoryPlace #filter { display: none; margin: 0 0 0 1; }
    HistoryPlace.-short RunStrip Lines { height: 3; }
    """

    def __init__(self, task: TaskId | None = None, task_name: str = "") -> None:
        """With `task` only that task's runs."""
        super().__init__()
        self._of_task, self._of_name = task, task_name
        self._runs: list[Execution] = []
        self._is_read = False
        self._cursor: str | None = None
        self._total: int | None = None
        self._days: dict[date, tuple[tuple[ExecutionStatus, int], ...]] = {}
        self._opened: frozenset[ExecutionId] = frozenset()
        self._fold = True
        self._failures = False
        self._filter = RunFilter()
        self._device: DeviceId | None = None
        self._touched: set[ExecutionId] = set()
        #: other runs are asked for than those that are shown
        self._is_refiltered = False
        self._pace = Pace(self._follow, EVERY)

    def body(self) -> Iterable[Widget]:
        self.table = LineTable[HistoryRow](
            COLUMNS,
            key=lambda row: row.key,
            whole=self._across,
            selectable=lambda row: not isinstance(row, draw.DayHead),
            can_mark=False,
            empty=(line(span("the history comes with the engine", "dim")),),
            id="runs",
        )
        with Vertical(id="body"):
            yield self.table
            yield Field(prompt="/", hint="words, !word, status:failed, on:web01", id="filter")
            self.strip = RunStrip(self.bridge, id="strip")
            yield self.strip

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._pace.run(), group="follow")
        self.table.focus()

    def _across(self, row: HistoryRow, width: int) -> Line | None:
        at = 3
        for column, size in self.table.layout_of(width):
            if column.key == "started":
                break
            at += size + 1
        return draw.across(row, width, at)

    # reading

    def reload(self) -> None:
        self._load()

    def tick(self) -> None:
        self._show()

    def changed(self, change: Changed) -> None:
        if change.everything:
            self.reload()
        elif change.touches("execution.", "target."):
            self._touched |= change.executions
            self._pace.want()

    def _query(self, cursor: str | None = None) -> ExecutionQuery:
        statuses = self._filter.statuses
        if self._failures:
            statuses = (statuses & FAILURES) or FAILURES
        return ExecutionQuery(
            task_id=self._of_task,
            device_id=self._device,
            statuses=statuses,
            text=self._filter.text,
            limit=PAGE,
            cursor=cursor,
        )

    @work(exclusive=True, group="history")
    async def _load(self) -> None:
        """The newest runs, until the screen is full of rows."""
        page = await self.attempt(self.bridge.backend.executions.list(self._query()))
        if page is None:
            return
        runs, cursor, total = list(page.items), page.next_cursor, page.total
        while cursor is not None and len(runs) < _FILL_RUNS and len(self._rows(runs)) < _FILL_ROWS:
            page = await self.attempt(self.bridge.backend.executions.list(self._query(cursor)))
            if page is None:
                break
            runs += page.items
            cursor = page.next_cursor
        self._runs, self._cursor, self._total = runs, cursor, total
        self._is_read = True
        await self._count_days()
        refiltered, self._is_refiltered = self._is_refiltered, False
        before = self.run_here
        self._show()
        if refiltered:
            self._stay_on(before)

    def _stay_on(self, run: Execution | None) -> None:
        """The cursor on a run, or on the fold that holds it; on the newest row where it is not shown."""
        rows = self.table.rows
        here = (
            index
            for index, row in enumerate(rows)
            if run is not None
            and (
                (isinstance(row, RunRow) and row.run.id == run.id)
                or (isinstance(row, FoldRow) and any(each.id == run.id for each in row.runs))
            )
        )
        self.table.move_to(next(here, 0))

    async def _load_more(self) -> None:
        if self._cursor is None:
            return
        page = await self.attempt(self.bridge.backend.executions.list(self._query(self._cursor)))
        if page is not None:
            self._runs += page.items
            self._cursor = page.next_cursor
            await self._count_days()
        self._show()

    async def _follow(self) -> None:
        """Read what events touched: the newest page, and older rows by their ids."""
        touched, self._touched = self._touched, set()
        if not self.bridge.is_up:
            return
        try:
            page = await self.bridge.backend.executions.list(self._query())
            newest = {run.id for run in page.items}
            shown = {run.id for run in self._runs}
            older = [await self.bridge.backend.executions.get(one) for one in sorted(touched & (shown - newest))]
        except DeployxError:
            return  # the frame tells of a lost engine, and its return reads everything again
        if page.items and page.items[-1].id not in shown and page.next_cursor is not None:
            self.reload()  # more is new than a page holds
            return
        fresh = {run.id: run for run in self._runs}
        fresh.update({run.id: run for run in (*older, *page.items)})
        statuses = self._query().statuses
        kept = [run for run in fresh.values() if run.id in newest or not statuses or run.status in statuses]
        self._runs = sorted(kept, key=lambda run: (run.created_at, run.id), reverse=True)
        self._total = page.total
        await self._count_days()
        self._show()
        self.strip.show(self.table.row)

    async def _count_days(self) -> None:
        """Whole days are counted by the engine; a filtered list says nothing of whole days."""
        if self._is_filtered or not self._runs:
            self._days = {}
            return
        zone = self.bridge.zone
        newest, oldest = (self._runs[at].created_at.astimezone(zone).date() for at in (0, -1))
        month, counts = oldest.replace(day=1), dict(self._days)
        while month <= newest:
            # a past month that was counted stays; the newest one changes
            following = (month + timedelta(days=32)).replace(day=1)
            if following > newest or month not in counts:
                try:
                    found = await self.bridge.backend.calendar.month(month.year, month.month, str(zone))
                except DeployxError:
                    return
                counts.update({day.day: day.done for day in found.days if day.day.month == month.month})
            month = following
        self._days = counts

    @property
    def _is_filtered(self) -> bool:
        query = self._query()
        return bool(query.task_id or query.device_id or query.statuses or query.text)

    # showing

    def _rows(self, runs: Sequence[Execution]) -> list[HistoryRow]:
        return rows_of(
            runs,
            now=self.bridge.now(),
            zone=self.bridge.zone,
            day_counts=self._days,
            fold=self._fold,
            opened=self._opened,
        )

    def _show(self) -> None:
        self.table.set_rows(self._rows(self._runs), more=self._cursor is not None)
        self.table.set_empty(self._empty())
        self._say()
        self.refresh_frame()

    def _empty(self) -> tuple[Line, ...]:
        if not self._is_read:
            return (line(span("the history comes with the engine", "dim")),)
        if self._is_filtered:
            return (line(span("no run fits. "), span("esc", "key"), span(" in the filter line clears it")),)
        return (
            line(span("nothing ran yet. ")),
            line(span("x", "key"), span(" on a task runs it now; the schedule does the rest")),
        )

    def _say(self) -> None:
        words = ["History"]
        if self._of_task is not None:
            words.append(self._of_name)
        count = self._total if self._total is not None else None if self._cursor else len(self._runs)
        if not self._is_read:
            count = None
        if count is not None:
            words.append(f"{counted(count, 'run')}")
        elif self._runs:
            words.append(f"the newest {counted(len(self._runs), 'run')}")
        if not self.is_narrow and self._runs:
            words.append(f"since {_day_and_time(self._runs[-1].created_at.astimezone(self.bridge.zone))}")
        asked = self.query_one("#filter", Field).value
        if self._failures:
            words.append("! failures only")
        words.append(f"filter: {asked or 'none'}")
        right = ["good runs folded" if self._fold else "every run shown", "newest first"]
        self.say_title(words, right[:1] if self.is_narrow else right)

    @property
    def run_here(self) -> Execution | None:
        row = self.table.row
        return row.run if isinstance(row, RunRow) else None

    def on_line_table_moved(self, message: LineTable.Moved) -> None:
        message.stop()
        self.strip.show(self.table.row)
        self.refresh_frame()

    def on_resize(self) -> None:
        self._say()

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "fold":
            return bool(self._runs)
        return super().check_action(action, parameters)

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        message.stop()
        self.action_open_run()

    def action_open_run(self) -> None:
        row = self.table.row
        if isinstance(row, FoldRow):
            self._opened |= {row.runs[-1].id}
            first = row.runs[0].id
            self._show()
            self.table.move_to_key(first)
        elif isinstance(row, RunRow):
            self.open_execution(row.run.id, row.run)

    def on_line_table_need_more(self, message: LineTable.NeedMore) -> None:
        message.stop()
        self.run_worker(self._load_more(), group="history")

    def action_fold(self) -> None:
        self._fold, self._opened = not self._fold, frozenset()
        self._show()

    def action_failures(self) -> None:
        self._failures = not self._failures
        self._is_refiltered = True
        self.reload()

    def action_filter(self) -> None:
        field = self.query_one("#filter", Field)
        field.display = True
        field.focus()
        field.choose_all()

    def filter_by(self, text: str) -> None:
        field = self.query_one("#filter", Field)
        field.set_value(text)
        field.display = bool(text)
        self._apply(text)

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        self._apply(message.field.value)

    @work(exclusive=True, group="filter")
    async def _apply(self, text: str) -> None:
        await asyncio.sleep(STILL)
        asked = parse_run_filter(text)
        device: DeviceId | None = None
        if asked.on is not None:
            try:
                device = (await self.bridge.backend.devices.find(asked.on)).id
            except DeployxError as error:
                self.tell(str(error), "warn")
                return
        if asked.problem:
            self.tell(asked.problem, "warn")
        self._filter, self._device = asked, device
        self._is_refiltered = True
        self.reload()

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        message.field.display = bool(message.field.value)
        self.table.focus()

    def can_go_out(self) -> bool:
        return self.query_one("#filter", Field).display or super().can_go_out()

    def go_out(self) -> None:
        field = self.query_one("#filter", Field)
        if field.display:
            self.filter_by("")
            self.table.focus()
        else:
            super().go_out()

    def copy_text(self) -> str:
        run = self.run_here
        return "" if run is None else f"#{run.id} {run.task_name}: {run.error_message or run.status.value}"


def _day_and_time(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b} {at:%H:%M}"
