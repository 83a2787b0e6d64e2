"""The clockwork: APScheduler's thread asks for due work at every tick. It knows no database and no times.

APScheduler submits a job and updates its store afterwards, which can't be made safe; so its job store here is a
view, whose `get_due_jobs` makes the claim itself. What it returns are throw-away jobs that only hand the claimed
executions on. A tick never raises, and an error never ends the thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.jobstores.base import BaseJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from deployx_tui.model.ids import ExecutionId
from deployx_tui.scheduling.clock_step import StepWatch, boot_clock, wall_clock
from deployx_tui.scheduling.due import Due

log = logging.getLogger(__name__)

#: at least so often the store is asked: edits by other processes are seen no later
POLL_SECONDS = 0.25
_FAR = datetime(9000, 1, 1, tzinfo=UTC)


class APSchedulerTicker:
    """`submit` gets the executions of each claim, in the ticker's thread; it must be quick."""

    def __init__(
        self,
        due: Due,
        submit: Callable[[tuple[ExecutionId, ...]], None],
        *,
        poll: float = POLL_SECONDS,
        wall: Callable[[], datetime] = wall_clock,
        boot: Callable[[], float] = boot_clock,
    ) -> None:
        self._scheduler = _Scheduler(poll, timezone=UTC)
        self._scheduler.add_executor(_HandOn(submit))
        self._scheduler.add_jobstore(TaskTableJobStore(due, poll, wall, boot))

    def start(self) -> None:
        self._scheduler.start()

    def wake(self) -> None:
        if self._scheduler.running:  # before its start there is nothing to wake
            self._scheduler.wakeup()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)


class _Scheduler(BackgroundScheduler):  # type: ignore[misc]  # APScheduler has no types
    """Never sleeps longer than one poll, whatever the clock does, and survives every tick."""

    def __init__(self, poll: float, **options: Any) -> None:
        super().__init__(**options)
        self._poll = poll

    def _process_jobs(self) -> float:
        if not self.running:
            return 0.0  # the wake-up of a shutdown is no tick
        try:
            wait = super()._process_jobs()
        except Exception:  # the thread outlives a bug of ours or of the library: nothing would fire any more
            log.exception("a tick failed; the next one comes")
            return self._poll
        # the scheduler subtracts two readings of the wall clock: after a step its answer may be hours
        return self._poll if wait is None else min(max(wait, 0.0), self._poll)


class TaskTableJobStore(BaseJobStore):  # type: ignore[misc]  # as above
    """A view of the tasks in APScheduler's terms: nothing is pickled, kept or reloaded."""

    def __init__(self, due: Due, poll: float, wall: Callable[[], datetime], boot: Callable[[], float]) -> None:
        super().__init__()
        self._due, self._poll, self._wall = due, timedelta(seconds=poll), wall
        self._steps = StepWatch(wall, boot)
        self._asked_at = wall()
        self._more = False
        self._is_failing = False

    def get_due_jobs(self, now: datetime) -> list[Job]:
        """The claim. Reads its own clock: `now` was read before the scheduler waited for its locks."""
        self._more = False
        try:
            self._tell_steps()
            self._asked_at = self._wall()
            claimed = self._due(self._asked_at)
        except Exception as error:  # noqa: BLE001 - a failing store must not end the thread
            self._failed(error)
            return []
        if self._is_failing:
            log.info("due tasks are claimed again")
            self._is_failing = False
        self._more = claimed.more
        return [self._job(claimed.runs, now)] if claimed.runs else []

    def _tell_steps(self) -> None:
        step = self._steps.pending()
        if step is None:
            return
        try:
            self._due.clock_stepped(step)
            self._steps.settled()
        except Exception as error:  # noqa: BLE001 - told at the next tick; what is due now is due all the same
            self._failed(error)

    def get_next_run_time(self) -> datetime:
        """Never later than one poll from now, and never raises."""
        now = datetime.now(UTC)
        if self._more:
            return now
        latest = now + self._poll
        try:
            following = self._due.next_due()
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(error)
            return latest
        # what was due when we asked and was not claimed (a full disk, another engine at it) would keep us spinning
        if following is None or following <= self._asked_at:
            return latest
        return min(latest, max(now, following))

    def _failed(self, error: Exception) -> None:
        if not self._is_failing:
            log.error("due tasks can't be claimed, and it is tried again: %s", error, exc_info=error)
        self._is_failing = True

    def _job(self, runs: tuple[ExecutionId, ...], now: datetime) -> Job:
        """One throw-away job for all: its trigger lies far ahead, so nothing of it is left afterwards."""
        return Job(
            self._scheduler,
            id="claimed",
            name=f"{len(runs)} executions",
            func=_hand_on,
            args=(runs,),
            kwargs={},
            trigger=_Never(),
            executor="default",
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
            next_run_time=now,
        )

    def update_job(self, job: Job) -> None: ...  # the claim has moved the task on

    def remove_job(self, job_id: str) -> None: ...  # nothing is left of a job

    def lookup_job(self, job_id: str) -> None: ...

    def get_all_jobs(self) -> list[Job]:
        return []

    def add_job(self, job: Job) -> None:
        raise NotImplementedError("tasks are rows of the store")

    def remove_all_jobs(self) -> None:
        raise NotImplementedError("tasks are rows of the store")


class _Never(BaseTrigger):  # type: ignore[misc]  # as above
    __slots__ = ()

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        return _FAR


class _HandOn(BaseExecutor):  # type: ignore[misc]  # as above
    """Gives a claim's executions to the engine, whose own queue bounds what runs at once."""

    def __init__(self, submit: Callable[[tuple[ExecutionId, ...]], None]) -> None:
        super().__init__()
        self._submit = submit

    def submit_job(self, job: Job, run_times: list[datetime]) -> None:
        self._do_submit_job(job, run_times)  # APScheduler would count instances: the claim has bounded them

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        self._submit(job.args[0])


def _hand_on(runs: tuple[ExecutionId, ...]) -> None:
    """A job must name a function; `_HandOn` never calls it."""
