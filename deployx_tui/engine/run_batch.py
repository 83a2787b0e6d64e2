"""A batch: its waiting targets become jobs of the workers. Both ways of dispatching, here and elsewhere, end here."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from deployx_tui.engine.endpoints import endpoints
from deployx_tui.engine.run import Run, TargetJob
from deployx_tui.model.execution import TargetState
from deployx_tui.model.inventory import Inventory
from deployx_tui.store import targets
from deployx_tui.store.database import Database


def run_batch(database: Database, run: Run, inventory: Callable[[Connection], Inventory]) -> tuple[TargetJob, ...]:
    """Take the run's next batch that has targets left, and begin its jobs in the run. (): no batch has any.

    Devices are read as they are now: an address may have been corrected since the plan was made.
    """
    with database.read() as c:
        while run.batches:
            rows = targets.of_batch(c, run.batches[0], TargetState.WAITING)
            reachable = endpoints(c, [row.device_id for row in rows], inventory(c)) if rows else {}
            # only now: a batch that could not be read is read again
            run.batches.popleft()
            if not rows:
                continue
            jobs = tuple(
                TargetJob(
                    id=row.id,
                    run=run,
                    device=row.device_id,
                    name=row.device_name,
                    endpoint=reachable.get(row.device_id),
                )
                for row in rows
            )
            run.begin(jobs)
            return jobs
    return ()
