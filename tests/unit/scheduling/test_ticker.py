"""The clockwork: what is due is claimed and handed on, whatever the store and the clocks do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from deployx_tui.model.ids import ExecutionId
from deployx_tui.scheduling.clock_step import ClockStep, StepWatch
from deployx_tui.scheduling.due import Claimed
from deployx_tui.scheduling.ticker import APSchedulerTicker

PATIENCE = 30.0


class FakeDue:
    """Answers from a script; tells the test of every claim."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.answers: list[Claimed | Exception] = []
        self.next: datetime | Exception | None = None
        self.steps: list[ClockStep] = []
        self.step_errors: list[Exception] = []
        self.nows: list[datetime] = []

    def __call__(self, now: datetime) -> Claimed:
        self.nows.append(now)
        answer = self.answers.pop(0) if self.answers else Claimed((), more=False)
        self.asked.release()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def next_due(self) -> datetime | None:
        if isinstance(self.next, Exception):
            raise self.next
        return self.next

    def clock_stepped(self, step: ClockStep) -> None:
        if self.step_errors:
            raise self.step_errors.pop(0)
        self.steps.append(step)


class Hands:
    """Where claimed executions arrive."""

    def __init__(self) -> None:
        self.got: list[ExecutionId] = []
        self._arrived = threading.Condition()
        self.error: Exception | None = None

    def __call__(self, runs: tuple[ExecutionId, ...]) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        with self._arrived:
            self.got += runs
            self._arrived.notify_all()

    def wait_for(self, count: int) -> list[ExecutionId]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.got) >= count, PATIENCE)
            return list(self.got)


class Clocks:
    """A wall clock that can be set, and one that can't."""

    def __init__(self) -> None:
        self.wall, self.boot = datetime(2026, 3, 1, 12, tzinfo=UTC), 1000.0


@pytest.fixture
def due() -> FakeDue:
    return FakeDue()


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


Start = Callable[..., APSchedulerTicker]


@pytest.fixture
def start(due: FakeDue, hands: Hands, clocks: Clocks) -> Iterator[Start]:
    running: list[APSchedulerTicker] = []

    def make(poll: float = 0.01) -> APSchedulerTicker:
        ticker = APSchedulerTicker(due, hands, poll=poll, wall=lambda: clocks.wall, boot=lambda: clocks.boot)
        ticker.start()
        running.append(ticker)
        return ticker

    yield make
    for ticker in running:
        ticker.stop()


def runs(*numbers: int) -> Claimed:
    return Claimed(tuple(ExecutionId(n) for n in numbers), more=False)


def ask(due: FakeDue, times: int = 1) -> None:
    for _ in range(times):
        assert due.asked.acquire(timeout=PATIENCE)


def test_what_a_claim_made_is_handed_on_in_order(due: FakeDue, hands: Hands, start: Start) -> None:
    due.answers = [runs(1, 2), runs(), runs(3)]
    start()
    assert hands.wait_for(3) == [1, 2, 3]


def test_a_full_batch_is_followed_by_the_next_without_a_pause(due: FakeDue, hands: Hands, start: Start) -> None:
    due.answers = [Claimed((ExecutionId(n),), more=n < 5) for n in range(1, 6)]
    start(poll=3600)
    assert hands.wait_for(5) == [1, 2, 3, 4, 5]


def test_the_clock_of_the_claim_is_the_wall_clock(due: FakeDue, clocks: Clocks, start: Start) -> None:
    start()
    ask(due)
    assert due.nows[0] == clocks.wall


def test_it_looks_again_at_each_poll_though_nothing_is_scheduled(due: FakeDue, start: Start) -> None:
    start()
    ask(due, times=5)


def test_it_looks_again_at_each_poll_though_the_next_instant_is_far(due: FakeDue, start: Start) -> None:
    """An edit by another process may bring an instant nearer; and a clock may be set."""
    due.next = datetime(2999, 1, 1, tzinfo=UTC)
    start()
    ask(due, times=5)


def test_it_looks_at_the_next_instant_though_the_poll_is_later(due: FakeDue, start: Start) -> None:
    due.next = datetime.now(UTC) + timedelta(seconds=0.2)
    start(poll=3600)
    ask(due, times=2)


def test_what_is_due_and_cannot_be_claimed_is_asked_for_once_a_poll(due: FakeDue, clocks: Clocks, start: Start) -> None:
    due.next = clocks.wall - timedelta(hours=1)
    due.answers = [Claimed((), more=False), OSError("disk full")]
    ticker = start(poll=3600)
    ask(due)
    ticker.wake()
    ask(due)
    ticker.wake()
    ask(due)
    ticker.stop()
    assert len(due.nows) == 3  # not a thousand


def test_a_wake_is_a_look(due: FakeDue, start: Start) -> None:
    ticker = start(poll=3600)
    ask(due)
    ticker.wake()
    ask(due)


def test_a_wake_before_the_start_is_nothing(due: FakeDue, hands: Hands) -> None:
    APSchedulerTicker(due, hands).wake()
    assert due.nows == []


@pytest.mark.parametrize("error", [OSError("disk full"), ValueError("a bug"), KeyError("x")])
def test_a_throwing_store_never_ends_the_thread(due: FakeDue, hands: Hands, start: Start, error: Exception) -> None:
    due.answers = [error, error, runs(1), error, runs(2)]
    start()
    assert hands.wait_for(2) == [1, 2]


def test_a_next_instant_that_cannot_be_read_never_ends_the_thread(due: FakeDue, hands: Hands, start: Start) -> None:
    due.next = OSError("gone")
    due.answers = [runs(1), runs(2)]
    start()
    assert hands.wait_for(2) == [1, 2]


def test_a_throwing_receiver_never_ends_the_thread(due: FakeDue, hands: Hands, start: Start) -> None:
    hands.error = RuntimeError("no room")
    due.answers = [runs(1), runs(2)]
    start()
    assert hands.wait_for(1) == [2]


def test_a_failing_store_is_said_once_and_so_is_its_return(
    due: FakeDue, hands: Hands, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    due.answers = [OSError("disk full"), OSError("disk full"), OSError("disk full"), runs(1)]
    with caplog.at_level("INFO", logger="deployx_tui.scheduling.ticker"):
        start()
        hands.wait_for(1)
    said = [record.message for record in caplog.records if record.name == "deployx_tui.scheduling.ticker"]
    assert said == ["due tasks can't be claimed, and it is tried again: disk full", "due tasks are claimed again"]


def test_after_stop_nothing_is_claimed(due: FakeDue, hands: Hands, start: Start) -> None:
    ticker = start(poll=3600)
    ask(due)
    ticker.stop()
    count = len(due.nows)
    ticker.stop()
    ticker.wake()
    assert len(due.nows) == count == 1


@pytest.mark.parametrize("seconds", [2.5, 7200.0, -2.5, -7200.0])
def test_a_step_of_the_wall_clock_is_told_once(due: FakeDue, clocks: Clocks, start: Start, seconds: float) -> None:
    start()
    ask(due)
    clocks.wall += timedelta(seconds=seconds)
    ask(due, times=4)
    assert [step.by.total_seconds() for step in due.steps] == [seconds]
    assert due.steps[0].is_large_and_back is (seconds < -60)


def test_time_that_passes_is_no_step_and_slow_drift_adds_up_to_none(due: FakeDue, clocks: Clocks) -> None:
    watch = StepWatch(lambda: clocks.wall, lambda: clocks.boot)
    for _ in range(10):
        clocks.boot += 3600
        clocks.wall += timedelta(seconds=3601.5)
        assert watch.pending() is None


def test_a_step_that_could_not_be_told_is_told_later(due: FakeDue, clocks: Clocks, start: Start) -> None:
    due.step_errors = [OSError("locked"), OSError("locked")]
    start()
    ask(due)
    clocks.wall -= timedelta(hours=1)
    ask(due, times=3)
    assert [step.by.total_seconds() for step in due.steps] == [-3600.0]


def test_a_step_that_cannot_be_told_holds_up_no_claim(due: FakeDue, hands: Hands, clocks: Clocks, start: Start) -> None:
    due.step_errors = [ValueError("a bug")] * 10_000
    start()
    ask(due)
    clocks.wall -= timedelta(hours=1)
    due.answers = [runs(1)]
    assert hands.wait_for(1) == [1]
