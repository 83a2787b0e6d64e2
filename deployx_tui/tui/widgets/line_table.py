"""A table on the Line API: it holds rows as they are and draws only what is seen, so 100,000 rows cost nothing.

It knows rows, columns, cursor and marks, and no screen: rows come a page at a time from whoever listens to
`NeedMore`, and what a key means is its listener's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import ClassVar, Generic, TypeAlias, TypeVar

from rich.style import Style
from textual import events
from textual.binding import BindingType

from deployx_tui.tui import theme
from deployx_tui.tui.render.line import BLANK, Line, Span, StyleName
from deployx_tui.tui.render.safe import SafeText
from deployx_tui.tui.widgets import table_messages
from deployx_tui.tui.widgets.base import LineWidget
from deployx_tui.tui.widgets.columns import Column, Layout
from deployx_tui.tui.widgets.marks import Marks
from deployx_tui.tui.widgets.row_lines import RowLines
from deployx_tui.tui.widgets.table_keys import TABLE_KEYS

Row = TypeVar("Row")

#: rows ahead of the cursor at which more are asked for
_AHEAD = 100
#: rows whose identities are measured when they come; the others when they come into view
_MEASURED = 500


class LineTable(LineWidget, Generic[Row], can_focus=True):
    """Rows under a header, a cursor, marks. One idea of a row's identity: `key`."""

    DEFAULT_CSS = "LineTable { height: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [*TABLE_KEYS]

    Moved: TypeAlias = table_messages.Moved
    Opened: TypeAlias = table_messages.Opened
    NeedMore: TypeAlias = table_messages.NeedMore
    MarksChanged: TypeAlias = table_messages.MarksChanged
    SortChanged: TypeAlias = table_messages.SortChanged

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        *,
        key: Callable[[Row], Hashable],
        whole: Callable[[Row, int], Line | None] | None = None,
        selectable: Callable[[Row], bool] | None = None,
        can_mark: bool = True,
        header: bool = True,
        empty: Sequence[Line] = (),
        sort: str | None = None,
        descending: bool = False,
        id: str | None = None,  # noqa: A002 - the framework's word
    ) -> None:
        """`whole` draws a row across all columns (a heading, a fold); None from it: by columns.

        `selectable` says on which rows the cursor may stand (default: all). `empty` is shown when there is
        no row: it says what to do next.
        """
        super().__init__(id=id)
        self._drawn = RowLines(columns, whole)
        self._key = key
        self._selectable = selectable
        self.can_mark = can_mark
        self._head = 1 if header else 0
        self._empty = tuple(empty)
        self.sort_key = sort
        self.descending = descending
        self._rows: list[Row] = []
        self._cursor = 0
        self._top = 0
        self._more = False
        self._asked = False
        self._marks = Marks(key)
        self._mark_anchor: int | None = None

    @property
    def columns(self) -> tuple[Column[Row], ...]:
        return self._drawn.columns

    # rows

    @property
    def rows(self) -> Sequence[Row]:
        return self._rows

    @property
    def row(self) -> Row | None:
        """Under the cursor; None: there is none."""
        return self._rows[self._cursor] if 0 <= self._cursor < len(self._rows) else None

    @property
    def cursor(self) -> int:
        return self._cursor

    def set_rows(self, rows: Iterable[Row], *, more: bool = False) -> None:
        """Show these instead. The cursor stays on its row when it is still there, else where it was."""
        before = self.row
        wanted = None if before is None else self._key(before)
        self._rows = list(rows)
        self._more, self._asked = more, False
        self._mark_anchor = None
        place = self._cursor
        if wanted is not None and not (0 <= place < len(self._rows) and self._key(self._rows[place]) == wanted):
            place = next((i for i, row in enumerate(self._rows) if self._key(row) == wanted), place)
        self._cursor = self._nearest(min(place, max(0, len(self._rows) - 1)), 1)
        self._marks.renew(self._rows)
        self._drawn.forget()
        self._measure(self._rows[:_MEASURED])
        self._follow()
        self._measure(self._in_view)
        self.refresh()
        after = self.row
        if before is None or after is None or before != after:
            self.post_message(self.Moved(self))

    def extend(self, rows: Iterable[Row], *, more: bool) -> None:
        """The next page."""
        was_empty = not self._rows
        self._rows.extend(rows)
        self._more, self._asked = more, False
        self._measure(self._in_view)
        if was_empty:
            self._cursor = self._nearest(0, 1)
            self.post_message(self.Moved(self))
        self.refresh()

    def replace(self, row: Row) -> bool:
        """Put a newer form of one row in its place; False when it is not shown."""
        key = self._key(row)
        for index, old in enumerate(self._rows):
            if self._key(old) == key:
                self._rows[index] = row
                self._marks.renew((row,))
                if self._measure(self._in_view):
                    self.refresh()
                self.refresh_row(index - self._top + self._head)
                if index == self._cursor:
                    self.post_message(self.Moved(self))
                return True
        return False

    def set_empty(self, lines: Sequence[Line]) -> None:
        """What stands where no row is."""
        self._empty = tuple(lines)
        if not self._rows:
            self.refresh()

    # cursor

    def move_to(self, index: int) -> None:
        """Put the cursor on a row (the nearest one that can be chosen)."""
        if not self._rows:
            return
        index = min(max(0, index), len(self._rows) - 1)
        index = self._nearest(index, 1 if index >= self._cursor else -1)
        before, self._cursor = self._cursor, index
        if before == index:
            return
        if self._follow():
            self._measure(self._in_view)
            self.refresh()
        else:
            self.refresh_row(before - self._top + self._head)
            self.refresh_row(index - self._top + self._head)
        self.post_message(self.Moved(self))
        if self._more and not self._asked and index >= len(self._rows) - _AHEAD:
            self._asked = True
            self.post_message(self.NeedMore(self))

    def move_to_key(self, key: Hashable) -> bool:
        """Put the cursor on the row of that identity; False when it is not loaded."""
        for index, row in enumerate(self._rows):
            if self._key(row) == key:
                self.move_to(index)
                return True
        return False

    def _nearest(self, index: int, direction: int) -> int:
        if self._selectable is None or not self._rows:
            return index
        for step in (direction, -direction):
            probe = index
            while 0 <= probe < len(self._rows):
                if self._selectable(self._rows[probe]):
                    return probe
                probe += step
        return index

    @property
    def _height(self) -> int:
        return max(1, self.size.height - self._head)

    def _follow(self) -> bool:
        """Scroll so that the cursor is seen; True when it scrolled."""
        top = self._top
        if self._cursor < top:
            # a heading above the first row comes into view with it
            top = 0 if self._selectable is not None and self._nearest(0, 1) == self._cursor else self._cursor
        elif self._cursor >= top + self._height:
            top = self._cursor - self._height + 1
        top = min(top, max(0, len(self._rows) - self._height))
        changed, self._top = top != self._top, top
        return changed

    @property
    def _in_view(self) -> Sequence[Row]:
        return self._rows[self._top : self._top + self._height]

    def _measure(self, rows: Sequence[Row]) -> bool:
        """Identities get the width of their widest row; True when one grew."""
        return self._drawn.measure(rows, self.size.width)

    def on_resize(self) -> None:
        self._follow()
        self._measure(self._in_view)
        # the first paint in the new size came before this: it shows the rows of the old one
        self.refresh()

    def on_focus(self) -> None:
        self.refresh_row(self._cursor - self._top + self._head)

    def on_blur(self) -> None:
        self.refresh_row(self._cursor - self._top + self._head)

    def action_cursor(self, by: int) -> None:
        self.move_to(self._cursor + by)

    def action_page(self, by: int) -> None:
        self.move_to(self._cursor + by * (self._height - 1 or 1))

    def action_edge(self, end: int) -> None:
        self.move_to(len(self._rows) - 1 if end > 0 else 0)

    def action_shift(self, by: int) -> None:
        if self._drawn.shift(by, self.size.width):
            self.refresh()

    def action_open(self) -> None:
        if self.row is not None:
            self.post_message(self.Opened(self))

    def action_wide(self) -> None:
        self._drawn.turn_wide()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        index = self._top + event.y - self._head
        if event.y < self._head or index >= len(self._rows):
            return
        if index == self._cursor:
            self.action_open()
        else:
            self.move_to(index)

    def on_mouse_scroll_down(self) -> None:
        self.move_to(self._cursor + 3)

    def on_mouse_scroll_up(self) -> None:
        self.move_to(self._cursor - 3)

    # marks

    @property
    def marked(self) -> tuple[Row, ...]:
        """Marked rows, in the order of marking; they stay marked while a filter hides them."""
        return self._marks.rows

    def chosen(self) -> tuple[Row, ...]:
        """What an act is about: the marked rows, else the one under the cursor, else nothing."""
        if self._marks:
            return self.marked
        return () if self.row is None else (self.row,)

    def mark_rows(self, rows: Iterable[Row]) -> None:
        """Mark these too."""
        self._marks.add(rows)
        self.refresh()
        self.post_message(self.MarksChanged(self))

    def clear_marks(self, keys: Iterable[Hashable] | None = None) -> None:
        """Clear all marks, or those of some rows."""
        self._marks.drop(keys)
        self._mark_anchor = None
        self.refresh()
        self.post_message(self.MarksChanged(self))

    def action_mark(self) -> None:
        row = self.row
        if row is None or not self.can_mark:
            return
        self._marks.toggle(row)
        self._mark_anchor = self._cursor
        self.refresh_row(self._cursor - self._top + self._head)
        self.post_message(self.MarksChanged(self))
        self.move_to(self._cursor + 1)

    def action_mark_range(self) -> None:
        """From where the last mark was set (else the first row that is seen) to the cursor."""
        if not self._rows or not self.can_mark:
            return
        anchor = self._top if self._mark_anchor is None else self._mark_anchor
        low, high = sorted((anchor, self._cursor))
        self._marks.add(row for row in self._rows[low : high + 1] if self._selectable is None or self._selectable(row))
        self._mark_anchor = self._cursor
        self.refresh()
        self.post_message(self.MarksChanged(self))

    def action_clear_marks(self) -> None:
        self.clear_marks()

    # sort

    def action_sort(self, by: int) -> None:
        keys = [column.key for column in self.columns if column.sortable]
        if not keys:
            return
        place = keys.index(self.sort_key) if self.sort_key in keys else 0
        self.sort_key = keys[(place + by) % len(keys)]
        self.refresh()
        self.post_message(self.SortChanged(self))

    def action_reverse(self) -> None:
        if not any(column.sortable for column in self.columns):
            return
        self.descending = not self.descending
        self.refresh()
        self.post_message(self.SortChanged(self))

    def sort_words(self) -> str:
        """`sort NEXT RUN ▴`, for a title; "" when the rows have one order only."""
        column = next((c for c in self.columns if c.key == self.sort_key), None)
        return "" if column is None else f"sort {column.title} {'▾' if self.descending else '▴'}"

    # drawing

    def layout_of(self, width: int) -> Layout[Row]:
        """The columns that are seen, with their widths."""
        return self._drawn.layout_of(width)

    def row_style(self, y: int) -> Style | None:
        if y < self._head or self._top + y - self._head != self._cursor or not self._rows:
            return None
        return theme.cursor_style(self.app.current_theme.name, theme.no_color())

    def line_at(self, y: int, width: int) -> Line:
        if y < self._head:
            return self._drawn.head(width)
        index = self._top + y - self._head
        if index < len(self._rows):
            row = self._rows[index]
            cursor: StyleName | None = None if index != self._cursor else "accent" if self.has_focus else "dim"
            return self._drawn.row(row, width, cursor=cursor, is_marked=row in self._marks)
        if not self._rows and y - self._head < len(self._empty):
            return (Span(SafeText("   ")), *self._empty[y - self._head])
        return BLANK


__all__ = ["Column", "LineTable"]
