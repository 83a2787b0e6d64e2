"""A month as a grid of days with heat per 3 hours, and a day as a list. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from deployx_tui.model.calendar import AgendaEntry, CalendarDay, Month
from deployx_tui.model.words import counted
from deployx_tui.tui.render.history import count_spans
from deployx_tui.tui.render.line import Line, Span, StyleName, fit_line, line, span, spread
from deployx_tui.tui.render.progress import glyph
from deployx_tui.tui.render.when import clock

#: bins of a day
BINS = 8
_HEAT = "░▒▓█"
_NONE = "·"
_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Scale:
    """What each step of the heat stands for: up to `tops[n]` runs in 3 hours."""

    tops: tuple[int, ...]

    def mark(self, count: int) -> str:
        if count <= 0:
            return _NONE
        for sign, top in zip(_HEAT, self.tops, strict=False):
            if count <= top:
                return sign
        return _HEAT[-1]

    def legend(self) -> str:
        """`runs in 3 h:  · 0  ░ 1-12  ▒ 13-24`: the numbers that hold for this month."""
        parts = [f"{_NONE} 0"]
        low = 1
        for sign, top in zip(_HEAT, self.tops, strict=False):
            parts.append(f"{sign} {low}" if low == top else f"{sign} {low}-{top}")
            low = top + 1
        return "  ".join(parts)


def scale_of(month: Month) -> Scale:
    """Steps of equal size up to the fullest 3 hours of the month."""
    most = max((count for day in month.days for count in day.bins), default=0)
    steps = min(len(_HEAT), most)
    return Scale(tuple(-(-most * (index + 1) // steps) for index in range(steps)))


@dataclass(frozen=True, slots=True)
class Grid:
    """How much room a month has, and so how it is drawn."""

    cell: int
    rows: int
    ruled: bool

    @property
    def width(self) -> int:
        return 7 * (self.cell + 1) + 1

    def week_at(self, y: int) -> int | None:
        """Which week stands at a row; None: the heading."""
        if y < self.head:
            return None
        return (y - self.head) // (self.rows + (1 if self.ruled else 0))

    @property
    def head(self) -> int:
        return 1

    def height(self, weeks: int) -> int:
        if self.ruled:
            return self.head + weeks * (self.rows + 1) + 1
        return self.head + weeks * self.rows


#: rules and three rows a day where there is room, else two rows and none
WIDE = Grid(cell=11, rows=3, ruled=True)
NARROW = Grid(cell=10, rows=2, ruled=False)


def month_lines(month: Month, cursor: date, today: date, grid: Grid) -> tuple[Line, ...]:
    scale = scale_of(month)
    made: list[Line] = [_head(grid)]
    weeks = [month.days[at : at + 7] for at in range(0, len(month.days), 7)]
    for index, week in enumerate(weeks):
        if grid.ruled:
            made.append(_rule(grid, "├┼┤"))
        cells = [_cell(day, month, cursor, today, scale, grid) for day in week]
        for row in range(grid.rows):
            parts: list[Span] = []
            for cell in cells:
                parts.append(span("│", "dim"))
                parts.extend(cell[row])
            made.append((*parts, span("│", "dim")))
        if grid.ruled and index == len(weeks) - 1:
            made.append(_rule(grid, "└┴┘"))
    return tuple(made)


def _head(grid: Grid) -> Line:
    parts: list[Span] = []
    for name in _NAMES:
        parts.append(span("│", "dim"))
        parts.append(span(f" {name}".ljust(grid.cell), "head"))
    return (*parts, span("│", "dim"))


def _rule(grid: Grid, signs: str) -> Line:
    return (span(signs[0] + signs[1].join(["─" * grid.cell] * 7) + signs[2], "dim"),)


def _cell(day: CalendarDay, month: Month, cursor: date, today: date, scale: Scale, grid: Grid) -> tuple[Line, ...]:
    here = day.day == cursor
    ours = day.day.month == month.month
    number = f"[{day.day.day}]" if here else f" {day.day.day} "
    style: StyleName = "key" if here else "accent" if day.day == today else "" if ours else "dim"
    count = day.total
    first = spread(
        (span(number, style),), (span(f"{count or '-'} ", "dim" if not ours or not count else ""),), grid.cell
    )
    heat = "".join(scale.mark(each) for each in day.bins)
    past = day.day < today or not ours
    second = fit_line((span(" "), span(heat, "dim" if past else "")), grid.cell)
    if grid.rows == 2:
        note = short_note(day)
        return (_with_note(first, note, number, style, count, grid.cell), second)
    return (first, second, fit_line((span(" "), *outcome_line(day, grid.cell - 1)), grid.cell))


def _with_note(first: Line, note: Span | None, number: str, style: StyleName, count: int, size: int) -> Line:
    if note is None:
        return first
    return spread((span(number, style), note), (span(f"{count or '-'} "),), size)


def short_note(day: CalendarDay) -> Span | None:
    """The worst of a day in one cell; None: nothing to say."""
    styles = {glyph(status)[1] for status, count in day.done if count and not status.is_alive}
    if "bad" in styles:
        return span("✗", "bad")
    if "warn" in styles:
        return span("!", "warn")
    if day.clock_change:
        return span("±", "warn")
    return None


def outcome_line(day: CalendarDay, width: int) -> Line:
    """`✓410 ✗2`, or the clock change of a day that is to come. Where not all have room, what went wrong has."""
    if not day.done:
        return (span(day.clock_change, "warn"),)
    pairs = count_spans(day.done)
    counts = [
        (sign.text.strip(), sign.style, count.text.strip()) for sign, count in zip(pairs[::2], pairs[1::2], strict=True)
    ]
    while len(counts) > 1 and sum(1 + len(count) for _, _, count in counts) + len(counts) - 1 > width:
        least = max(counts, key=lambda each: _GIVES_WAY.index(each[1]) if each[1] in _GIVES_WAY else -1)
        counts.remove(least)
    parts: list[Span] = []
    for at, (sign, style, count) in enumerate(counts):
        parts.extend((span(f"{' ' if at else ''}{sign}", style), span(count)))
    return fit_line(tuple(parts), width)


#: the last gives way first
_GIVES_WAY: tuple[StyleName, ...] = ("bad", "warn", "run", "good", "dim")


def day_title(day: CalendarDay) -> tuple[str, str]:
    """`Tue 3 Mar` and how much it holds: what was and what is to come."""
    words = f"{day.day:%a} {day.day.day} {day.day:%b}"
    count = day.total
    return words, f"{counted(count, 'run')}"


def day_notes(day: CalendarDay, today: date) -> tuple[Line, ...]:
    """What a person should know of the day; the counts are the sum that its title says."""
    made: list[Line] = []
    if day.clock_change:
        word = "skipped" if "+" in day.clock_change else "repeated"
        made.append(line(span("! ", "warn"), span(f"{day.clock_change}: an hour is {word};")))
        made.append(line(span("  each task says what it does then", "dim")))
    if day.done:
        rest = (span(f"● {day.to_come}"),) if day.to_come else ()
        made.append((span("  "), *count_spans(day.done), *rest))
    if day.day >= today and any(day.bins):
        top = max(day.bins)
        at = day.bins.index(top) * 3
        made.append(line(span(f"  fullest {at:02d}-{at + 3:02d} h: {counted(top, 'run')}", "dim")))
    return tuple(made)


# the day's list


@dataclass(frozen=True, slots=True)
class EntryRow:
    entry: AgendaEntry
    now: datetime
    zone: tzinfo

    @property
    def key(self) -> object:
        return (self.entry.at, self.entry.task_id, self.entry.execution_id, self.entry.task_name)


@dataclass(frozen=True, slots=True)
class DayRow:
    """The head of a day in the agenda."""

    day: date
    today: date
    #: of the day's list
    runs: int

    @property
    def key(self) -> object:
        return self.day


CalendarRow = EntryRow | DayRow


def row_line(row: CalendarRow, width: int) -> Line:
    """An entry, or `─ Wed 4 Mar ─ tomorrow ─ 412 runs`."""
    if isinstance(row, EntryRow):
        return entry_line(row, width)
    away = {0: " ─ today", 1: " ─ tomorrow"}.get((row.day - row.today).days, "")
    words = f"{row.day:%a} {row.day.day} {row.day:%b}"
    count = f"{away} ─ {counted(row.runs, 'run')}"
    return fit_line((span("─ ", "dim"), span(words, "title"), span(count)), width)


def entry_line(row: EntryRow, width: int) -> Line:
    """` ✓ 11:27 web-disk-check ×96    31`: how often it fires and on how many targets stand at the right end."""
    entry = row.entry
    to_come: tuple[str, StyleName] = ("●", "")
    sign, style = to_come if entry.status is None else glyph(entry.status)
    past = entry.execution_id is not None
    right = line(span(f" ×{entry.count}" if entry.count > 1 else "", "dim"), span(f"{entry.target_count:>4}"))
    left = line(
        span(" "),
        span(sign, style),
        span(f" {clock(entry.at, row.zone)} ", "dim" if past else ""),
        span(entry.task_name),
    )
    return spread(left, right, width)


def legend_words(month: Month, *, short: bool) -> str:
    """What the heat means, in this month's numbers."""
    words = scale_of(month).legend()
    return words if short else f"heat = runs in 3 h:  {words}"
