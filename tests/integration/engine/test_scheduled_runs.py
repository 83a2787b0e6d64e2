"""From the instant to the result: a task that comes due runs by itself, on this machine's own sh."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from deployx_tui.model.device import TransportKind
from deployx_tui.model.execution import ExecutionStatus, Trigger
from deployx_tui.model.schedule import Once
from deployx_tui.store.clock import to_ms
from deployx_tui.store.database import Database
from deployx_tui.store.schema import devices, executions
from deployx_tui.transports.local import LocalTransport
from tests.support.bench import engine_on
from tests.support.rows import add_device, add_task, draft


def test_a_task_that_comes_due_runs_by_itself_and_its_outcome_stands(database: Database, tmp_path: Path) -> None:
    with engine_on(database, tmp_path / "output", {TransportKind.LOCAL: LocalTransport()}) as bench:
        at = datetime.now(UTC) + timedelta(seconds=0.5)
        with database.write() as c:
            device = add_device(c, bench.owner, "here")
            c.execute(sa.update(devices).values(transport="local"))
            what = draft(Once(at), command="echo done; exit 3", device_ids=(device,))
            add_task(c, bench.owner, what, next_ms=to_ms(at))

        def ended() -> bool:
            with database.read() as c:
                return c.scalar(sa.select(executions.c.status)) == ExecutionStatus.FAILED.value

        bench.until(ended)
        with database.read() as c:
            run = c.execute(sa.select(executions)).one()
        assert (run.trigger, run.scheduled_for) == (Trigger.SCHEDULE.value, to_ms(at))
        assert run.execution_time >= run.scheduled_for
        assert run.error_message == "here exit 3"
