"""A recurrence in words, as short as a table's column. Pure."""

from __future__ import annotations

from datetime import datetime, time, tzinfo
from zoneinfo import ZoneInfo

from deployx_tui.model.schedule import Cron, Daily, Monthly, Once, Schedule, Weekly

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def schedule_words(schedule: Schedule) -> str:
    """`once`, `daily 01:00`, `weekly Tue 15:30`, `monthly 1, last 04:00`, or the cron rule itself."""
    match schedule.recurrence:
        case Once(at):
            local = at.astimezone(ZoneInfo(schedule.zone))
            return f"once {local.day} {local:%b %H:%M}"
        case Daily(times):
            return f"daily {_times(times)}"
        case Weekly(days, times):
            return f"weekly {_days(days)} {_times(times)}"
        case Monthly(days, times):
            return f"monthly {','.join(str(day) for day in days)} {_times(times)}"
        case Cron(expression):
            return expression


def zone_mark(name: str, now: datetime, shown: tzinfo) -> str:
    """`UTC`, `JST`: the zone of a schedule where its clock is not the one that is shown; "" where it is."""
    there = now.astimezone(ZoneInfo(name))
    return "" if there.utcoffset() == now.astimezone(shown).utcoffset() else there.tzname() or name


def _times(times: tuple[time, ...]) -> str:
    if len(times) > 2:
        return f"{times[0]:%H:%M} and {len(times) - 1} more"
    return " ".join(f"{at:%H:%M}" for at in times)


def _days(days: tuple[int, ...]) -> str:
    if days == (0, 1, 2, 3, 4):
        return "Mon-Fri"
    return " ".join(DAYS[day] for day in days)
