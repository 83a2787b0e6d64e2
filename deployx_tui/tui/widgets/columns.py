"""Columns of a table, and which of them fit a width. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from deployx_tui.tui.render.line import Line
from deployx_tui.tui.render.safe import SafeText

Row = TypeVar("Row")

#: cells before the first column: cursor, mark, a space
GUTTER = 3
#: what a flexible column gets per share where the width does not count
_WIDE_SHARE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[Row]):
    """One column: where its text comes from, and how it gives way on a narrow screen."""

    key: str
    title: str
    #: cells; with `flex` the least
    width: int
    cell: Callable[[Row], SafeText | Line]
    #: share of the width that is left over
    flex: int = 0
    #: 0 stays always; of the others the highest goes first when the screen is narrow
    priority: int = 0
    align: str = "<"
    #: may be sorted by
    sortable: bool = False
    #: the key of a wider column that this one replaces where that one does not fit; "": none
    instead_of: str = ""


def full(columns: Sequence[Column[Row]]) -> tuple[tuple[Column[Row], int], ...]:
    """All of them, as wide as they like."""
    return tuple((c, c.width + c.flex * _WIDE_SHARE) for c in columns if not c.instead_of)


def arranged(columns: Sequence[Column[Row]], room: int) -> tuple[tuple[Column[Row], int], ...]:
    """Those that fit `room` cells: of the others, high priority numbers go first; flexible ones share what is left."""
    kept = [column for column in columns if not column.instead_of]
    while _needed(kept) > room:
        worst = max(kept, key=lambda column: column.priority)
        if worst.priority == 0:
            break
        kept.remove(worst)
    present = {column.key for column in kept}
    for column in columns:
        if column.instead_of and column.instead_of not in present:
            tried = [c for c in columns if c in kept or c is column]
            kept = tried if _needed(tried) <= room else kept
    spare = max(0, room - _needed(kept))
    shares = sum(column.flex for column in kept)
    return tuple((c, c.width + (spare * c.flex // shares if shares else 0)) for c in kept)


def _needed(columns: Sequence[Column[Row]]) -> int:
    return sum(column.width + 1 for column in columns) - 1
