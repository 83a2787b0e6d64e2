"""`next_after` agrees with the minute-by-minute model around every clock change of two years."""

from __future__ import annotations

import random
import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.schedule import Cron, Fold, Gap, Schedule
from deployx_tui.scheduling.recurrence import compile_schedule
from tests.unit.scheduling.minute_model import Case, Minute, fires, minutes_between, random_case, utc

YEARS = (2026, 2027)
ZONES = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",  # winter time is the negative one
    "America/New_York",
    "America/St_Johns",  # half an hour off
    "America/Santiago",  # changes at midnight
    "America/Havana",  # changes at midnight, and back over it
    "America/Nuuk",
    "Africa/Cairo",  # midnight
    "Africa/Casablanca",  # Ramadan
    "Asia/Beirut",  # midnight
    "Asia/Jerusalem",
    "Asia/Gaza",
    "Atlantic/Azores",
    "Australia/Lord_Howe",  # by half an hour
    "Australia/Adelaide",
    "Pacific/Auckland",
    "Pacific/Chatham",  # a quarter
    "Antarctica/Troll",  # by two hours
    "UTC",
    "Asia/Kolkata",
]
#: clock changes that are not a daylight saving time
ODD = [
    ("Pacific/Apia", 2011),  # a whole day was skipped
    ("America/Goose_Bay", 2010),  # back over midnight, at one minute past it
    ("Asia/Pyongyang", 2015),
    ("Asia/Pyongyang", 2018),
    ("America/Caracas", 2016),
    ("Europe/Volgograd", 2020),
    ("Europe/Istanbul", 2016),
    ("Pacific/Kwajalein", 1993),  # another whole day
]
MARGIN = timedelta(days=1, hours=6)


def changes_of(zone: str, first_year: int, last_year: int) -> list[datetime]:
    """Found by looking at every hour; each stands within the hour before what is given."""
    tz = ZoneInfo(zone)
    found = []
    at = datetime(first_year, 1, 1, tzinfo=UTC)
    while at.year <= last_year:
        following = at + timedelta(hours=1)
        if at.astimezone(tz).utcoffset() != following.astimezone(tz).utcoffset():
            found.append(following)
        at = following
    return found


def window_around(zone: str, change: datetime) -> list[Minute]:
    return minutes_between(zone, change - MARGIN, change + MARGIN)


def check(zone: str, minutes: list[Minute], rng: random.Random) -> int:
    """Hold one random rule against the model; the number of fires compared."""
    near = minutes[len(minutes) // 2].wall.hour
    hours = [(near + step) % 24 for step in (-2, -1, -1, 0, 0, 0, 1, 1, 2)]
    case = random_case(rng, hours)
    start = end = None
    if rng.random() < 0.2:
        start = rng.choice(minutes).at + timedelta(microseconds=rng.choice([0, 0, 1]))
    if rng.random() < 0.2:
        end = rng.choice(minutes).at - timedelta(microseconds=rng.choice([0, 0, 1]))
    schedule = Schedule(
        recurrence=case.recurrence,
        zone=zone,
        gap=rng.choice(list(Gap)),
        fold=rng.choice(list(Fold)),
        start=start,
        end=end,
    )
    expected = list(fires(case, schedule, minutes))
    try:
        rule = compile_schedule(schedule)
    except InvalidInput as error:
        # refused is only what would never fire
        if not expected and ("never have" in str(error) or "lies before" in str(error)):
            return 0
        raise
    found = []
    at = minutes[0].at - timedelta(seconds=1)
    while (following := rule.next_after(at)) is not None and following <= minutes[-1].at:
        found.append(following)
        at = following
    assert found == expected, schedule
    # asked from anywhere, also from between two minutes, it gives the first one strictly later
    for _ in range(5):
        at = rng.choice(minutes).at + timedelta(milliseconds=rng.choice([0, 0, 1, 59_999]))
        later = next((instant for instant in expected if instant > at), None)
        answer = rule.next_after(at)
        assert answer == later or (later is None and (answer is None or answer > minutes[-1].at)), (schedule, at)
    return len(expected)


def check_zone(zone: str, changes: list[datetime], rules: int, seed: int) -> None:
    rng = random.Random(f"{zone} {seed}")
    compared = 0
    for change in changes:
        minutes = window_around(zone, change)
        compared += sum(check(zone, minutes, rng) for _ in range(rules))
    assert compared > 0


def test_at_least_fifteen_zones_change_their_clocks_in_these_years() -> None:
    assert sum(bool(changes_of(zone, *YEARS)) for zone in ZONES) >= 15


@pytest.mark.parametrize("zone", ZONES)
def test_next_after_agrees_with_the_model_around_every_clock_change(zone: str) -> None:
    changes = changes_of(zone, *YEARS) or [utc(2026, 3, 1)]
    check_zone(zone, changes, rules=40, seed=1)


@pytest.mark.parametrize(("zone", "year"), ODD)
def test_next_after_agrees_with_the_model_around_odd_changes(zone: str, year: int) -> None:
    changes = changes_of(zone, year, year)
    assert changes
    check_zone(zone, changes, rules=40, seed=2)


@pytest.mark.parametrize(("text", "month", "weekday"), [("0 0 31 9 fri", 9, 4), ("30 6 30 2 1", 2, 0)])
def test_a_day_that_its_month_never_has_leaves_the_weekday_beside_it(text: str, month: int, weekday: int) -> None:
    minute, hour = (int(word) for word in text.split()[:2])
    case = Case(
        Cron(text),
        lambda wall: (wall.month, wall.weekday(), wall.hour, wall.minute) == (month, weekday, hour, minute),
        False,
    )
    minutes = minutes_between("Europe/Berlin", utc(2027, month, 1) - timedelta(days=5), utc(2027, month, 28))
    schedule = Schedule(recurrence=case.recurrence, zone="Europe/Berlin")
    expected = list(fires(case, schedule, minutes))
    assert len(expected) == 4
    found = compile_schedule(schedule).fires(minutes[0].at, 4)
    assert [fire.at for fire in found] == expected


@pytest.mark.long
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("seed", range(10, 15))
def test_next_after_agrees_with_the_model_in_a_long_run(zone: str, seed: int) -> None:
    check_zone(zone, changes_of(zone, *YEARS) or [utc(2026, 3, 1)], rules=400, seed=seed)


@pytest.mark.long
def test_next_after_agrees_with_the_model_in_every_zone_there_is() -> None:
    for zone in sorted(zoneinfo.available_timezones()):
        changes = changes_of(zone, *YEARS)
        if changes:
            check_zone(zone, changes, rules=20, seed=3)
