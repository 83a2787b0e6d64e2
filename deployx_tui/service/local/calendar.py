"""The calendar behind the door: exact counts of what is to come, beside what was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from heapq import nsmallest
from itertools import pairwise

from sqlalchemy import Connection

from deployx_tui.errors import InvalidInput
from deployx_tui.model.calendar import AgendaEntry, CalendarDay, Month
from deployx_tui.model.ids import TaskId
from deployx_tui.model.parse import zone_of
from deployx_tui.model.schedule import Schedule
from deployx_tui.model.user import Actor
from deployx_tui.scheduling.forecast import BINS, month_counts
from deployx_tui.scheduling.recurrence import compile_schedule
from deployx_tui.service.backend.calendar import Calendar
from deployx_tui.service.local.door import Door
from deployx_tui.service.local.guard import serves
from deployx_tui.store import counters, history, tasks
from deployx_tui.store.clock import to_ms

#: a task with more fires or runs in a day than this is one line
_FOLD = 6
_MOST_ENTRIES = 5000
#: with room for the days around a month, in every zone
_YEARS = range(1971, 9999)

_Coming = tuple[datetime, Schedule, Sequence[tuple[TaskId, str]]]
Planned = tuple[tuple[int, ...], ...]


@serves(Calendar)
class LocalCalendar:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    async def month(self, year: int, month: int, zone: str) -> Month:
        shown = zone_of(zone, "zone")
        first, count = _weeks_of(year, month)
        bounds = [_midnight(first + timedelta(days=number), shown) for number in range(count + 1)]

        def work(c: Connection) -> Month:
            planned = self._planned(c, zone, first, count)
            now = datetime.now(UTC)
            days: list[CalendarDay] = []
            for number, (start, end) in enumerate(pairwise(bounds)):
                day = first + timedelta(days=number)
                done = history.counts_between(c, [*_bin_starts(day, shown), to_ms(end)], self._door.only_own)
                days.append(
                    CalendarDay(
                        day=day,
                        done=tuple(sorted(done.by_status.items())),
                        ran=done.by_part,
                        coming=planned[number] if now <= start else self._left_of(c, now, end, day, zone),
                        clock_change=_clock_change(start, end, shown),
                    )
                )
            return Month(year=year, month=month, zone=zone, days=tuple(days))

        return await self._door.read(work)

    async def day(self, day: date, zone: str, limit: int = 500) -> tuple[AgendaEntry, ...]:
        if not 1 <= limit <= _MOST_ENTRIES:
            raise InvalidInput.of("limit", f"{limit} is out of range", f"give 1 to {_MOST_ENTRIES}")
        if day.year not in _YEARS:
            raise InvalidInput.of("day", f"{day} is no day of ours", "give for example 2026-12-01")
        shown = zone_of(zone, "zone")
        start, end = _midnight(day, shown), _midnight(day + timedelta(days=1), shown)

        def work(c: Connection) -> tuple[AgendaEntry, ...]:
            now = datetime.now(UTC)
            entries = self._done(c, start, end, limit)
            if end > now:
                entries += self._to_come(c, max(start - _JUST, now), end, day, zone, limit)
            return tuple(sorted(entries, key=lambda entry: (entry.at, entry.task_name))[:limit])

        return await self._door.read(work)

    # ---- parts

    def _planned(self, c: Connection, zone: str, first: date, count: int) -> Planned:
        """What the present schedules hold for whole days: true of those that have not begun."""
        version, owner = counters.read(c, counters.TASKS), self._door.only_own
        kept = self._door.premises.forecasts
        key = (version, owner, zone, first, count)
        found = kept.get(key)
        if found is None:
            found = month_counts(tasks.schedules(c, owner), zone, first, count)
            if len(kept) > 100:
                kept.clear()
            kept[key] = found
        return found

    def _done(self, c: Connection, start: datetime, end: datetime, limit: int) -> list[AgendaEntry]:
        span, owner = (to_ms(start), to_ms(end)), self._door.only_own
        often = history.frequent_between(c, *span, owner, more_than=_FOLD)
        newest = history.by_ids(c, [line.execution_id for line in often])
        entries = [
            AgendaEntry(
                at=line.first,
                task_id=line.task_id,
                task_name=line.task_name,
                target_count=newest[line.execution_id].targets.total,
                execution_id=line.execution_id,
                status=line.status,
                count=line.count,
            )
            for line in often
        ]
        entries += [
            AgendaEntry(
                at=run.due_at,
                task_id=run.task_id,
                task_name=run.task_name,
                target_count=run.targets.total,
                execution_id=run.id,
                status=run.status,
            )
            for run in history.due_between(c, *span, owner, {line.task_id for line in often}, limit)
        ]
        return entries

    def _left_of(self, c: Connection, now: datetime, end: datetime, day: date, zone: str) -> tuple[int, ...]:
        """The fires that a day still has, by bins."""
        if end <= now:
            return (0,) * BINS
        rules = [(_from(schedule, at), len(found)) for at, schedule, found in self._coming(c, now, end)]
        (bins,) = month_counts(rules, zone, day, 1)
        return bins

    def _coming(self, c: Connection, after: datetime, end: datetime) -> list[_Coming]:
        """Rules that fire before `end`, each with its first instant after `after` and its tasks."""
        return [
            (at, schedule, found)
            for schedule, found in tasks.firing(c, to_ms(end), self._door.only_own).items()
            if (at := compile_schedule(schedule).next_after(after)) is not None and at < end
        ]

    def _to_come(
        self, c: Connection, after: datetime, end: datetime, day: date, zone: str, limit: int
    ) -> list[AgendaEntry]:
        soon = self._coming(c, after, end)
        first = nsmallest(
            limit, ((at, task, name, schedule) for at, schedule, found in soon for task, name in found), key=_by_time
        )
        counts = self._target_counts(c, [task for _, task, _, _ in first])
        return [
            AgendaEntry(at=at, task_id=task, task_name=name, target_count=counts[task], count=count)
            for fires_from, task, name, schedule in first
            for at, count in _fires(schedule, fires_from, end, day, zone)
        ]

    def _target_counts(self, c: Connection, wanted: Sequence[TaskId]) -> dict[TaskId, int]:
        snapshot, failed = self._door.snapshot(c), self._door.failed_in(c)
        return {task.id: snapshot.target_count(task.draft, failed) for task in tasks.by_ids(c, wanted)}


_JUST = timedelta(microseconds=1)


def _by_time(fire: tuple[datetime, TaskId, str, Schedule]) -> tuple[datetime, TaskId]:
    return fire[:2]


def _fires(schedule: Schedule, first: datetime, end: datetime, day: date, zone: str) -> list[tuple[datetime, int]]:
    """The fires from `first` to before `end`, each with 1; more than a few are one, with their number."""
    fires = [fire.at for fire in compile_schedule(schedule).fires(first - _JUST, _FOLD + 1) if fire.at < end]
    if len(fires) <= _FOLD:
        return [(at, 1) for at in fires]
    (bins,) = month_counts([(_from(schedule, first), 1)], zone, day, 1)
    return [(first, sum(bins))]


def _from(schedule: Schedule, first: datetime) -> Schedule:
    return replace(schedule, start=first if schedule.start is None else max(schedule.start, first))


def _weeks_of(year: int, month: int) -> tuple[date, int]:
    """The Monday that begins a month's first week, and how many days its whole weeks have."""
    if not (1 <= month <= 12 and year in _YEARS):
        raise InvalidInput.of("month", f"{year}-{month} is no month of ours", "give for example 2026 and 12")
    first = date(year, month, 1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    begin = first - timedelta(days=first.weekday())
    return begin, -(-((last - begin).days + 1) // 7) * 7


@lru_cache(maxsize=1000)
def _midnight(day: date, zone: tzinfo) -> datetime:
    """The first instant of a day (where midnight is skipped, the first after the gap)."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _bin_starts(day: date, zone: tzinfo) -> list[int]:
    """Where the bins of a day begin, in ms; a bin that a clock change skips begins where the next one does."""
    first = to_ms(_midnight(day, zone))
    hours = [time(number * 24 // BINS) for number in range(1, BINS)]
    return [first, *(to_ms(datetime.combine(day, hour, zone).astimezone(UTC)) for hour in hours)]


def _clock_change(start: datetime, end: datetime, zone: tzinfo) -> str:
    shift = (end - start) - timedelta(days=1)
    if not shift:
        return ""
    # a day of 23 hours: the clock was put forward
    minutes = -int(shift.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    size = f"{hours}h{rest:02}" if rest and hours else f"{rest}m" if rest else f"{hours}h"
    return f"clock {'+' if minutes > 0 else '-'}{size}"
