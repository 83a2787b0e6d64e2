"""Rows of runs as the engine would have left them, for tests that read history."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, insert

from deployx_tui.model.execution import ExecutionStatus, TargetState, Trigger
from deployx_tui.model.ids import DeviceId, ExecutionId, TaskId
from deployx_tui.store import search
from deployx_tui.store.schema import execution_batches, execution_targets, executions
from deployx_tui.store.search import RunText


def add_run(
    c: Connection,
    at: int,
    status: ExecutionStatus = ExecutionStatus.SUCCEEDED,
    *,
    task: TaskId | None = None,
    name: str = "nightly",
    owner: int = 1,
    targets: Mapping[DeviceId, TargetState] | Sequence[DeviceId] = (),
    error: str = "",
    texts: Mapping[DeviceId, str] | None = None,
) -> ExecutionId:
    """A run that was due and created at `at` (ms), with a target for each device."""
    states = targets if isinstance(targets, Mapping) else dict.fromkeys(targets, TargetState.SUCCEEDED)
    counts = {"total": len(states)} | {state.value: list(states.values()).count(state) for state in states.values()}
    made = c.execute(
        insert(executions)
        .values(
            task_id=task,
            task_version=1 if task is not None else None,
            task_name=name,
            fire_key=f"s:{at}",
            trigger=Trigger.SCHEDULE.value,
            status=status.value,
            owner_id=owner,
            started_by="ada",
            scheduled_for=at,
            due_at=at,
            created_at=at,
            draft="{}",
            result=None if status.is_alive else json.dumps(counts),
            error_message=error,
        )
        .returning(executions.c.id)
    )
    execution = ExecutionId(made.scalar_one())
    batch = c.execute(
        insert(execution_batches)
        .values(execution_id=execution, number=1, status="done")
        .returning(execution_batches.c.id)
    ).scalar_one()
    search.remember(c, [RunText(execution, None, f"{name} {error}")])
    for device, state in states.items():
        c.execute(
            insert(execution_targets).values(
                execution_id=execution,
                batch_id=batch,
                batch=1,
                device_id=device,
                device_name=f"device{device}",
                state=state.value,
                cause=None if state is TargetState.SUCCEEDED else "exit",
                error_message="" if state is TargetState.SUCCEEDED else f"{state.value} here",
                started_at=None if state in (TargetState.WAITING, TargetState.SKIPPED) else at,
            )
        )
        said = (texts or {}).get(device, "")
        search.remember(c, [RunText(execution, device, f"{name} device{device} {said}")])
    return execution
