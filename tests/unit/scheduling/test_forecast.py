"""The calendar's counts are exact: the same as stepping from fire to fire."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.schedule import Cron, Daily, Fold, Gap, Once, Schedule
from deployx_tui.scheduling.forecast import BINS, month_counts
from deployx_tui.scheduling.recurrence import compile_schedule
from tests.unit.scheduling.minute_model import random_case, utc
from tests.unit.scheduling.test_recurrence_model import ODD, ZONES, changes_of

DAYS = 9


def enumerated(schedules: list[tuple[Schedule, int]], zone: str, first: date, days: int) -> list[list[int]]:
    counts = [[0] * BINS for _ in range(days)]
    start = datetime.combine(first, time(), ZoneInfo("UTC")) - timedelta(days=3)
    for schedule, weight in schedules:
        rule = compile_schedule(schedule)
        at = start
        while (following := rule.next_after(at)) is not None and following < start + timedelta(days=days + 6):
            at = following
            wall = at.astimezone(ZoneInfo(zone))
            if 0 <= (wall.date() - first).days < days:
                counts[(wall.date() - first).days][wall.hour // 3] += weight
    return counts


def random_schedule(rng: random.Random, zone: str, near: datetime) -> Schedule:
    hour = near.astimezone(ZoneInfo(zone)).hour
    case = random_case(rng, [(hour + step) % 24 for step in range(-3, 4)])
    start = end = None
    if rng.random() < 0.2:
        start = near + timedelta(minutes=rng.randrange(-8000, 8000), microseconds=rng.choice([0, 1]))
    if rng.random() < 0.2:
        end = near + timedelta(minutes=rng.randrange(-8000, 8000), microseconds=rng.choice([0, -1]))
    return Schedule(
        recurrence=case.recurrence,
        zone=zone,
        gap=rng.choice(list(Gap)),
        fold=rng.choice(list(Fold)),
        start=start,
        end=end,
    )


def check(rng: random.Random, zones: list[str], shown_in: str, change: datetime, count: int) -> None:
    schedules: list[tuple[Schedule, int]] = []
    while len(schedules) < count:
        schedule = random_schedule(rng, rng.choice(zones), change)
        try:
            compile_schedule(schedule)
        except InvalidInput:
            continue
        schedules.append((schedule, rng.randint(1, 5)))
    schedules.append((Schedule(recurrence=Once(change), zone=zones[0]), 2))
    first = (change - timedelta(days=rng.randint(0, DAYS - 1))).date()
    assert [list(day) for day in month_counts(schedules, shown_in, first, DAYS)] == enumerated(
        schedules, shown_in, first, DAYS
    )


@pytest.mark.parametrize("zone", ZONES)
def test_counts_agree_with_enumeration_around_clock_changes(zone: str) -> None:
    rng = random.Random(zone)
    for change in changes_of(zone, 2026, 2026) or [utc(2026, 3, 1)]:
        # its own clock, and another's that changes about then
        check(rng, [zone], zone, change, 6)
        check(rng, [zone, "Europe/Berlin", "UTC"], rng.choice(ZONES), change, 6)


@pytest.mark.parametrize(("zone", "year"), ODD)
def test_counts_agree_with_enumeration_around_odd_changes(zone: str, year: int) -> None:
    rng = random.Random(f"{zone} {year}")
    for change in changes_of(zone, year, year):
        check(rng, [zone, "UTC"], zone, change, 6)
        check(rng, [zone], "Asia/Kathmandu", change, 6)


@pytest.mark.long
def test_counts_agree_with_enumeration_in_a_long_run() -> None:
    rng = random.Random(11)
    for _ in range(1500):
        zone = rng.choice(ZONES)
        changes = changes_of(zone, 2027, 2027) or [utc(2027, 7, 1)]
        check(rng, [zone, rng.choice(ZONES)], rng.choice(ZONES), rng.choice(changes), 12)


def test_a_whole_month_of_an_ordinary_rule() -> None:
    schedule = Schedule(recurrence=Daily((time(3), time(22, 30))), zone="Europe/Berlin")
    counts = month_counts([(schedule, 1), (schedule, 9)], "Europe/Berlin", date(2026, 11, 30), 42)
    assert set(counts) == {(0, 10, 0, 0, 0, 0, 0, 10)}


def test_every_minute_of_the_days_that_clocks_change_is_counted() -> None:
    every = [(Schedule(recurrence=Cron("* * * * *"), zone="America/New_York"), 1)]
    spring, autumn = (
        month_counts(every, "Europe/Berlin", day, 1)[0] for day in (date(2027, 3, 28), date(2027, 10, 31))
    )
    assert (sum(spring), spring[0]) == (23 * 60, 120)
    assert (sum(autumn), autumn[0]) == (25 * 60, 240)


def test_nothing_to_show_is_no_error() -> None:
    assert month_counts([], "UTC", date(2026, 12, 1), 2) == ((0,) * 8, (0,) * 8)


def test_what_is_no_schedule_is_refused() -> None:
    with pytest.raises(InvalidInput):
        month_counts([(Schedule(recurrence=Cron("x"), zone="UTC"), 1)], "UTC", date(2026, 12, 1), 2)
