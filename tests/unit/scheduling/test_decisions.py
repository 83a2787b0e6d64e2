"""Overlap and catch-up, by tables."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.schedule import Cron, Daily, Overlap, OverlapKind, Schedule
from deployx_tui.scheduling import catchup, overlap
from deployx_tui.scheduling.recurrence import compile_schedule
from tests.unit.scheduling.minute_model import utc

HOUR = timedelta(hours=1)
PARALLEL = Overlap(OverlapKind.PARALLEL, 3)


@pytest.mark.parametrize(
    ("rule", "alive", "starts"),
    [
        (Overlap(), 0, True),
        (Overlap(), 1, False),
        (Overlap(), 7, False),
        (PARALLEL, 0, True),
        (PARALLEL, 2, True),
        (PARALLEL, 3, False),
        (PARALLEL, 4, False),
    ],
)
def test_a_fire_starts_below_the_limit_and_is_skipped_above_it(rule: Overlap, alive: int, starts: bool) -> None:
    assert isinstance(overlap.decide(rule, [ExecutionId(20 + run) for run in range(alive)]), overlap.Start) is starts


@pytest.mark.parametrize(
    ("rule", "alive", "why"),
    [
        (Overlap(), [20], "overlap skip: #20 still runs"),
        (Overlap(), [20, 21], "overlap skip: #20, #21 still run"),
        (PARALLEL, [20, 21, 22], "overlap parallel:3: #20, #21, #22 still run"),
        (PARALLEL, [20, 21, 22, 23, 24], "overlap parallel:3: #20, #21, #22 and 2 more still run"),
    ],
)
def test_a_skip_names_the_rule_and_the_runs_that_it_gave_way_to(rule: Overlap, alive: list[int], why: str) -> None:
    assert overlap.decide(rule, [ExecutionId(run) for run in alive]) == overlap.Skip(why)


DAILY = compile_schedule(Schedule(recurrence=Daily((time(3),)), zone="UTC")).next_after
EVERY_5 = compile_schedule(Schedule(recurrence=Cron("*/5 * * * *"), zone="UTC")).next_after
NOMINAL = utc(2026, 12, 1, 3)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOMINAL, catchup.OnTime(utc(2026, 12, 2, 3))),
        (NOMINAL + timedelta(seconds=59), catchup.OnTime(utc(2026, 12, 2, 3))),
        (NOMINAL + HOUR / 2, catchup.RunLate(utc(2026, 12, 2, 3), HOUR / 2)),
        (NOMINAL + HOUR, catchup.RunLate(utc(2026, 12, 2, 3), HOUR)),
        (NOMINAL + 2 * HOUR, catchup.Missed(utc(2026, 12, 2, 3), 2 * HOUR)),
        # a day later the next instant is due at once, within its own grace
        (NOMINAL + 24 * HOUR, catchup.Missed(utc(2026, 12, 2, 3), 24 * HOUR)),
        (NOMINAL + 25 * HOUR, catchup.Missed(utc(2026, 12, 2, 3), 25 * HOUR)),
        (NOMINAL + 26 * HOUR, catchup.Missed(utc(2026, 12, 3, 3), 26 * HOUR)),
    ],
)
def test_a_daily_instant(now: datetime, expected: object) -> None:
    assert catchup.decide(NOMINAL, now, HOUR, DAILY) == expected


def test_without_grace_whatever_is_late_is_missed() -> None:
    decision = catchup.decide(NOMINAL, NOMINAL + timedelta(minutes=7), timedelta(), EVERY_5)
    assert decision == catchup.Missed(utc(2026, 12, 1, 3, 10), timedelta(minutes=7))


@given(st.integers(0, 10**6), st.integers(0, 10**5))
def test_after_any_downtime_at_most_one_run_and_one_missed_row_follow(down_s: int, grace_s: int) -> None:
    now, grace = NOMINAL + timedelta(seconds=down_s), timedelta(seconds=grace_s)
    at: datetime | None = NOMINAL
    seen: list[str] = []
    while at is not None and at <= now:
        decision = catchup.decide(at, now, grace, EVERY_5)
        seen.append(type(decision).__name__)
        at = decision.next
    assert seen in (
        ["OnTime"],
        ["RunLate"],
        ["Missed"],
        ["Missed", "RunLate"],
        ["Missed", "OnTime"],
        ["OnTime", "OnTime"],
    )
    assert at is not None
    assert at - now <= timedelta(minutes=5)
