"""What is known of the targets of a run, read for lists. The engine's writers are in `targets.py`."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from deployx_tui.errors import NotFound
from deployx_tui.model.execution import (
    Cause,
    CauseCount,
    KillReport,
    KillVerdict,
    TargetResult,
    TargetState,
    TransferProgress,
)
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId, UserId
from deployx_tui.store.clock import from_ms
from deployx_tui.store.paging import checked_limit, cursor_of, key_of
from deployx_tui.store.schema import execution_targets, executions
from deployx_tui.store.targets import DURABLE_HANDLE

x = execution_targets.c

_ORDER = "targets"


def page(
    c: Connection,
    execution: ExecutionId,
    states: frozenset[TargetState] = frozenset(),
    limit: int = 1000,
    cursor: str | None = None,
) -> tuple[tuple[TargetResult, ...], str | None]:
    """One page of an execution's targets, in the order of the plan."""
    limit = checked_limit(limit)
    query = select(execution_targets).where(x.execution_id == execution).order_by(x.id).limit(limit + 1)
    if states:
        query = query.where(x.state.in_([state.value for state in states]))
    if cursor is not None:
        (after,) = key_of(cursor, _ORDER, 1)
        query = query.where(x.id > after)
    rows = c.execute(query).all()
    more = cursor_of(_ORDER, (rows[limit - 1].id,)) if len(rows) > limit else None
    return tuple(_result(row) for row in rows[:limit]), more


def get(c: Connection, execution: ExecutionId, device: DeviceId) -> TargetResult:
    """NotFound when the device is no target of it."""
    row = c.execute(select(execution_targets).where(x.execution_id == execution, x.device_id == device)).one_or_none()
    if row is None:
        raise NotFound("target", f"{execution}/{device}")
    return _result(row)


def causes(c: Connection, execution: ExecutionId) -> tuple[CauseCount, ...]:
    """Why targets did not succeed: the most frequent reason first."""
    query = (
        select(x.cause, x.error_message, x.device_name)
        .where(
            x.execution_id == execution,
            x.state.not_in([s.value for s in (TargetState.SUCCEEDED, TargetState.WAITING, TargetState.RUNNING)]),
        )
        .order_by(x.device_name)
    )
    found: defaultdict[tuple[str | None, str], list[str]] = defaultdict(list)
    for row in c.execute(query):
        found[row.cause, row.error_message].append(row.device_name)
    counts = [
        CauseCount(cause=Cause(cause) if cause else None, message=message, devices=tuple(devices))
        for (cause, message), devices in found.items()
    ]
    return tuple(sorted(counts, key=lambda count: (-len(count.devices), count.message)))


def every(c: Connection, execution: ExecutionId) -> tuple[TargetResult, ...]:
    """All targets of an execution, in the order of the plan."""
    rows = c.execute(select(execution_targets).where(x.execution_id == execution).order_by(x.id))
    return tuple(_result(row) for row in rows)


def digests(c: Connection, execution: ExecutionId) -> tuple[tuple[TargetResult, str], ...]:
    """Targets that are over, each with the digest of its whole output; those that never said anything have none."""
    query = select(execution_targets).where(x.execution_id == execution, x.output_sha256.is_not(None)).order_by(x.id)
    found = [(_result(row), row.output_sha256) for row in c.execute(query)]
    return tuple((target, digest) for target, digest in found if target.state.is_over)


def failed_in(c: Connection, execution: ExecutionId, owner: UserId | None = None) -> frozenset[DeviceId]:
    """What `failed:ID` in a selector means: targets that are over without success. `owner`: only in own runs."""
    query = select(x.device_id).where(
        x.execution_id == execution,
        x.state.not_in([s.value for s in (TargetState.SUCCEEDED, TargetState.WAITING, TargetState.RUNNING)]),
    )
    if owner is not None:
        query = query.join(executions, executions.c.id == x.execution_id).where(executions.c.owner_id == owner)
    return frozenset(DeviceId(device) for device in c.execute(query).scalars())


def _result(row: Row[Any]) -> TargetResult:
    kill = None
    if row.kill_verdict is not None:
        pids = tuple(int(pid) for pid in row.kill_pids.split(",")) if row.kill_pids else ()
        kill = KillReport(KillVerdict(row.kill_verdict), pids)
    return TargetResult(
        id=TargetId(row.id),
        execution_id=ExecutionId(row.execution_id),
        device_id=DeviceId(row.device_id),
        device=row.device_name,
        state=TargetState(row.state),
        exit_code=row.exit_code,
        signal=row.signal,
        cause=Cause(row.cause) if row.cause else None,
        changed=None if row.changed is None else bool(row.changed),
        kill=kill,
        batch=row.batch,
        attempts=row.attempts,
        started_at=_instant(row.started_at),
        finished_at=_instant(row.finished_at),
        stdout_bytes=row.stdout_bytes,
        stderr_bytes=row.stderr_bytes,
        output_cut=bool(row.output_cut),
        durable=(row.remote_handle or "").startswith(DURABLE_HANDLE),
        progress=_progress(row),
        error_message=row.error_message,
    )


def _progress(row: Row[Any]) -> TransferProgress | None:
    if row.state != TargetState.RUNNING.value or row.transfer_done is None:
        return None
    return TransferProgress(done=row.transfer_done, total=row.transfer_total, rate=row.transfer_rate)


def _instant(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)
