"""How far files are over: the rate is of the last seconds, and begins anew with another connection."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.engine.meter import TransferMeter
from deployx_tui.model.execution import TargetCounts, TransferProgress
from deployx_tui.model.outcome_words import changed_words, progress_words


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_before_the_first_byte_nothing_is_said() -> None:
    meter = TransferMeter(Clock())
    assert meter.now() is None
    meter(0, 0)
    assert meter.now() is None


def test_the_rate_is_of_the_last_seconds_and_says_what_is_left() -> None:
    clock = Clock()
    meter = TransferMeter(clock)
    for second in range(60):
        meter(second * 1000, 100_000)
        clock.now += 1
    assert meter.now() == TransferProgress(done=59_000, total=100_000, rate=833)  # it is a second ago
    clock.now += 3600
    stalled = meter.now()
    assert stalled is not None
    assert stalled.rate < 2, "a network that is no more has no rate"
    for second in range(20):
        meter(59_000 + second * 10, 100_000)
        clock.now += 1
    slower = meter.now()
    assert slower is not None
    assert 5 <= slower.rate <= 10


def test_one_that_begins_again_has_the_rate_of_the_new_connection() -> None:
    clock = Clock()
    meter = TransferMeter(clock)
    meter(0, 1000)
    clock.now += 1
    meter(900, 1000)
    clock.now += 1
    meter(500, 1000)
    clock.now += 1
    meter(510, 1000)
    assert meter.now() == TransferProgress(done=510, total=1000, rate=10)


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(0, 1 << 40)), max_size=200))
def test_no_rate_is_negative_and_no_more_is_remembered_than_the_window(steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    meter = TransferMeter(clock)
    for passed, done in steps:
        clock.now += passed
        meter(done, 1 << 40)
        found = meter.now()
        assert found is not None
        assert found.rate >= 0
    assert len(meter._points) <= 24


def test_words() -> None:
    progress = TransferProgress(done=540 << 20, total=1200 << 20, rate=30 << 20)
    assert progress.left == timedelta(seconds=22)
    assert progress_words(progress) == "45 % of 1.2 GiB, 30 MiB/s, 22s left"
    slow = TransferProgress(done=0, total=1200 << 20, rate=1 << 20)
    assert progress_words(slow) == "0 % of 1.2 GiB, 1 MiB/s, 20m left"
    assert progress_words(TransferProgress(done=0, total=2048)) == "0 % of 2 KiB"
    assert changed_words(TargetCounts(changed=3, unchanged=197)) == "changed 3, unchanged 197"
    assert changed_words(TargetCounts(succeeded=200)) == ""
