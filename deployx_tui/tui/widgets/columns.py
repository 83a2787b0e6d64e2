"""Columns of a table, which of them fit a width, and a row drawn by them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeAlias, TypeVar

from deployx_tui.tui.render.line import Line, Span, fit_line, width_of
from deployx_tui.tui.render.safe import EMPTY, SPACE, SafeText, cells, fit, show

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
    #: cells that its share of the rest makes of it at most; None: no bound
    most: int | None = None
    #: 0 stays always; of the others the highest goes first when the screen is narrow
    priority: int = 0
    align: str = "<"
    #: may be sorted by
    sortable: bool = False
    #: instead of `cell`, where what it says depends on the width that it got
    within: Callable[[Row, int], SafeText | Line] | None = None
    #: the key of a wider column that this one replaces where that one does not fit; "": none
    instead_of: str = ""
    #: what a row is known by: columns of a lower rank go before it is cut
    identity: bool = False


#: the widest cell of each identity that was seen, by the column's key
Wants: TypeAlias = Mapping[str, int]
_NOTHING: Wants = MappingProxyType({})
#: an identity that is longer is cut behind an ellipsis: one long name must not cost all rows their other columns
_LONGEST = 40

#: the columns that are seen, with their widths
Layout: TypeAlias = tuple[tuple[Column[Row], int], ...]


def full(columns: Sequence[Column[Row]], wants: Wants = _NOTHING) -> Layout[Row]:
    """All of them, as wide as they like."""
    return tuple((c, _least(c, wants) + c.flex * _WIDE_SHARE) for c in columns if not c.instead_of)


def wants_of(columns: Sequence[Column[Row]], rows: Iterable[Row], before: Wants = _NOTHING) -> Wants:
    """How wide the identities of these rows are, and of those `before`."""
    named = [column for column in columns if column.identity]
    widest = {column.key: max(before.get(column.key, 0), len(column.title)) for column in named}
    for row in rows:
        for column in named:
            content = column.cell(row)
            size = cells(content) if isinstance(content, str) else width_of(content)
            widest[column.key] = max(widest[column.key], min(size, _LONGEST))
    return widest


def arranged(columns: Sequence[Column[Row]], room: int, wants: Wants = _NOTHING) -> Layout[Row]:
    """Those that fit `room` cells: of the others, high priority numbers go first; flexible ones share what is left.

    Where those that always stay do not fit, the widest identities give way to their least widths.
    """
    kept = [column for column in columns if not column.instead_of]
    while _needed(kept, wants) > room:
        worst = max(kept, key=lambda column: column.priority)
        if worst.priority == 0:
            break
        kept.remove(worst)
    present = {column.key for column in kept}
    for column in columns:
        if column.instead_of and column.instead_of not in present:
            tried = [c for c in columns if c in kept or c is column]
            kept = tried if _needed(tried, wants) <= room else kept
    sizes = {column.key: _least(column, wants) for column in kept}
    spare = room - _needed(kept, wants)
    while spare < 0 and (wide := max(kept, key=lambda c: sizes[c.key] - c.width)) and sizes[wide.key] > wide.width:
        sizes[wide.key] -= 1
        spare += 1
    # an identity that is whole leaves the rest to what tells more in more room
    open_ended = [column for column in kept if column.flex and not wants.get(column.key)]
    shares = {column.key: column.flex for column in open_ended or kept}
    for column in kept:
        if column.most is not None and shares.get(column.key):
            wanted = sizes[column.key] + max(0, spare) * shares[column.key] // sum(shares.values())
            if wanted > column.most:
                spare -= max(0, column.most - sizes[column.key])
                sizes[column.key] = max(column.most, sizes[column.key])
                del shares[column.key]
    total = sum(shares.values())
    return tuple((c, sizes[c.key] + (max(0, spare) * shares.get(c.key, 0) // total if total else 0)) for c in kept)


def _least(column: Column[Row], wants: Wants) -> int:
    return max(column.width, wants.get(column.key, 0))


def _needed(columns: Sequence[Column[Row]], wants: Wants) -> int:
    return sum(_least(column, wants) + 1 for column in columns) - 1


def heads_of(layout: Layout[Row]) -> Line:
    """The titles, each in its width behind a space."""
    parts: list[Span] = []
    for column, size in layout:
        parts += (Span(SPACE), Span(fit(show(column.title), size, column.align), "head"))
    return tuple(parts)


def cells_of(layout: Layout[Row], row: Row) -> Line:
    """What each column says of the row, each in its width behind a space."""
    parts: list[Span] = []
    for column, size in layout:
        parts.append(Span(SPACE))
        content = column.cell(row) if column.within is None else column.within(row, size)
        if isinstance(content, str):
            parts.append(Span(fit(content, size, column.align)))
        elif column.align == ">" and (length := width_of(content)) < size:
            parts.extend((Span(fit(EMPTY, size - length)), *content))
        else:
            parts.extend(fit_line(content, size))
    return tuple(parts)


def shifted(content: Line, by: int) -> Line:
    """Without its first `by` cells."""
    kept: list[Span] = []
    for part in content:
        size = cells(part.text)
        if by >= size:
            by -= size
            continue
        kept.append(Span(SafeText(part.text[by:]), part.style) if by else part)
        by = 0
    return tuple(kept)
