"""Rules on the wall clock, without a zone: which days, and which minutes of a day.

Cron expressions are read in `cron`; a rule then is a few integers, so that the next time (`recurrence`) and the counts
of a calendar (`forecast`) come from the same bits. A step costs microseconds where croniter's own takes forty.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache

#: day numbers count from 1970-01-01
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
MINUTES = 1440
#: 29 February on a given weekday can be 40 years away, across a year such as 2100
_LONGEST_WAIT_MONTHS = 41 * 12
_ALL_MONTHS = sum(1 << month for month in range(1, 13))
_ALL_MONTH_DAYS = sum(1 << day for day in range(1, 32))
_ALL_WEEKDAYS = 0b1111111
#: in place of n: the last such weekday of a month
LAST = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRule:
    """Which dates. Masks have a bit per number; weekdays count from Sunday = 0, as cron's do."""

    months: int = _ALL_MONTHS
    month_days: int = _ALL_MONTH_DAYS
    #: the last day of the month too
    last: bool = False
    #: in a month that lacks one of `month_days`, its last day stands for it
    clamp: bool = False
    weekdays: int = _ALL_WEEKDAYS
    #: a date of either kind fires (cron, when both fields restrict); else it must be of both
    either: bool = False
    #: (weekday, n) for the nth such weekday of the month, n = 0 for the last one; empty: no such rule
    nth: tuple[tuple[int, int], ...] = ()
    #: the working day nearest to this day of the month; None: no such rule
    nearest: int | None = None

    def of_month(self, year: int, month: int) -> int:
        """Bit d is set if the rule selects day d."""
        if not self.months >> month & 1:
            return 0
        by_weekday, length = _weekdays_of(year, month)
        every = (2 << length) - 2
        if self.nth:
            return sum({1 << day for weekday, n in self.nth if (day := _nth_of(by_weekday[weekday], n))})
        if self.nearest is not None:
            return 1 << _nearest_working_day(year, month, min(self.nearest, length), length)
        dates = self.month_days & every
        if self.last or (self.clamp and self.month_days >> (length + 1)):
            dates |= 1 << length
        weekdays = sum(by_weekday[day] for day in range(7) if self.weekdays >> day & 1)
        return dates | weekdays if self.either else dates & weekdays

    def next_day(self, day: int) -> int | None:
        """The first selected day number from `day` on; None: none within 41 years."""
        start = date.fromordinal(day + _EPOCH_ORDINAL)
        year, month, floor = start.year, start.month, start.day
        for _ in range(_LONGEST_WAIT_MONTHS):
            rest = self.of_month(year, month) >> floor << floor
            if rest:
                first = (rest & -rest).bit_length() - 1
                return date(year, month, first).toordinal() - _EPOCH_ORDINAL
            year, month, floor = (year, month + 1, 1) if month < 12 else (year + 1, 1, 1)
            if year > 9998:
                return None
        return None

    def selects(self, day: int) -> bool:
        when = date.fromordinal(day + _EPOCH_ORDINAL)
        return bool(self.of_month(when.year, when.month) >> when.day & 1)


@dataclass(frozen=True, slots=True)
class WallRule:
    """Minutes of selected days."""

    days: DayRule
    #: bit m is set for minute m of the day
    minutes: int
    #: cron's wildcard minute or hour: fires at every real minute whose wall clock matches
    is_wildcard: bool = False

    def first_from(self, wall: int) -> int | None:
        """The first wall second from `wall` on (inclusive); None: none within 41 years."""
        day, minute = divmod(-(-wall // 60), MINUTES)
        if (rest := self.minutes >> minute << minute) and self.days.selects(day):
            return (day * MINUTES + (rest & -rest).bit_length() - 1) * 60
        following = self.days.next_day(day + 1)
        if following is None:
            return None
        return (following * MINUTES + (self.minutes & -self.minutes).bit_length() - 1) * 60


def minutes_of(times: Iterable[time]) -> int:
    return sum({1 << (t.hour * 60 + t.minute) for t in times})


def mask_of(numbers: Iterable[int]) -> int:
    return sum({1 << number for number in numbers})


@lru_cache(maxsize=4096)
def _weekdays_of(year: int, month: int) -> tuple[tuple[int, ...], int]:
    """Per weekday (Sunday first) the mask of its days, and the month's length."""
    masks = [0] * 7
    first, length = calendar.monthrange(year, month)
    for day in range(1, length + 1):
        masks[(first + day) % 7] |= 1 << day
    return tuple(masks), length


def _nth_of(days: int, n: int) -> int:
    """The nth day in a mask, the last one for n = 0; 0 when there is none."""
    if n == LAST:
        return days.bit_length() - 1
    for _ in range(n - 1):
        days &= days - 1
    return (days & -days).bit_length() - 1 if days else 0


def _nearest_working_day(year: int, month: int, day: int, length: int) -> int:
    """Monday to Friday, within the month."""
    match calendar.weekday(year, month, day):
        case 5:
            return day - 1 if day > 1 else day + 2
        case 6:
            return day + 1 if day < length else day - 2
        case _:
            return day
