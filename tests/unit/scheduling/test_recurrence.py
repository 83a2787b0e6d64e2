"""Schedules as people write them: the instants, the notes on odd nights, and what is refused."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, time, timedelta

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.schedule import (
    ClockNote,
    Cron,
    Daily,
    Fold,
    Gap,
    Monthly,
    Once,
    Recurrence,
    Schedule,
    ShortMonth,
    Weekly,
)
from deployx_tui.scheduling.recurrence import compile_schedule
from tests.unit.scheduling.minute_model import utc

BERLIN = "Europe/Berlin"
#: clocks go from 02:00 to 03:00
SPRING = utc(2027, 3, 28, 1)
#: clocks go from 03:00 to 02:00
AUTUMN = utc(2027, 10, 31, 1)
AT_0230 = Daily((time(2, 30),))


def fires(schedule: Schedule, after: datetime, count: int) -> list[tuple[str, ClockNote | None]]:
    return [(f"{fire.at:%m-%d %H:%M}", fire.note) for fire in compile_schedule(schedule).fires(after, count)]


def test_a_fixed_time_in_a_spring_gap_fires_once_after_it() -> None:
    assert fires(Schedule(recurrence=AT_0230, zone=BERLIN), SPRING - timedelta(days=1), 3) == [
        ("03-27 01:30", None),
        ("03-28 01:00", ClockNote.SHIFTED),
        ("03-29 00:30", None),
    ]


def test_two_fixed_times_in_one_gap_fire_once_together() -> None:
    both = Daily((time(2, 15), time(2, 45), time(3)))
    assert fires(Schedule(recurrence=both, zone=BERLIN), SPRING - timedelta(hours=1), 2) == [
        # 03:00 itself is an ordinary time of that day
        ("03-28 01:00", None),
        ("03-29 00:15", None),
    ]


def test_a_fixed_time_in_a_spring_gap_can_be_skipped() -> None:
    assert fires(Schedule(recurrence=AT_0230, zone=BERLIN, gap=Gap.SKIP), SPRING - timedelta(days=1), 2) == [
        ("03-27 01:30", None),
        ("03-29 00:30", None),
    ]


def test_a_fixed_time_in_an_autumn_fold_fires_on_the_first_pass_or_on_both() -> None:
    day_before = AUTUMN - timedelta(days=1)
    assert fires(Schedule(recurrence=AT_0230, zone=BERLIN), day_before, 3) == [
        ("10-31 00:30", ClockNote.REPEATED),
        ("11-01 01:30", None),
        ("11-02 01:30", None),
    ]
    assert fires(Schedule(recurrence=AT_0230, zone=BERLIN, fold=Fold.BOTH), day_before, 3) == [
        ("10-31 00:30", ClockNote.REPEATED),
        ("10-31 01:30", ClockNote.REPEATED),
        ("11-01 01:30", None),
    ]


def test_a_wildcard_fires_at_every_real_minute_whatever_the_policies() -> None:
    for gap, fold in ((Gap.SHIFT, Fold.FIRST), (Gap.SKIP, Fold.BOTH)):
        every = compile_schedule(Schedule(recurrence=Cron("*/30 * * * *"), zone=BERLIN, gap=gap, fold=fold))
        for change in (SPRING, AUTUMN):
            instants = [fire.at for fire in every.fires(change - timedelta(hours=3), 12)]
            assert {b - a for a, b in itertools.pairwise(instants)} == {timedelta(minutes=30)}


def test_a_month_without_the_day_is_skipped_or_ends_with_it() -> None:
    for policy, expected in {
        ShortMonth.SKIP: ["01-31", "03-31", "05-31"],
        ShortMonth.LAST: ["01-31", "02-28", "03-31", "04-30", "05-31"],
    }.items():
        rule = compile_schedule(Schedule(recurrence=Monthly((31,), (time(3),), policy), zone="UTC"))
        assert [f"{fire.at:%m-%d}" for fire in rule.fires(utc(2027, 1, 1), len(expected))] == expected


def test_a_single_run_fires_once_and_never_again() -> None:
    rule = compile_schedule(Schedule(recurrence=Once(AUTUMN), zone=BERLIN))
    assert rule.next_after(AUTUMN - timedelta(microseconds=1)) == AUTUMN
    assert rule.next_after(AUTUMN) is None


def test_the_bounds_are_inclusive() -> None:
    schedule = Schedule(recurrence=AT_0230, zone="UTC", start=utc(2027, 1, 2, 2, 30), end=utc(2027, 1, 3, 2, 30))
    assert fires(schedule, utc(2026, 1, 1), 5) == [("01-02 02:30", None), ("01-03 02:30", None)]


def test_weekly_from_a_tuesday_first_runs_on_the_monday_after() -> None:
    schedule = Schedule(recurrence=Weekly((0,), (time(2),)), zone="UTC", start=utc(2026, 12, 1, 10))
    assert fires(schedule, utc(2026, 11, 1), 1) == [("12-07 02:00", None)]


def test_a_leap_day_on_a_given_weekday_is_found_across_decades() -> None:
    rule = compile_schedule(Schedule(recurrence=Cron("0 0 29 2 */7"), zone="UTC"))
    assert rule.next_after(utc(2084, 1, 1)) == utc(2088, 2, 29)
    # 29 February is a Sunday in 2088 and, past the year 2100, again in 2128
    assert rule.next_after(utc(2088, 3, 1)) == utc(2128, 2, 29)


def test_the_end_of_time_is_no_error() -> None:
    rule = compile_schedule(Schedule(recurrence=AT_0230, zone=BERLIN))
    assert rule.next_after(datetime(8999, 12, 31, 23, tzinfo=UTC)) is None
    assert rule.next_after(datetime.max.replace(tzinfo=UTC)) is None


def test_a_rule_is_compiled_once() -> None:
    schedule = Schedule(recurrence=AT_0230, zone=BERLIN)
    again = Schedule(recurrence=Daily((time(2, 30),)), zone=BERLIN)
    assert compile_schedule(schedule) is compile_schedule(again)


@pytest.mark.parametrize(
    ("recurrence", "changes", "field"),
    [
        (AT_0230, {"zone": "Europe/Nowhere"}, "timezone"),
        (AT_0230, {"start": SPRING, "end": SPRING - timedelta(days=1)}, "end"),
        (AT_0230, {"start": AUTUMN, "end": AUTUMN + timedelta(minutes=1)}, "end"),
        (Once(SPRING), {"start": SPRING + timedelta(1)}, "start"),
        (Once(SPRING), {"end": SPRING - timedelta(1)}, "end"),
        (Daily(()), {}, "recurrence_config.time"),
        (Daily((time(3, 0, 30),)), {}, "recurrence_config.time"),
        (Weekly((), (time(3),)), {}, "recurrence_config.days_of_week"),
        (Weekly((7,), (time(3),)), {}, "recurrence_config.days_of_week"),
        (Weekly((-1,), (time(3),)), {}, "recurrence_config.days_of_week"),
        (Monthly((), (time(3),)), {}, "recurrence_config.day_of_month"),
        (Monthly((0,), (time(3),)), {}, "recurrence_config.day_of_month"),
        (Monthly((32,), (time(3),)), {}, "recurrence_config.day_of_month"),
        (Cron("0 0 30 2 *"), {}, "recurrence_config.cron_expression"),
    ],
)
def test_what_is_no_rule_is_refused_by_its_field(
    recurrence: Recurrence, changes: dict[str, object], field: str
) -> None:
    schedule = Schedule(**{"recurrence": recurrence, "zone": BERLIN, **changes})  # type: ignore[arg-type] # a table
    with pytest.raises(InvalidInput) as caught:
        compile_schedule(schedule)
    assert [problem.field for problem in caught.value.problems] == [field]
    assert caught.value.problems[0].remedy


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("61 * * * *", "minute 61 is not in 0 to 59"),
        ("*/15 8-24 * * *", "hour 24 is not in 0 to 23"),
        ("0 0 0 * *", "day 0 is not in 1 to 31"),
        ("0 0 1,15 13 *", "month 13 is not in 1 to 12"),
        ("0 0 * * 8", "weekday 8 is not in 0 to 7"),
        ("0 noon * * *", "the hour 'noon' can't be read"),
        ("0 0 * * mon-fro", "the weekday 'mon-fro' can't be read"),
    ],
)
def test_the_field_of_a_cron_rule_that_is_wrong_is_named(expression: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compile_schedule(Schedule(recurrence=Cron(expression), zone=BERLIN))
    assert [problem.message for problem in caught.value.problems] == [f"{expression!r} is not a cron rule: {says}"]


@pytest.mark.parametrize(
    ("expression", "says", "remedy"),
    [
        ("5-1 * * * *", "the minute 5-1 goes backwards", "two parts: 5-59,0-1"),
        ("0 9,22-6/2 * * *", "the hour 22-6 goes backwards", "two parts: 22-23,0-6"),
        ("0 0 28-3 * *", "the day 28-3 goes backwards", "two parts: 28-31,1-3"),
        ("0 0 1 Nov-Feb *", "the month nov-feb goes backwards", "two parts: nov-dec,jan-feb"),
        ("0 0 * * sat-mon", "the weekday sat-mon goes backwards", "two parts: sat-sat,sun-mon"),
        ("0 0 * * 5-1", "the weekday 5-1 goes backwards", "two parts: 5-6,0-1"),
        ("0 0 * * 7-2", "the weekday 7-2 goes backwards", "0-2"),
    ],
)
def test_a_range_over_the_end_of_its_field_is_refused_with_the_two_that_are_meant(
    expression: str, says: str, remedy: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        compile_schedule(Schedule(recurrence=Cron(expression), zone=BERLIN))
    (problem,) = caught.value.problems
    assert (problem.message, problem.remedy) == (says, f"write {remedy}")
    first, _, last = says.split()[2].partition("-")
    mended = expression.lower().replace(f"{first}-{last}", remedy.rsplit(maxsplit=1)[-1])
    compile_schedule(Schedule(recurrence=Cron(mended), zone=BERLIN))


def test_a_week_that_ends_on_sunday_goes_forward() -> None:
    week = [compile_schedule(Schedule(recurrence=Cron(f"0 3 * * {days}"), zone=BERLIN)) for days in ("fri-sun", "5-7")]
    assert week[0].fires(AUTUMN, 9) == week[1].fires(AUTUMN, 9)


def test_every_problem_of_a_schedule_is_told() -> None:
    schedule = Schedule(recurrence=Cron("x"), zone="y", start=SPRING, end=SPRING - timedelta(1))
    with pytest.raises(InvalidInput) as caught:
        compile_schedule(schedule)
    fields = {problem.field for problem in caught.value.problems}
    assert fields == {"timezone", "recurrence_config.cron_expression", "end"}


def test_a_single_run_is_over_after_its_own_millisecond() -> None:
    """The store keeps milliseconds: what it keeps of a finer instant must not be followed by the same instant."""
    at = datetime(2026, 11, 23, 15, 52, 10, 892_123, tzinfo=UTC)
    rule = compile_schedule(Schedule(recurrence=Once(at), zone="UTC"))
    fire = rule.next_after(at - timedelta(seconds=1))
    assert fire == at.replace(microsecond=892_000)
    assert rule.next_after(fire) is None
