"""Where a zone's clocks change: the mapping between instants and wall time that every schedule stands on.

Instants and wall times are whole seconds since 1970-01-01T00:00, of UTC and of the wall clock. zoneinfo answers
what the offset is at an instant; when it changes is found here, by a probe a day and bisection.
"""

from __future__ import annotations

from calendar import timegm
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from deployx_tui.model.parse import zone_of

DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 1900, 9998


def to_seconds(instant: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return (instant - _EPOCH) // timedelta(seconds=1)


def to_instant(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time with one offset: instants from `start` to before `end`.

    At either end the offset need not change: a stretch is cut where the search for a change ended.
    """

    start: int
    end: int
    #: seconds east of UTC
    offset: int
    #: the offset just before `start`, and from `end` on
    before: int
    after: int


class ZoneClock:
    """The clock changes of one zone. Immutable but for its caches, so threads may share it."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._zone = zone_of(key)

    def offset_at(self, instant: int) -> int:
        offset = datetime.fromtimestamp(instant, self._zone).utcoffset()
        assert offset is not None  # noqa: S101 -- a ZoneInfo has an offset at every instant
        return offset // timedelta(seconds=1)

    def segment_at(self, instant: int) -> Segment:
        """The stretch that holds `instant`; cut at the borders of the years around it."""
        year = min(max(to_instant(instant).year, _FIRST_YEAR), _LAST_YEAR)
        changes = _changes(self.key, year - 1) + _changes(self.key, year) + _changes(self.key, year + 1)
        start, end = timegm((year - 1, 1, 1, 0, 0, 0)), timegm((year + 2, 1, 1, 0, 0, 0))
        offset = before = after = self.offset_at(instant)
        for at, old, new in changes:
            if at <= instant:
                start, before = at, old
            else:
                end, after = at, new
                break
        return Segment(start, end, offset, before, after)

    def segments(self, start: int, end: int) -> tuple[Segment, ...]:
        """The stretches that cover [start, end), in order; the outermost reach beyond."""
        found = [self.segment_at(start)]
        while found[-1].end < end:
            found.append(self.segment_at(found[-1].end))
        return tuple(found)

    def is_repeated(self, instant: int) -> bool:
        """The wall time of `instant` comes twice."""
        wall = datetime.fromtimestamp(instant, self._zone)
        return wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()

    def first_instant_of(self, day: date) -> int:
        """When the wall clock first shows this date."""
        midnight = timegm((day.year, day.month, day.day, 0, 0, 0))
        # no offset is larger than a day, and no change moves a midnight out of these two stretches
        for segment in self.segments(midnight - DAY, midnight + DAY):
            found = max(midnight - segment.offset, segment.start)
            if found < segment.end:
                return found
        raise LookupError(day)  # unreachable: the stretches cover the time without a hole


@lru_cache(maxsize=1024)
def zone_clock(key: str) -> ZoneClock:
    """The clock of an IANA name; InvalidInput (field `timezone`) when there is none."""
    return ZoneClock(key)


@lru_cache(maxsize=8192)
def _changes(key: str, year: int) -> tuple[tuple[int, int, int], ...]:
    """(first instant of the new offset, old offset, new offset) of a year of UTC, in order."""
    clock = zone_clock(key)
    found = []
    at, last = timegm((year, 1, 1, 0, 0, 0)), timegm((year + 1, 1, 1, 0, 0, 0))
    # the year's first second may itself be a change
    old = clock.offset_at(at - 1)
    low = at - 1
    while low < last - 1:
        high = min(low + DAY, last - 1)
        if (new := clock.offset_at(high)) != old:
            while high - low > 1:
                middle = (low + high) // 2
                if clock.offset_at(middle) == old:
                    low = middle
                else:
                    high = middle
            new = clock.offset_at(high)
            found.append((high, old, new))
            old = new
        low = high
    return tuple(found)


def clock_change(key: str, day: date) -> timedelta:
    """How far the wall clock is moved on a date: +1 h in spring, -1 h in autumn, zero on ordinary days."""
    clock = zone_clock(key)
    start, end = clock.first_instant_of(day), clock.first_instant_of(day + timedelta(days=1))
    segments = clock.segments(start, end)
    first = segments[0].before if segments[0].start == start else segments[0].offset
    return timedelta(seconds=segments[-1].offset - first)
