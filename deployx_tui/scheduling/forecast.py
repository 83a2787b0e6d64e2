"""Exact counts of fires for a calendar, without stepping from fire to fire. Pure.

A rule is a 1440-bit integer of minutes and a mask of days. The days shown are cut where the viewer's three-hour bins
begin, where the schedule's own midnights lie and where either clock changes; on ordinary days the cuts repeat, so
days with the same cuts are counted at once: a popcount a cut, for all of them. Days touched by a clock change have
cuts of their own. A property test holds the counts against enumeration by `recurrence`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from deployx_tui.model.schedule import Once, Schedule
from deployx_tui.scheduling.recurrence import Rule, compile_schedule
from deployx_tui.scheduling.wall import DayRule, WallRule
from deployx_tui.scheduling.zones import DAY, to_seconds, zone_clock

BINS = 8
_BIN = DAY // BINS
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def month_counts(
    schedules: Sequence[tuple[Schedule, int]], zone: str, first_day: date, days: int
) -> tuple[tuple[int, ...], ...]:
    """Per shown day the fires in each of 8 bins of three hours of wall time of `zone`.

    Each schedule comes with a weight: how many times each of its fires counts. InvalidInput when a schedule is none.
    """
    counts = [[0] * BINS for _ in range(days)]
    view = _View(zone, first_day, days)
    by_zone: dict[str, list[tuple[Rule, int]]] = defaultdict(list)
    for schedule, weight in schedules:
        rule = compile_schedule(schedule)
        if isinstance(schedule.recurrence, Once):
            _add_once(counts, view, to_seconds(schedule.recurrence.at), weight)
        elif (bounds := _bounds(rule, view)) == (view.start, view.end):
            by_zone[schedule.zone].append((rule, weight))
        elif bounds[0] < bounds[1]:
            # a bound falls among the days shown: cuts of its own
            _add_rules(counts, _cuts(view, schedule.zone, *bounds), [(rule, weight)])
    for key, rules in by_zone.items():
        _add_rules(counts, _cuts(view, key, view.start, view.end), rules)
    return tuple(tuple(day) for day in counts)


class _View:
    """The days shown, in the viewer's zone."""

    def __init__(self, zone: str, first_day: date, days: int) -> None:
        self.clock = zone_clock(zone)
        self.first = first_day.toordinal() - _EPOCH_ORDINAL
        self.days = days
        # with two days around them: offsets reach 26 hours, and a date can show twice
        self.start = (self.first - 2) * DAY
        self.end = (self.first + days + 2) * DAY

    def pieces(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """(from, to, index of the shown day, bin): instants that fall into one bin of one day, in order."""
        for segment in self.clock.segments(start, end):
            wall = max(segment.start, start) + segment.offset
            last = min(segment.end, end) + segment.offset
            while wall < last:
                border = min((wall // _BIN + 1) * _BIN, last)
                index = wall // DAY - self.first
                if 0 <= index < self.days:
                    yield wall - segment.offset, border - segment.offset, index, wall % DAY // _BIN
                wall = border


def _bounds(rule: Rule, view: _View) -> tuple[int, int]:
    """The schedule's bounds in whole seconds, first allowed and first forbidden, cut to the view."""
    start, end = view.start, view.end
    if rule.schedule.start is not None:
        start = max(start, to_seconds(rule.schedule.start - timedelta(microseconds=1)) + 1)
    if rule.schedule.end is not None:
        end = min(end, to_seconds(rule.schedule.end) + 1)
    return start, end


def _add_once(counts: list[list[int]], view: _View, at: int, weight: int) -> None:
    wall = at + view.clock.offset_at(at)
    index = wall // DAY - view.first
    if 0 <= index < view.days:
        counts[index][wall % DAY // _BIN] += weight


# ---- cuts


@dataclass(frozen=True, slots=True)
class _Cut:
    """Minutes of one date of the schedule's zone that fall into one bin."""

    #: bits of the minutes that count, and of those that count where a repeated time fires once
    minutes: int
    minutes_first_pass: int
    #: the shown day is so many days after the date; and its bin
    shift: int
    bin: int


@dataclass(frozen=True, slots=True)
class _Jump:
    """A clock change of the schedule's zone that skips minutes, at an instant that is shown."""

    index: int
    bin: int
    #: (date, bits of its skipped minutes)
    skipped: tuple[tuple[int, int], ...]
    #: date and bit of the first minute after: if the rule has it, it is no extra fire
    landing: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Cuts:
    #: dates of the schedule's zone, as day numbers: bit n of the masks stands for `base + n`
    base: int
    length: int
    #: dates with the same cuts, and the cuts
    patterns: tuple[tuple[int, tuple[_Cut, ...]], ...]
    jumps: tuple[_Jump, ...]
    #: day number of the first day shown
    first: int


def _cuts(view: _View, key: str, start: int, end: int) -> _Cuts:
    return _cuts_of(view.clock.key, key, view.first, view.days, start, end)


@lru_cache(maxsize=64)
def _cuts_of(zone: str, key: str, first: int, days: int, start: int, end: int) -> _Cuts:
    view = _View(zone, date.fromordinal(first + _EPOCH_ORDINAL), days)
    clock = zone_clock(key)
    per_date: dict[int, list[_Cut]] = defaultdict(list)
    jumps: list[_Jump] = []
    for low, high, index, bin_ in view.pieces(start, end):
        for segment in clock.segments(low, high):
            at = max(segment.start, low)
            if at == segment.start and segment.offset > segment.before:
                jumps.append(_jump(index, bin_, at, segment.before, segment.offset))
            wall, last = at + segment.offset, min(segment.end, high) + segment.offset
            # until here the wall shows what it showed before the change
            repeated = segment.start + segment.before if segment.before > segment.offset else wall
            while wall < last:
                border = min((wall // DAY + 1) * DAY, last)
                day = wall // DAY
                first_pass = _minutes(max(wall, min(repeated, border)), border)
                per_date[day].append(_Cut(_minutes(wall, border), first_pass, first + index - day, bin_))
                wall = border
    base = min(per_date, default=0)
    patterns: dict[tuple[_Cut, ...], int] = defaultdict(int)
    for day, cuts in per_date.items():
        patterns[tuple(cuts)] |= 1 << (day - base)
    length = max(per_date, default=0) - base + 1
    return _Cuts(base, length, tuple((mask, cuts) for cuts, mask in patterns.items()), tuple(jumps), first)


def _minutes(wall: int, border: int) -> int:
    """Bits of the whole minutes that begin in [wall, border), which lies within one day."""
    day = wall // DAY * DAY
    low, high = -(-(wall - day) // 60), -(-(border - day) // 60)
    return (1 << high) - (1 << low) if low < high else 0


def _jump(index: int, bin_: int, at: int, before: int, after: int) -> _Jump:
    skipped = []
    wall, last = at + before, at + after
    while wall < last:
        border = min((wall // DAY + 1) * DAY, last)
        skipped.append((wall // DAY, _minutes(wall, border)))
        wall = border
    return _Jump(index, bin_, tuple(skipped), (last // DAY, 1 << (last % DAY // 60)))


# ---- counting


def _add_rules(counts: list[list[int]], cuts: _Cuts, rules: Sequence[tuple[Rule, int]]) -> None:
    dates: dict[DayRule, int] = {}
    # per pattern and set of dates the weighted fires of each cut
    sums: dict[tuple[int, int], list[int]] = {}
    for rule, weight in rules:
        if rule.wall is None:
            continue
        days = rule.wall.days
        if days not in dates:
            dates[days] = _dates(days, cuts)
        _count(sums, cuts, rule, dates[days], weight)
        if cuts.jumps and rule.shifts_over_gaps:
            _add_jumps(counts, cuts, rule.wall, weight)
    for (number, on), total in sums.items():
        for day in _bits(on):
            for cut, fires in zip(cuts.patterns[number][1], total, strict=True):
                if fires:
                    counts[cuts.base + day + cut.shift - cuts.first][cut.bin] += fires


def _count(sums: dict[tuple[int, int], list[int]], cuts: _Cuts, rule: Rule, selected: int, weight: int) -> None:
    """Add a rule's popcounts to the sums of the patterns that its dates have."""
    first_only, minutes = rule.fires_once_per_wall_time, 0 if rule.wall is None else rule.wall.minutes
    for number, (mask, pattern) in enumerate(cuts.patterns):
        on = selected & mask
        if not on:
            continue
        total = sums.setdefault((number, on), [0] * len(pattern))
        for place, cut in enumerate(pattern):
            hits = minutes & (cut.minutes_first_pass if first_only else cut.minutes)
            if hits:
                total[place] += hits.bit_count() * weight


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _add_jumps(counts: list[list[int]], cuts: _Cuts, wall: WallRule, weight: int) -> None:
    """A rule that skips over minutes it wanted fires once where the clock lands."""
    for jump in cuts.jumps:
        day, bit = jump.landing
        if wall.minutes & bit and wall.days.selects(day):
            continue
        if any(wall.minutes & bits and wall.days.selects(date_) for date_, bits in jump.skipped):
            counts[jump.index][jump.bin] += weight


def _dates(days: DayRule, cuts: _Cuts) -> int:
    """Bit n is set if the rule selects the date `base + n`."""
    found, at = 0, 0
    while at < cuts.length:
        when = date.fromordinal(cuts.base + at + _EPOCH_ORDINAL)
        # the month's mask has bit d for day d: moved so that this date comes to bit `at`
        found |= days.of_month(when.year, when.month) >> when.day << at
        at += (when.replace(day=28) + timedelta(days=4)).replace(day=1).toordinal() - when.toordinal()
    return found & ((1 << cuts.length) - 1)
