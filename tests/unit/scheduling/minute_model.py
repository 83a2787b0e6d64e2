"""An independent model of when a schedule fires: it looks at every single minute and asks what a clock on the wall
shows. It shares no code with the product: no croniter, no bitmaps, no table of clock changes.
"""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from deployx_tui.model.schedule import Cron, Daily, Fold, Gap, Monthly, Recurrence, Schedule, ShortMonth, Weekly

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Minute:
    """One real minute: its instant, what the wall shows, and how the wall came there."""

    at: datetime
    wall: datetime
    #: wall minutes that the clock jumped over to get here
    skipped: tuple[datetime, ...]
    #: the wall showed this before
    is_repeat: bool


def minutes_between(zone: str, start: datetime, end: datetime) -> list[Minute]:
    """Every minute of [start, end), watched from two days before so that repeats are known."""
    tz = ZoneInfo(zone)
    seen: set[datetime] = set()
    result: list[Minute] = []
    at = start - timedelta(days=2)
    previous: datetime | None = None
    while at < end:
        wall = at.astimezone(tz).replace(tzinfo=None, fold=0)
        skipped: list[datetime] = []
        if previous is not None:
            missing = previous + MINUTE
            while missing < wall:
                skipped.append(missing)
                missing += MINUTE
        if at >= start:
            result.append(Minute(at, wall, tuple(skipped), wall in seen))
        seen.add(wall)
        previous = wall
        at += MINUTE
    return result


@dataclass(frozen=True)
class Case:
    """A recurrence, and the question `does the wall minute match` answered in the plainest way."""

    recurrence: Recurrence
    matches: Callable[[datetime], bool]
    is_wildcard: bool


def fires(case: Case, schedule: Schedule, minutes: list[Minute]) -> Iterator[datetime]:
    """The instants at which the schedule fires among `minutes`."""
    for minute in minutes:
        hit = case.matches(minute.wall)
        if not case.is_wildcard:
            if hit and minute.is_repeat and schedule.fold is Fold.FIRST:
                hit = False
            if schedule.gap is Gap.SHIFT and any(case.matches(wall) for wall in minute.skipped):
                hit = True
        if schedule.start is not None and minute.at < schedule.start:
            hit = False
        if schedule.end is not None and minute.at > schedule.end:
            hit = False
        if hit:
            yield minute.at


# ---- cases


def random_case(rng: random.Random, hours: list[int]) -> Case:
    """A random rule of any kind; `hours` are those worth meeting (near a clock change)."""
    kind = rng.choice(["daily", "weekly", "monthly", "cron", "cron", "cron"])
    if kind == "cron":
        return _random_cron(rng, hours)
    times = {
        (rng.choice(hours), rng.choice([0, 15, 30, 45, rng.randrange(60)])) for _ in range(rng.choice([1, 1, 2, 3]))
    }
    at = tuple(sorted(time(hour, minute) for hour, minute in times))
    if kind == "daily":
        return Case(Daily(at), lambda wall: (wall.hour, wall.minute) in times, False)
    if kind == "weekly":
        days = rng.sample(range(7), rng.randint(1, 7))
        return Case(
            Weekly(tuple(sorted(days)), at),
            lambda wall: (wall.hour, wall.minute) in times and wall.weekday() in days,
            False,
        )
    choices: list[int | Literal["last"]] = [*range(1, 32), "last", "last", 29, 30, 31]
    chosen = set(rng.sample(choices, rng.randint(1, 12)))
    short = rng.choice(list(ShortMonth))
    return Case(
        Monthly(tuple(sorted(chosen, key=str)), at, short),
        lambda wall: (wall.hour, wall.minute) in times and _is_month_day(wall.date(), chosen, short),
        False,
    )


def _is_month_day(day: date, chosen: set[int | Literal["last"]], short: ShortMonth) -> bool:
    if day.day in chosen:
        return True
    is_last = (day + timedelta(days=1)).month != day.month
    if not is_last:
        return False
    lacking = [number for number in chosen if number != "last" and number > calendar.monthrange(day.year, day.month)[1]]
    return "last" in chosen or (short is ShortMonth.LAST and bool(lacking))


_NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def _random_cron(rng: random.Random, hours: list[int]) -> Case:
    minute_text, minutes = _field(rng, 0, 59, [0, 15, 30])
    hour_text, of_hours = _field(rng, 0, 23, hours)
    day_text, days = _field(rng, 1, 31, [1, 15, 28, 29, 30, 31], star=0.6)
    month_text, months = _field(rng, 1, 12, list(range(1, 13)), star=0.8)
    weekday_text, weekdays = _field(rng, 0, 7, list(range(8)), star=0.6)
    sundays = {0 if number == 7 else number for number in weekdays}
    if weekday_text.isdigit() and rng.random() < 0.5:
        weekday_text = _NAMES[int(weekday_text) % 7]

    def matches(wall: datetime) -> bool:
        if wall.minute not in minutes or wall.hour not in of_hours or wall.month not in months:
            return False
        by_day, by_weekday = wall.day in days, wall.isoweekday() % 7 in sundays
        if day_text[0] == "*" or weekday_text[0] == "*":
            return by_day and by_weekday
        return by_day or by_weekday

    text = f"{minute_text} {hour_text} {day_text} {month_text} {weekday_text}"
    return Case(Cron(text), matches, minute_text[0] == "*" or hour_text[0] == "*")


def _field(rng: random.Random, low: int, high: int, likely: list[int], star: float = 0.35) -> tuple[str, set[int]]:
    """A cron field as text, and the numbers that it stands for."""
    draw = rng.random()
    if draw < star:
        if rng.random() < 0.6:
            return "*", set(range(low, high + 1))
        step = rng.randint(2, max(2, (high - low) // 2))
        # a star ends at the field's own maximum: weekday 7 is another name of 0
        return f"*/{step}", set(range(low, min(high, 6 if high == 7 else high) + 1, step))
    if draw < star + 0.3:
        number = rng.choice(likely)
        return str(number), {number}
    if draw < star + 0.45:
        numbers = sorted(rng.sample(range(low, high + 1), rng.randint(2, 4)))
        return ",".join(map(str, numbers)), set(numbers)
    first = rng.randint(low, high)
    last = rng.randint(first, high)
    if (first, last) == (0, 7):
        last = 6
    if rng.random() < 0.5:
        return f"{first}-{last}", set(range(first, last + 1))
    step = rng.randint(1, 7)
    # one number with a step is that number
    return f"{first}-{last}/{step}", set(range(first, last + 1, step))


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)
