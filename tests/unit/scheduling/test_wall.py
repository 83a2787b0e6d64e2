"""Cron expressions: what is read, held against croniter's own stepping, and what is refused."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from croniter import croniter

from deployx_tui.errors import InvalidInput
from deployx_tui.scheduling.cron import cron_rule
from tests.unit.scheduling.minute_model import random_case

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- wall time has no zone


def walls(expression: str, start: datetime, count: int) -> list[datetime]:
    rule = cron_rule(expression)
    found: list[datetime] = []
    at = (start - EPOCH) // timedelta(seconds=1)
    while len(found) < count and (at_next := rule.first_from(at)) is not None:
        found.append(EPOCH + timedelta(seconds=at_next))
        at = at_next + 60
    return found


def croniters(expression: str, start: datetime, count: int) -> list[datetime]:
    stepper = croniter(expression, start - timedelta(seconds=1), ret_type=datetime, implement_cron_bug=True)
    return [stepper.get_next() for _ in range(count)]


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "*/7 * * * *",
        "5,50 */6 * * *",
        "0 9 * * 1-5",
        "0 9 * * mon-fri",
        "0 0 * * 7",
        "0 0 * * 5-7",
        "0 0 1,15 * 1",
        "0 0 */5 * 1",
        "0 0 29 2 *",
        "0 0 31 9 fri",
        "0 0 30 2 1",
        "0 0 31 * *",
        "0 0 l * *",
        "0 0 15,L * *",
        "0 0 28-l * *",
        "0 0 * * l5",
        "0 0 * * 2#2",
        "0 0 * * 5#5",
        "0 0 * * mon#1,wed#3",
        "0 0 15w * *",
        "0 0 1w * *",
        "0 0 31W * *",
        "0 0 ? * 3",
        "*,5 0 * * *",
        "0 0 1-31 * 1",
        "0 0 1 jan-mar *",
        "@hourly",
        "@daily",
        "@midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "@annually",
    ],
)
def test_stepping_agrees_with_croniter(expression: str) -> None:
    for start in (datetime(2026, 11, 23, 15, 7), datetime(2096, 1, 31, 23, 59)):  # noqa: DTZ001 -- wall time
        assert walls(expression, start, 40) == croniters(expression, start, 40)


def test_random_expressions_agree_with_croniter() -> None:
    rng = random.Random(7)
    compared = 0
    while compared < 400:
        case = random_case(rng, list(range(24)))
        expression = getattr(case.recurrence, "expression", None)
        if expression is None:
            continue
        start = EPOCH + timedelta(minutes=rng.randrange(60 * 365 * 1440))
        try:
            found = walls(expression, start, 15)
        except InvalidInput:
            continue
        # croniter reads a-a as the whole cycle; here it is a
        if any(
            part.split("/")[0].split("-")[0] == part.split("/")[0].split("-")[-1] and "-" in part
            for part in expression.split()
        ):
            continue
        assert found == croniters(expression, start, 15), (expression, start)
        compared += 1


def test_a_range_of_one_is_that_one() -> None:
    start = datetime(2026, 11, 23)  # noqa: DTZ001 -- wall time
    for written, meant in {
        "5-5 3 * * *": "5 3 * * *",
        "0 3 * * 1-1": "0 3 * * 1",
        "0 3 * * mon-mon": "0 3 * * mon",
        "0 3 4-4/2 * *": "0 3 4 * *",
        "0 3-3,7 * * *": "0 3,7 * * *",
    }.items():
        assert walls(written, start, 20) == walls(meant, start, 20)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "not a cron rule"),
        ("hello", "1 field"),
        ("* * * *", "4 fields"),
        ("* * * * * *", "6 fields"),
        ("0 * * * * * 2027", "7 fields"),
        ("60 * * * *", "not a cron rule"),
        ("* 24 * * *", "not a cron rule"),
        ("* * 0 * *", "not a cron rule"),
        ("* * 32 * *", "not a cron rule"),
        ("* * * 13 *", "not a cron rule"),
        ("* * * * 8", "not a cron rule"),
        ("-1 * * * *", "not a cron rule"),
        ("*/0 * * * *", "not a cron rule"),
        ("1.5 * * * *", "not a cron rule"),
        ("* * * * *#2", "not a cron rule"),
        ("0 0 * * mon#6", "not a cron rule"),
        ("٣ * * * *", "not a cron rule"),
        ("@reboot", "names no time"),
        ("@fortnightly", "not a cron rule"),
        ("R 3 * * *", "nobody chose"),
        ("H 3 * * *", "nobody chose"),
        ("H(0-29) 3 * * *", "nobody chose"),
        ("R/15 * * * *", "nobody chose"),
        ("0 0 1 * mon#2", "joined with another day rule"),
        ("0 0 15W * 1", "joined with another day rule"),
        ("0 0 30 2 *", "never"),
        ("0 0 31 4,6,9,11 *", "never"),
        ("0 0 31W 2 *", "never"),
        ("0 0 31W 2 1", "joined with another day rule"),
        (",".join(["0"] * 60) + " * * * *", "longer than 100"),
    ],
)
def test_what_can_not_be_meant_is_refused(expression: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        cron_rule(expression)
    assert caught.value.problems[0].field == "recurrence_config.cron_expression"
    assert caught.value.problems[0].remedy
