"""An execution under way: a cancel reaches its jobs, whenever it comes."""

from __future__ import annotations

from collections import deque
from datetime import timedelta

from deployx_tui.engine.run import Run, TargetJob
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.planning.plan import Work


def a_run() -> Run:
    work = Work(
        payload=CommandPayload(body=Line("true")),
        selector="web01",
        device_ids=(),
        group_ids=(),
        timeout=timedelta(minutes=1),
    )
    return Run(id=ExecutionId(1), task=None, due_at_ms=0, work=work, batches=deque())


def test_a_cancel_that_comes_before_the_jobs_are_begun_is_theirs_too() -> None:
    run = a_run()
    job = TargetJob(id=TargetId(1), run=run, device=DeviceId(1), name="web01", endpoint=None)
    # as `Engine.cancel`, in the moment between the making of the jobs and their beginning
    run.is_cancelled = True
    assert run.jobs() == ()
    run.begin((job,))
    assert job.cancel.is_set()


def test_without_a_cancel_they_run() -> None:
    run = a_run()
    job = TargetJob(id=TargetId(1), run=run, device=DeviceId(1), name="web01", endpoint=None)
    run.begin((job,))
    assert not job.cancel.is_set()
    assert run.jobs() == (job,)
