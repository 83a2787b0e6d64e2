"""A week as seven columns of 3 hours each, with counts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from deployx_tui.model.calendar import CalendarDay, Month
from deployx_tui.tui.render.calendar import BINS, Grid, outcome_line, scale_of, short_note
from deployx_tui.tui.render.line import Line, Span, StyleName, fit_line, span, spread

#: cells of the hours at the left end
HOURS = 5


def week_of(month: Month, day: date) -> tuple[CalendarDay, ...]:
    """Monday to Sunday around a day of the month; () when the month does not hold it."""
    at = next((index for index, each in enumerate(month.days) if each.day == day), None)
    return () if at is None else month.days[at - at % 7 : at - at % 7 + 7]


def cell_of(grid: Grid) -> int:
    """Cells of a day, in the width that a month has."""
    return (grid.width - HOURS - 1) // 7 - 1


def height(grid: Grid) -> int:
    return 2 + BINS + (3 if grid.ruled else 0)


def week_lines(month: Month, cursor: date, today: date, grid: Grid) -> tuple[Line, ...]:
    """Head, totals, eight rows of 3 hours; where there is room also how the runs of each day ended."""
    days, size, scale = week_of(month, cursor), cell_of(grid), scale_of(month)
    if not days:
        return ()
    rule = "─" * HOURS + "┼" + "┼".join(["─" * size] * 7) + "┤"
    made = [_row("", [_head(day, cursor, today, size) for day in days], grid)]
    made.append(_row("", [_total(day, size) for day in days], grid))
    if grid.ruled:
        made.append(fit_line((span(rule, "dim"),), grid.width))
    for index in range(BINS):
        cells = [_bin(day, index, scale.mark(day.bins[index]), today, size) for day in days]
        made.append(_row(f"{index * 3:02d}-{index * 3 + 3:02d}", cells, grid))
    if grid.ruled:
        made.append(fit_line((span(rule, "dim"),), grid.width))
        made.append(_row("", [fit_line((span(" "), *outcome_line(day, size - 1)), size) for day in days], grid))
    return tuple(made)


def _row(hours: str, cells: Sequence[Line], grid: Grid) -> Line:
    parts: list[Span] = [span(hours.ljust(HOURS), "dim")]
    for cell in cells:
        parts.append(span("│", "dim"))
        parts.extend(cell)
    return fit_line((*parts, span("│", "dim")), grid.width)


def _head(day: CalendarDay, cursor: date, today: date, size: int) -> Line:
    here = day.day == cursor
    words = f"{day.day:%a} {day.day.day}"
    style: StyleName = "key" if here else "accent" if day.day == today else "head"
    return fit_line((span(f"[{words}]" if here else f" {words}", style),), size)


def _total(day: CalendarDay, size: int) -> Line:
    note = short_note(day)
    left = (span(" "),) if note is None else (span(" "), note)
    return spread(left, (span(f"{day.total or '-'} "),), size)


def _bin(day: CalendarDay, index: int, mark: str, today: date, size: int) -> Line:
    count = day.bins[index]
    style: StyleName = "dim" if day.day < today or not count else ""
    return spread((span(f" {mark}", style),), (span(f"{count or '-'} ", style),), size)
