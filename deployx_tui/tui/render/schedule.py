"""A recurrence in words, as short as a table's column. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from deployx_tui.model.parse import format_duration
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


def schedule_in(schedule: Schedule, room: int) -> str:
    """The words in so many cells: the days get shorter, down to their number; the time is never cut."""
    whole = schedule_words(schedule)
    if len(whole) <= room:
        return whole
    shorter: tuple[str, ...]
    match schedule.recurrence:
        case Weekly(days, times):
            shorter = (_days(days), " ".join(DAYS[day][:2] for day in days), f"{len(days)} a week")
        case Monthly(days, times):
            shorter = (",".join(str(day) for day in days), f"{len(days)} a month")
        case _:
            return whole
    made = [f"{words} {_times(times)}" for words in shorter]
    return next((words for words in made if len(words) <= room), made[-1])


def downtime_words(grace: timedelta) -> str:
    """What becomes of runs whose time passed while no engine ran, in the words of the editor."""
    return f"one late run, within {format_duration(grace)}"


def zone_mark(name: str, now: datetime, shown: tzinfo) -> str:
    """`UTC`, `JST`: the zone of a schedule where its clock is not the one that is shown; "" where it is."""
    there = now.astimezone(ZoneInfo(name))
    return "" if there.utcoffset() == now.astimezone(shown).utcoffset() else there.tzname() or name


def _times(times: tuple[time, ...]) -> str:
    if len(times) > 2:
        return f"{times[0]:%H:%M} and {len(times) - 1} more"
    return " ".join(f"{at:%H:%M}" for at in times)


def _days(days: tuple[int, ...]) -> str:
    """`Mon-Fri Sun`: three and more that follow each other are a range."""
    made: list[str] = []
    start = 0
    for index, day in enumerate(days):
        if index + 1 < len(days) and days[index + 1] == day + 1:
            continue
        run = days[start : index + 1]
        made.extend([f"{DAYS[run[0]]}-{DAYS[day]}"] if len(run) > 2 else [DAYS[each] for each in run])
        start = index + 1
    return " ".join(made)
