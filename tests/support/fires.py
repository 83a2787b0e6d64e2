"""Instants for the UI tests' fake backend: enough of the five recurrences to draw them, not the product's rule."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from deployx_tui.errors import InvalidInput
from deployx_tui.model.schedule import ClockNote, Cron, Daily, Fire, Monthly, Once, Schedule, Weekly


def fires(schedule: Schedule, after: datetime, count: int) -> tuple[Fire, ...]:
    try:
        zone = ZoneInfo(schedule.zone)
    except (KeyError, ValueError, OSError):
        raise InvalidInput.of(
            "timezone", f"{schedule.zone} is no time zone", "write an IANA name such as Europe/Berlin"
        ) from None
    found: list[Fire] = []
    if isinstance(schedule.recurrence, Once):
        at = schedule.recurrence.at
        return (Fire(at.astimezone(UTC)),) if at > after else ()
    for wall in _walls(schedule, after.astimezone(zone).replace(tzinfo=None) - timedelta(hours=2)):
        aware = wall.replace(tzinfo=zone)
        back = aware.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        fire = Fire(aware.astimezone(UTC))
        if back != wall:
            fire = Fire(aware.astimezone(UTC).replace(minute=0), ClockNote.SHIFTED)
        if fire.at > after:
            found.append(fire)
        if len(found) == count:
            break
    return tuple(found)


def _walls(schedule: Schedule, start: datetime) -> Iterator[datetime]:
    rule = schedule.recurrence
    if isinstance(rule, Cron):
        try:
            steps = croniter(rule.expression, start)
        except (ValueError, KeyError):
            raise InvalidInput.of(
                "recurrence_config.cron_expression",
                f"{rule.expression!r} is no cron rule",
                "write five fields, such as 0 3 * * 1-5",
            ) from None
        while True:
            moment = steps.get_next(datetime)
            assert isinstance(moment, datetime)
            yield moment
    day = start.date()
    for _ in range(4000):
        for at in _times(rule, day):
            yield datetime.combine(day, at)
        day += timedelta(days=1)


def _times(rule: object, day: date) -> tuple[time, ...]:
    match rule:
        case Daily(times):
            return times
        case Weekly(days, times):
            return times if day.weekday() in days else ()
        case Monthly(days, times):
            last = calendar.monthrange(day.year, day.month)[1]
            return times if day.day in days or ("last" in days and day.day == last) else ()
    return ()
