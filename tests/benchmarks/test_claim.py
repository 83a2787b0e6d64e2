"""10,000 tasks due in one second at 100,000 tasks, to the last durable claim, beside APScheduler's own job store on
the same file (pytest -m benchmark -s tests/benchmarks/test_claim.py)."""

from __future__ import annotations

import pickle
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from deployx_tui.engine.claim import TaskClaim
from deployx_tui.scheduling.ticker import APSchedulerTicker
from deployx_tui.store.database import Database
from deployx_tui.store.schema import executions
from tests.benchmarks.tasks import fill
from tests.support.rows import add_engine

TASKS, DUE = 100_000, 10_000


class CountDown:
    """Knows when the last of so many executions was handed on."""

    def __init__(self, count: int) -> None:

        self.left, self.done = count, threading.Event()

    def __call__(self, runs: tuple[object, ...]) -> None:
        self.left -= len(runs)
        if self.left <= 0:
            self.done.set()


def nothing() -> None:
    """What APScheduler's jobs name; never called."""


class Discard(BaseExecutor):  # type: ignore[misc]  # APScheduler has no types
    """Takes jobs as our engine does: running them is measured elsewhere."""

    def submit_job(self, job: Job, run_times: list[datetime]) -> None:
        return

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        return


def fill_apscheduler(path: Path, at: datetime) -> SQLAlchemyJobStore:
    """The same tasks as jobs of APScheduler's own store, in the same file."""
    store = SQLAlchemyJobStore(engine=sa.create_engine(f"sqlite:///{path}"))
    scheduler = BackgroundScheduler(timezone=UTC)
    store.start(scheduler, "default")
    rows = []
    for number in range(TASKS):
        nominal = at if number < DUE else at + timedelta(hours=1)
        job = Job(
            scheduler,
            id=str(number),
            func="tests.benchmarks.test_claim:nothing",
            args=(),
            kwargs={},
            name=f"task {number}",
            trigger=CronTrigger(hour=nominal.hour, minute=nominal.minute, timezone=UTC),
            executor="default",
            misfire_grace_time=3600,
            coalesce=True,
            max_instances=1,
            next_run_time=nominal,
        )
        state = pickle.dumps(job.__getstate__(), pickle.HIGHEST_PROTOCOL)
        rows.append({"id": str(number), "next_run_time": nominal.timestamp(), "job_state": state})
    with store.engine.begin() as c:
        c.execute(sa.insert(store.jobs_t), rows)
    return store


def time_ours(database: Database) -> float:
    with database.write() as c:
        engine = add_engine(c)
    all_claimed = CountDown(DUE)
    ticker = APSchedulerTicker(TaskClaim(database, engine), all_claimed)
    begin = time.perf_counter()
    ticker.start()
    assert all_claimed.done.wait(600)
    took = time.perf_counter() - begin
    ticker.stop()
    with database.read() as c:
        assert c.scalar(sa.select(sa.func.count()).select_from(executions)) == DUE
    return took


def time_apscheduler(store: SQLAlchemyJobStore) -> float:
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_executor(Discard())
    scheduler.add_jobstore(store)
    scheduler.start(paused=True)
    scheduler.state = 1  # running, with its thread asleep: the tick is made here
    begin = time.perf_counter()
    scheduler._process_jobs()
    took = time.perf_counter() - begin
    with store.engine.connect() as c:
        due = sa.select(sa.func.count()).where(store.jobs_t.c.next_run_time <= datetime.now(UTC).timestamp())
        assert c.scalar(due) == 0
    scheduler.shutdown()
    return took


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_ten_thousand_due_tasks_are_claimed_many_times_faster_than_by_apschedulers_own_store(
    sqlite_database: Database,
) -> None:
    at = datetime.now(UTC).replace(second=0, microsecond=0)
    assert sqlite_database.path is not None
    fill(sqlite_database, TASKS, at, due=DUE)
    theirs = time_apscheduler(fill_apscheduler(sqlite_database.path, at))
    ours = time_ours(sqlite_database)
    print(
        f"\n{DUE:,} due of {TASKS:,} tasks, to the last durable claim: "
        f"ours {ours:.2f} s, APScheduler's SQLAlchemyJobStore {theirs:.2f} s, ratio {theirs / ours:.1f}"
    )
    assert ours < theirs
