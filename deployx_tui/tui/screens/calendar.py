"""Calendar: when is what. A month with heat per 3 hours or a week with counts beside the day under the cursor as a
list; that day alone; an agenda of the days from it on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from deployx_tui.errors import DeployxError
from deployx_tui.model.calendar import AgendaEntry, CalendarDay, Month
from deployx_tui.model.payload import CommandPayload
from deployx_tui.model.payload import Line as CommandLine
from deployx_tui.model.schedule import Once, Schedule
from deployx_tui.model.task import TaskDraft
from deployx_tui.model.words import counted
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.keymap import CALENDAR, bindings
from deployx_tui.tui.pace import Pace
from deployx_tui.tui.render import calendar as draw
from deployx_tui.tui.render.calendar import NARROW, WIDE, CalendarRow, DayRow, EntryRow
from deployx_tui.tui.render.line import line, span
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.base import Lines, TitleBar
from deployx_tui.tui.widgets.line_table import Column, LineTable
from deployx_tui.tui.widgets.month_grid import MonthGrid

#: seconds between two readings that events cause: a month's count is a look at every task
EVERY = 2.0
#: the cursor stands still for so long before its day is read
STILL = 0.1

#: days of the agenda
DAYS = 7

#: the whole row is drawn as a line; what stands here is the heading
COLUMNS: tuple[Column[CalendarRow], ...] = (
    Column(key="task", title="TIME  TASK", width=10, flex=1, cell=lambda row: draw.row_line(row, 10)),
    Column(key="targets", title="ON", width=3, cell=lambda row: draw.row_line(row, 3), align=">"),
)


class View(Enum):
    """What is seen of the calendar."""

    MONTH = "month"
    WEEK = "week"
    #: the day alone, over the whole screen
    DAY = "day"
    AGENDA = "agenda"

    @property
    def is_list(self) -> bool:
        return self in (View.DAY, View.AGENDA)


class CalendarPlace(Place):
    tab = "calendar"
    keys = "calendar"
    AUTO_FOCUS = "#month"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(CALENDAR)]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012 - the framework's attribute
    DEFAULT_CSS = """
    CalendarPlace #day { width: 1fr; }
    CalendarPlace #notes { height: auto; max-height: 5; }
    CalendarPlace.-narrow #panes { layout: vertical; }
    CalendarPlace.-narrow #day { width: 100%; height: 1fr; }
    CalendarPlace.-narrow #notes { display: none; }
    CalendarPlace.-list #month { display: none; }
    CalendarPlace.-list #day { width: 100%; max-width: 84; height: 1fr; }
    CalendarPlace.-list #notes { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._month: Month | None = None
        self._view = View.MONTH
        #: the grid that a list was opened from
        self._grid_view = View.MONTH
        self._entries: dict[date, tuple[AgendaEntry, ...]] = {}
        self._pace = Pace(self._read, EVERY)

    @property
    def today(self) -> date:
        return self.bridge.now().astimezone(self.bridge.zone).date()

    def body(self) -> Iterable[Widget]:
        self.grid = MonthGrid(self.today, id="month")
        self.table = LineTable[CalendarRow](
            COLUMNS,
            key=lambda row: row.key,
            whole=draw.row_line,
            selectable=lambda row: isinstance(row, EntryRow),
            can_mark=False,
            empty=(line(span("reading", "dim")),),
            id="entries",
        )
        with Vertical(id="body"), Horizontal(id="panes"):
            yield self.grid
            with Vertical(id="day"):
                yield TitleBar(id="day-title")
                yield self.table
                yield Lines(id="notes")

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._pace.run(), group="follow")

    # reading

    def reload(self) -> None:
        self._pace.want()

    def tick(self) -> None:
        self._show()

    def changed(self, change: Changed) -> None:
        if change.touches("task.", "execution."):
            self._pace.want()

    async def _read(self) -> None:
        if self.bridge.is_up:
            await self._read_month()
            await self._read_entries()

    async def _read_month(self) -> None:
        day = self.grid.cursor
        try:
            self._month = await self.bridge.backend.calendar.month(day.year, day.month, str(self.bridge.zone))
        except DeployxError as error:
            if self.bridge.is_up:
                self.tell_error(error)
            return
        self._show()

    @property
    def _days(self) -> tuple[date, ...]:
        """The days of the list."""
        here = self.grid.cursor
        return tuple(here + timedelta(days=at) for at in range(DAYS if self._view is View.AGENDA else 1))

    async def _read_entries(self) -> None:
        days, found = self._days, dict[date, tuple[AgendaEntry, ...]]()
        try:
            for day in days:
                found[day] = await self.bridge.backend.calendar.day(day, str(self.bridge.zone))
        except DeployxError as error:
            if self.bridge.is_up:
                self.tell_error(error)
            return
        fresh = tuple(self._entries) != days
        self._entries = found
        self._show()
        if fresh:
            # what comes next stands near the top, with a little of what was
            rows, now = self.table.rows, self.bridge.now()
            at = next(
                (i for i, row in enumerate(rows) if isinstance(row, EntryRow) and row.entry.at >= now), len(rows) - 1
            )
            for place in (len(rows), at - 4, at):
                self.table.move_to(place)

    # showing

    @property
    def day_here(self) -> CalendarDay | None:
        if self._month is None:
            return None
        return next((day for day in self._month.days if day.day == self.grid.cursor), None)

    def _show(self) -> None:
        month, here = self._month, self.grid.cursor
        is_wide = self.size.width >= 118 and self.has_class("-tall")
        self.set_class(self._view.is_list, "-list")
        self.grid.choose_grid(WIDE if is_wide else NARROW, as_week=self._view is View.WEEK)
        self.grid.show(month, self.today)
        name = f"{here:%B} {here.year}"
        right = () if month is None or self._view.is_list else (draw.legend_words(month, short=self.is_narrow),)
        self.say_title((name,) if self.is_narrow else ("Calendar", name, self._view.value, "all tasks"), right)
        self._show_list()
        self.refresh_frame()

    def _show_list(self) -> None:
        days, now, zone, today = self._days, self.bridge.now(), self.bridge.zone, self.today
        is_read = tuple(self._entries) == days
        rows: list[CalendarRow] = []
        for day in days if is_read else ():
            if self._view is View.AGENDA:
                rows.append(DayRow(day, today, sum(entry.count for entry in self._entries[day])))
            rows += [EntryRow(entry, now, zone) for entry in self._entries[day]]
        self.table.set_rows(rows)
        self.table.set_empty((line(span("nothing runs on this day" if is_read else "reading", "dim")),))
        bar, notes = self.query_one("#day-title", TitleBar), self.query_one("#notes", Lines)
        here, day_here = days[0], self.day_here
        if day_here is None or self._view is View.AGENDA:
            notes.set_lines(())
        else:
            notes.set_lines(draw.day_notes(day_here, today))
        if self._view is View.AGENDA:
            count = sum(row.runs for row in rows if isinstance(row, DayRow))
            last = days[-1]
            words = f"{here:%a} {here.day} {here:%b} to {last:%a} {last.day} {last:%b}"
            bar.say((words,), (counted(count, "run"),) if is_read else ())
        elif day_here is None:
            bar.say((f"{here:%a} {here.day} {here:%b}",))
        else:
            title, runs = draw.day_title(day_here)
            more = (day_here.clock_change,) if day_here.clock_change and self.is_narrow else ()
            bar.say((title, *more), (runs,))

    def on_resize(self) -> None:
        self._show()

    # keys

    def on_month_grid_moved(self, message: MonthGrid.Moved) -> None:
        message.stop()
        self._show()
        self._follow_cursor()

    @work(exclusive=True, group="day")
    async def _follow_cursor(self) -> None:
        await asyncio.sleep(STILL)
        if not self.bridge.is_up:
            return
        here = self.grid.cursor
        if self._month is None or (here.year, here.month) != (self._month.year, self._month.month):
            await self._read_month()
        await self._read_entries()

    def on_month_grid_opened(self, message: MonthGrid.Opened) -> None:
        message.stop()
        self.action_enter()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "enter":
                return bool(self.table.rows) or not self.table.has_focus
            case "view":
                # the key of the view that is seen does nothing
                return parameters != (self._view.value,)
            case "pane":
                return not self._view.is_list
            case "new":
                return self.bridge.is_up and self.grid.cursor >= self.today
            case "today":
                return self.grid.cursor != self.today
            case _:
                return super().check_action(action, parameters)

    def action_view(self, name: str) -> None:
        """Month, week, day or agenda."""
        view = View(name)
        if not view.is_list:
            self._grid_view = view
        self._view = view
        self._show()
        (self.table if view.is_list else self.grid).focus()
        self._follow_cursor()

    def action_turn(self, by: int) -> None:
        """A month, a week, a day: as much as is seen, back or on."""
        here = self.grid.cursor
        if self._view is not View.MONTH:
            self.grid.move_to(here + by * timedelta(days=1 if self._view is View.DAY else 7))
            return
        first = here.replace(day=1)
        there = (first + timedelta(days=31 if by > 0 else -1)).replace(day=1)
        last = (there + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        self.grid.move_to(there.replace(day=min(here.day, last.day)))

    def action_today(self) -> None:
        self.grid.move_to(self.today)

    def action_new(self) -> None:
        from deployx_tui.tui.screens.editor import Editor  # noqa: PLC0415 - loaded when it is opened

        draft = TaskDraft(
            name="",
            schedule=Schedule(recurrence=Once(self._new_at()), zone=str(self.bridge.zone)),
            payload=CommandPayload(body=CommandLine("")),
        )
        self.app.push_screen(Editor(None, draft=draft))

    def _new_at(self) -> datetime:
        """The time under the list's cursor; else the next full hour of today, or nine in the morning."""
        row, here, zone = self.table.row, self.grid.cursor, self.bridge.zone
        now = self.bridge.now()
        if self.table.has_focus and isinstance(row, EntryRow) and row.entry.at > now:
            return row.entry.at
        if here == self.today:
            return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return datetime.combine(here, time(9), tzinfo=zone).astimezone(UTC)

    def action_pane(self) -> None:
        (self.grid if self.table.has_focus else self.table).focus()

    def action_enter(self) -> None:
        if self.table.has_focus:
            self._open()
        elif self.is_narrow:
            # beside the month there is room for a few rows only: the day becomes a page
            self.action_view(View.DAY.value)
        else:
            self.table.focus()

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        message.stop()
        self._open()

    @work(group="act", exclusive=True)
    async def _open(self) -> None:
        row = self.table.row
        if not isinstance(row, EntryRow):
            return
        if row.entry.execution_id is not None:
            from deployx_tui.tui.screens.execution import ExecutionPlace  # noqa: PLC0415 - loaded when it is opened

            self.app.push_screen(ExecutionPlace(row.entry.execution_id))
        elif row.entry.task_id is not None:
            from deployx_tui.tui.screens.task_page import TaskPage  # noqa: PLC0415 - loaded when it is opened

            task = await self.attempt(self.bridge.backend.tasks.get(row.entry.task_id))
            if task is not None:
                self.app.push_screen(TaskPage(task))

    def can_go_out(self) -> bool:
        return self._view.is_list or self.table.has_focus or super().can_go_out()

    def go_out(self) -> None:
        if self._view.is_list:
            self.action_view(self._grid_view.value)
        elif self.table.has_focus:
            self.grid.focus()
        else:
            super().go_out()

    def copy_text(self) -> str:
        row = self.table.row
        return row.entry.task_name if isinstance(row, EntryRow) else ""
