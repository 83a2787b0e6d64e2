"""Rows to test with, written directly: the store's own writers are what is tested."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from deployx_tui.model.codec import canonical, draft_to_json
from deployx_tui.model.execution import ExecutionStatus, Trigger
from deployx_tui.model.ids import BatchId, DeviceId, EngineId, ExecutionId, TaskId, UserId
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.model.schedule import Daily, Overlap, Recurrence, Schedule
from deployx_tui.model.task import TaskDraft
from deployx_tui.store import engines, executions
from deployx_tui.store.clock import to_ms
from deployx_tui.store.engines import EngineRow
from deployx_tui.store.schema import devices, scheduled_tasks, task_versions, users

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW_MS = to_ms(NOW)


def add_user(c: Connection, name: str = "ann") -> UserId:
    new = sa.insert(users).values(username=name, role="admin", created_at=NOW_MS)
    return UserId(c.scalars(new.returning(users.c.id)).one())


def add_device(c: Connection, owner: UserId, name: str) -> DeviceId:
    new = sa.insert(devices).values(
        device_name=name, address="127.0.0.1", transport="ssh", owner_id=owner, created_at=NOW_MS, updated_at=NOW_MS
    )
    return DeviceId(c.scalars(new.returning(devices.c.id)).one())


def draft(
    recurrence: Recurrence | None = None,
    *,
    name: str = "nightly",
    command: str = "true",
    device_ids: tuple[DeviceId, ...] = (),
    overlap: Overlap | None = None,
    grace: timedelta = timedelta(hours=1),
    end: datetime | None = None,
) -> TaskDraft:
    return TaskDraft(
        name=name,
        schedule=Schedule(recurrence=recurrence or Daily((NOW.time(),)), zone="UTC", end=end),
        payload=CommandPayload(body=Line(command)),
        device_ids=device_ids,
        overlap=overlap or Overlap(),
        grace=grace,
    )


def add_task(
    c: Connection, owner: UserId, what: TaskDraft | None = None, *, next_ms: int | None = NOW_MS, version: int = 1
) -> TaskId:
    what = what or draft()
    json = draft_to_json(what)
    new = sa.insert(scheduled_tasks).values(
        task_name=what.name,
        task_type="command",
        state="active",
        recurrence_type=json["recurrence_type"],
        recurrence_config=canonical(json["recurrence_config"]),
        zone=what.schedule.zone,
        gap=what.schedule.gap.value,
        fold=what.schedule.fold.value,
        payload=canonical(json["command_payload"]),
        overlap=what.overlap.kind.value,
        overlap_limit=what.overlap.limit,
        grace_ms=what.grace // timedelta(milliseconds=1),
        owner_id=owner,
        created_at=NOW_MS,
        updated_at=NOW_MS,
        next_execution=next_ms,
        version=version,
    )
    id_ = TaskId(c.scalars(new.returning(scheduled_tasks.c.id)).one())
    c.execute(
        sa.insert(task_versions).values(
            task_id=id_, version=version, draft=canonical(json), editor_id=owner, created_at=NOW_MS
        )
    )
    return id_


def add_engine(c: Connection, name: str = "e1") -> EngineId:
    id_ = EngineId(name)
    engines.register(c, EngineRow(id=id_, boot_id="boot", host="jump", pid=1, process_start=None, started_at_ms=NOW_MS))
    return id_


def add_run(
    c: Connection,
    owner: UserId,
    *,
    task: TaskId | None = None,
    key: str = "m:1",
    engine: EngineId | None = None,
    status: ExecutionStatus = ExecutionStatus.QUEUED,
    now_ms: int = NOW_MS,
    what: TaskDraft | None = None,
) -> ExecutionId:
    id_, _ = executions.insert(
        c,
        task_id=task,
        task_version=None if task is None else 1,
        fire_key=key,
        trigger=Trigger.MANUAL if task is not None else Trigger.AD_HOC,
        draft_json=canonical(draft_to_json(what or draft())),
        owner_id=owner,
        started_by="ann",
        task_name="nightly",
        summary="true",
        engine_id=engine,
        status=status,
        due_at_ms=now_ms,
        scheduled_for_ms=None,
        now_ms=now_ms,
    )
    return id_


def plan(c: Connection, run: ExecutionId, targets: list[tuple[DeviceId, str]]) -> BatchId:
    """One batch with these targets."""
    return executions.freeze_plan(c, run, "{}", "00", [targets], NOW_MS)[0]
