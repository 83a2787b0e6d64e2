"""The words for times and rules: what is read, what is refused and with which hint."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.errors import InvalidInput
from deployx_tui.model.parse import (
    WEEKDAYS,
    format_duration,
    format_overlap,
    format_times,
    parse_assignment,
    parse_daily,
    parse_duration,
    parse_instant,
    parse_monthly,
    parse_overlap,
    parse_shell,
    parse_success_codes,
    parse_time,
    parse_weekly,
    zone_of,
)
from deployx_tui.model.schedule import Monthly, Overlap, OverlapKind, Weekly
from tests.unit.model import strategies


@given(st.integers(0, 3660 * 86400))
def test_a_duration_survives_its_text(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("1h30m", timedelta(minutes=90)),
        ("0s", timedelta()),
    ],
)
def test_durations_are_read(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", " ", "10", "10 m", "m", "-5s", "1.5h", "30m1h", "٣s", "99999999999d", "4000d"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_duration(text, "timeout_seconds")
    assert caught.value.problems[0].field == "timeout_seconds"


def test_a_bare_number_is_refused_with_the_units() -> None:
    with pytest.raises(InvalidInput, match="say 90s, 90m, 90h or 90d"):
        parse_duration("90")


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-12-24T03:00", "Europe/Berlin", "2026-12-24T02:00:00+00:00"),
        ("2026-12-24 03:00", "Europe/Berlin", "2026-12-24T02:00:00+00:00"),
        ("2026-12-24T03:00:30", "UTC", "2026-12-24T03:00:30+00:00"),
        ("2026-12-24T03:00-05:00", "Europe/Berlin", "2026-12-24T08:00:00+00:00"),
        ("2026-12-24T03:00Z", "Europe/Berlin", "2026-12-24T03:00:00+00:00"),
        ("2026-12-24", "Europe/Berlin", "2026-12-23T23:00:00+00:00"),
        # comes twice on that night: the first pass is meant
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30:00+00:00"),
        ("2026-10-25T02:30+01:00", "Europe/Berlin", "2026-10-25T01:30:00+00:00"),
    ],
)
def test_instants_are_read_in_their_zone(text: str, zone: str, expected: str) -> None:
    assert parse_instant(text, zone).isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "03:00", "tomorrow", "2026-13-01", "2026-12-24T25:00", "24.12.2026 03:00", "0001-01-01", "20261224"]
)
def test_other_instants_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_instant(text, "Europe/Berlin")


def test_a_time_that_the_clocks_skip_is_refused_with_the_one_after() -> None:
    with pytest.raises(InvalidInput, match="give 2027-03-28T03:30 or a time with an offset"):
        parse_instant("2027-03-28T02:30", "Europe/Berlin")


@pytest.mark.parametrize("name", ["", "Berlin", "Europe/", "../UTC", "/UTC", "Europe/../UTC", "x" * 200, "UTC\0", "Ü"])
def test_names_that_are_no_zone_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="IANA"):
        zone_of(name)


@pytest.mark.parametrize("name", ["posixrules", "localtime", "Factory", "posix/Europe/Berlin", "right/UTC"])
def test_what_lies_beside_the_zones_is_none(name: str) -> None:
    with pytest.raises(InvalidInput, match="IANA"):
        zone_of(name)


@pytest.mark.parametrize("text", ["", "24:00", "3", "3:5", "03:60", "03:00:00", "3pm", "٠٣:٠٠"])
def test_other_times_of_day_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="HH:MM"):
        parse_time(text)


def test_daily_takes_several_times() -> None:
    assert parse_daily("15:00,03:00").times == (time(3), time(15))


@given(st.builds(Weekly, strategies.weekdays, strategies.time_tuples))
def test_a_weekly_rule_is_days_at_times(rule: Weekly) -> None:
    days = ",".join(WEEKDAYS[day] for day in rule.days)
    assert parse_weekly(f"{days}@{format_times(rule.times)}") == rule


@given(st.builds(Monthly, strategies.month_days, strategies.time_tuples))
def test_a_monthly_rule_is_days_at_times(rule: Monthly) -> None:
    days = ",".join(str(day) for day in rule.days)
    assert parse_monthly(f"{days}@{format_times(rule.times)}") == rule


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon,thu@03:00", (0, 3)),
        ("Mon-Fri@03:00", (0, 1, 2, 3, 4)),
        ("fri-mon@03:00", (0, 4, 5, 6)),
        ("tuesday@3:00", (1,)),
    ],
)
def test_days_of_the_week_are_read(text: str, days: tuple[int, ...]) -> None:
    assert parse_weekly(text) == Weekly(days, (time(3),))


@pytest.mark.parametrize("text", ["mon", "@03:00", "mon@", "t@03:00", "mon,@03:00", "0@03:00", "mon@3", "monx@03:00"])
def test_other_weekly_rules_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_weekly(text)


@pytest.mark.parametrize("text", ["1", "0@03:00", "32@03:00", "last", "first@03:00", "1,@03:00", "-1@03:00"])
def test_other_monthly_rules_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_monthly(text)


@given(st.just(Overlap()) | st.builds(Overlap, st.just(OverlapKind.PARALLEL), st.integers(2, 1000)))
def test_an_overlap_rule_survives_its_text(overlap: Overlap) -> None:
    assert parse_overlap(format_overlap(overlap)) == overlap


@pytest.mark.parametrize(
    "text", ["", "queue", "parallel", "parallel:", "parallel:1", "parallel:x", "skip:2", "parallel:9999"]
)
def test_other_overlap_rules_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_overlap(text)


def test_success_codes_shells_and_assignments() -> None:
    assert parse_success_codes("0, 3010") == {0, 3010}
    assert parse_assignment("A=b=c") == ("A", "b=c")
    assert parse_assignment("A=") == ("A", "")
    assert parse_shell("bash").value == "bash"
    for wrong in (lambda: parse_success_codes("0,-1"), lambda: parse_assignment("A"), lambda: parse_shell("tcsh")):
        with pytest.raises(InvalidInput):
            wrong()
