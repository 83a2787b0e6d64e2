"""When a schedule fires: the only source of times. The engine, previews, the calendar, API and CLI all ask here.

The clock-change rule is that of Debian's cron, chosen per task: a fixed time that a spring change skips fires once,
at the first instant after it (`gap` shift, or not at all: skip); a fixed time that an autumn change repeats fires on
the first pass (`fold` first, or both). A cron rule whose minute or hour begins with a star fires at every real
minute whose wall clock matches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeVar, assert_never

from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.schedule import (
    ClockNote,
    Cron,
    Daily,
    Fire,
    Fold,
    Gap,
    Monthly,
    Once,
    Schedule,
    ShortMonth,
    Weekly,
)
from deployx_tui.scheduling.wall import DayRule, WallRule, mask_of, minutes_of
from deployx_tui.scheduling.zones import Segment, ZoneClock, to_instant, to_seconds, zone_clock

T = TypeVar("T")

#: instants beyond it are never given: zoneinfo and datetime end soon after
_END_OF_TIME = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled schedule. Immutable: threads share it."""

    schedule: Schedule
    clock: ZoneClock
    #: None: a single run
    wall: WallRule | None

    def next_after(self, instant: datetime) -> datetime | None:
        """The first fire strictly later than `instant` (aware), in UTC, within the schedule's bounds; None: none."""
        rule = self.schedule.recurrence
        if isinstance(rule, Once):
            exact = rule.at.astimezone(UTC)
            # the store keeps milliseconds: with a finer instant, "after the one stored" would give the same one again
            at = exact.replace(microsecond=exact.microsecond // 1000 * 1000)
            return at if at > instant and self._is_within(exact) else None
        if instant >= _END_OF_TIME:
            return None
        earliest = to_seconds(instant) + 1
        if self.schedule.start is not None:
            # rounded up: a bound inside a second must not let that second's begin through
            earliest = max(earliest, to_seconds(self.schedule.start - timedelta(microseconds=1)) + 1)
        found = self.first_from(earliest)
        if found is None or found >= to_seconds(_END_OF_TIME):
            return None
        at = to_instant(found)
        return at if self._is_within(at) else None

    def fires(self, after: datetime, count: int) -> tuple[Fire, ...]:
        """Up to `count` fires strictly later than `after`, each with what is odd about its wall time."""
        found: list[Fire] = []
        while len(found) < count:
            at = self.next_after(found[-1].at if found else after)
            if at is None:
                break
            found.append(Fire(at, self.note(at)))
        return tuple(found)

    def note(self, at: datetime) -> ClockNote | None:
        """What a person should know of a fire at `at`; None: it stands at an ordinary wall time."""
        instant = to_seconds(at)
        if self.clock.is_repeated(instant):
            return ClockNote.REPEATED
        if self.wall is not None:
            wall = instant + self.clock.offset_at(instant)
            if self.wall.first_from(wall) != wall:
                return ClockNote.SHIFTED
        return None

    @property
    def fires_once_per_wall_time(self) -> bool:
        """A repeated wall time counts on its first pass only."""
        return self.wall is not None and not self.wall.is_wildcard and self.schedule.fold is Fold.FIRST

    @property
    def shifts_over_gaps(self) -> bool:
        """A skipped wall time fires at the first instant after the gap."""
        return self.wall is not None and not self.wall.is_wildcard and self.schedule.gap is Gap.SHIFT

    def first_from(self, instant: int) -> int | None:
        """The first fire at or after `instant` (seconds), the bounds aside."""
        if self.wall is None:
            return None
        while True:
            segment = self.clock.segment_at(instant)
            if instant == segment.start and self._shifts_into(segment):
                return instant
            wall = instant + segment.offset
            if self.fires_once_per_wall_time and segment.before > segment.offset:
                wall = max(wall, segment.start + segment.before)
            found = self.wall.first_from(wall)
            if found is None:
                return None
            if found - segment.offset < segment.end:
                return found - segment.offset
            # stretch by stretch, however far the find is: clocks that go back show an earlier match again
            instant = segment.end

    def _shifts_into(self, segment: Segment) -> bool:
        """A wall time that the change before `segment` skipped fires at its first instant."""
        if segment.offset <= segment.before or not self.shifts_over_gaps or self.wall is None:
            return False
        skipped = self.wall.first_from(segment.start + segment.before)
        return skipped is not None and skipped < segment.start + segment.offset

    def _is_within(self, at: datetime) -> bool:
        start, end = self.schedule.start, self.schedule.end
        return (start is None or at >= start) and (end is None or at <= end)


@lru_cache(maxsize=32768)
def compile_schedule(schedule: Schedule) -> Rule:
    """The rule of a schedule; InvalidInput lists what is wrong with it, by wire field. Cached by value."""
    problems: list[Problem] = []
    clock = _collect(problems, lambda: zone_clock(schedule.zone))
    wall = _collect(problems, lambda: _wall_rule(schedule))
    start, end = schedule.start, schedule.end
    if start is not None and end is not None and end < start:
        problems.append(_problem("end", "it lies before the start", "give an end after the start"))
    if problems or clock is None:
        raise InvalidInput(problems)
    compiled = Rule(schedule, clock, wall)
    if start is not None and end is not None and compiled.next_after(start - timedelta(microseconds=1)) is None:
        raise InvalidInput.of("end", "it lies before the first run", "give a later end, or an earlier start")
    return compiled


def _collect(problems: list[Problem], make: Callable[[], T]) -> T | None:
    try:
        return make()
    except InvalidInput as error:
        problems.extend(error.problems)
        return None


def _wall_rule(schedule: Schedule) -> WallRule | None:
    rule = schedule.recurrence
    match rule:
        case Once(at):
            _check_bounds_of_once(schedule, at)
            return None
        case Cron(expression):
            from deployx_tui.scheduling.cron import cron_rule  # noqa: PLC0415 - most starts compile no cron rule

            return cron_rule(expression)
        case Daily(times):
            days = DayRule()
        case Weekly(weekdays, times):
            if not weekdays or any(day not in range(7) for day in weekdays):
                raise InvalidInput.of(
                    "recurrence_config.days_of_week",
                    "these are not days of the week",
                    "give 1 to 7 values, each 0 (Monday) to 6 (Sunday)",
                )
            days = DayRule(weekdays=mask_of((day + 1) % 7 for day in weekdays))
        case Monthly(month_days, times, short_month):
            numbers = [day for day in month_days if day != "last"]
            if not month_days or any(day not in range(1, 32) for day in numbers):
                raise InvalidInput.of(
                    "recurrence_config.day_of_month",
                    "these are not days of the month",
                    'give 1 to 31, or days such as [1, 15, "last"]',
                )
            clamp = short_month is ShortMonth.LAST
            days = DayRule(month_days=mask_of(numbers), last="last" in month_days, clamp=clamp)
        case _:
            assert_never(rule)
    if not times:
        raise InvalidInput.of("recurrence_config.time", "there is no time of day", "give HH:MM, such as 03:00")
    if any(t.second or t.microsecond or t.tzinfo is not None for t in times):
        raise InvalidInput.of(
            "recurrence_config.time", "a time of day has whole minutes and no zone", "give HH:MM, such as 03:00"
        )
    return WallRule(days, minutes_of(times))


def _check_bounds_of_once(schedule: Schedule, at: datetime) -> None:
    if schedule.start is not None and at < schedule.start:
        raise InvalidInput.of("start", "it lies after the only run", "leave it out")
    if schedule.end is not None and at > schedule.end:
        raise InvalidInput.of("end", "it lies before the only run", "leave it out")


def _problem(field: str, message: str, remedy: str) -> Problem:
    return Problem(field=field, message=message, remedy=remedy)
