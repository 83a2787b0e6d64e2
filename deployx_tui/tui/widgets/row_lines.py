"""A table's head and rows as lines: which columns are seen, how wide, and from which cell on.

It knows no cursor, no marks and no terminal; who draws a row says whether they stand on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from deployx_tui.tui.render.line import Line, Span, StyleName
from deployx_tui.tui.render.safe import SPACE, SafeText
from deployx_tui.tui.widgets.columns import (
    GUTTER,
    Column,
    Layout,
    Wants,
    arranged,
    cells_of,
    full,
    heads_of,
    shifted,
    wants_of,
)

Row = TypeVar("Row")

_CURSOR = SafeText("▌")
_MARK = SafeText("*")


class RowLines(Generic[Row]):
    """The columns of one table, as they are seen now."""

    def __init__(self, columns: Sequence[Column[Row]], whole: Callable[[Row, int], Line | None] | None = None) -> None:
        """`whole` draws a row across all columns; None from it: by columns."""
        self.columns = tuple(columns)
        self._whole = whole
        self._wants: Wants = {}
        #: all columns at full width, of which the first `_left` cells are not seen
        self._is_wide = False
        self._left = 0

    # widths

    def forget(self) -> None:
        """The rows are other ones: how wide their identities are is not known."""
        self._wants = {}

    def measure(self, rows: Iterable[Row], width: int) -> bool:
        """Identities get the width of their widest row; True when one grew."""
        before = self._wants
        by_columns = (row for row in rows if self._whole is None or self._whole(row, width) is None)
        self._wants = wants_of(self.columns, by_columns, before)
        return self._wants != before

    def layout_of(self, width: int) -> Layout[Row]:
        """The columns that are seen, with their widths."""
        if self._is_wide:
            return full(self.columns, self._wants)
        return arranged(self.columns, width - GUTTER, self._wants)

    def _full_width(self) -> int:
        return GUTTER + sum(size + 1 for _, size in full(self.columns, self._wants))

    def turn_wide(self) -> None:
        """All columns at full width, and back."""
        self._is_wide = not self._is_wide
        self._left = 0

    def shift(self, by: int, width: int) -> bool:
        """Where all columns are at full width: to the right or the left; True when it moved."""
        limit = max(0, self._full_width() - width) if self._is_wide else 0
        before, self._left = self._left, min(max(0, self._left + by), limit)
        return self._left != before

    # lines

    def head(self, width: int) -> Line:
        """The titles."""
        return self._seen((Span(SafeText("  ")), *heads_of(self.layout_of(self._room(width)))))

    def row(self, row: Row, width: int, *, cursor: StyleName | None, is_marked: bool) -> Line:
        """One row; `cursor` is how the cursor on it looks, None: it is elsewhere."""
        room = self._room(width)
        if self._whole is not None and (across := self._whole(row, room)) is not None:
            return self._seen(across if cursor is None else (Span(_CURSOR, "accent"), *shifted(across, 1)))
        here = Span(SPACE) if cursor is None else Span(_CURSOR, cursor)
        mark = Span(_MARK, "mark") if is_marked else Span(SPACE)
        return self._seen((here, mark, *cells_of(self.layout_of(room), row)))

    def _room(self, width: int) -> int:
        return max(width, self._full_width()) if self._is_wide else width

    def _seen(self, content: Line) -> Line:
        return shifted(content, self._left) if self._left else content
