"""A month, or a week of it, that one moves over by days. It knows no screen: it says on which day the cursor is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from deployx_tui.model.calendar import Month
from deployx_tui.tui.render import week
from deployx_tui.tui.render.calendar import WIDE, Grid, month_lines
from deployx_tui.tui.render.line import BLANK, Line, span
from deployx_tui.tui.widgets.base import LineWidget

#: until the month is read
_UNREAD: tuple[Line, ...] = ((span("   reading the month", "dim"),),)


class MonthGrid(LineWidget, can_focus=True):
    """The days of a month; the cursor may leave it, and then another month is wanted."""

    DEFAULT_CSS = "MonthGrid { height: auto; width: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", show=False),
        Binding("right,l", "step(1)", show=False),
        Binding("up,k", "step(-7)", show=False),
        Binding("down,j", "step(7)", show=False),
        Binding("enter", "open", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another day."""

        def __init__(self, grid: MonthGrid) -> None:
            super().__init__()
            self.grid = grid

        def can_replace(self, message: Message) -> bool:
            return type(message) is MonthGrid.Moved

    class Opened(Moved):
        """Enter, or a second click, on a day."""

        def can_replace(self, message: Message) -> bool:
            return False

    def __init__(self, today: date, *, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self.today = today
        self.cursor = today
        self.month: Month | None = None
        self.grid = WIDE
        #: one week with its hours, not the whole month
        self.as_week = False
        self._lines = _UNREAD

    def show(self, month: Month | None, today: date) -> None:
        resized = month is None or self.month is None or len(month.days) != len(self.month.days)
        self.month, self.today = month, today
        self._draw(layout=resized)

    def choose_grid(self, grid: Grid, *, as_week: bool = False) -> None:
        if (grid, as_week) != (self.grid, self.as_week):
            self.grid, self.as_week = grid, as_week
            self._draw(layout=True)

    def move_to(self, day: date) -> None:
        if day != self.cursor:
            self.cursor = day
            self._draw(layout=False)
            self.post_message(self.Moved(self))

    def _draw(self, *, layout: bool) -> None:
        month = self.month
        lines = week.week_lines if self.as_week else month_lines
        self._lines = _UNREAD if month is None else lines(month, self.cursor, self.today, self.grid)
        self.refresh(layout=layout)

    def get_content_width(self, container: object, viewport: object) -> int:
        return self.grid.width

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        if self.as_week:
            return week.height(self.grid)
        weeks = 6 if self.month is None else len(self.month.days) // 7
        return self.grid.height(weeks)

    def line_at(self, y: int, width: int) -> Line:
        return self._lines[y] if y < len(self._lines) else BLANK

    def action_step(self, days: int) -> None:
        self.move_to(self.cursor + timedelta(days=days))

    def action_open(self) -> None:
        self.post_message(self.Opened(self))

    def on_click(self, event: events.Click) -> None:
        day = self._day_at(event.x, event.y)
        if day is None:
            return
        if day == self.cursor:
            self.action_open()
        else:
            self.move_to(day)

    def _day_at(self, x: int, y: int) -> date | None:
        if self.month is None:
            return None
        if self.as_week:
            days = week.week_of(self.month, self.cursor)
            index = (x - week.HOURS) // (week.cell_of(self.grid) + 1)
        else:
            days, row = self.month.days, self.grid.week_at(y)
            index = -1 if row is None else row * 7 + min(6, x // (self.grid.cell + 1))
        return days[index].day if 0 <= index < len(days) else None
