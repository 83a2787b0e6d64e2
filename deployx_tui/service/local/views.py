"""Stored rows made into the nouns of the door: what the database knows, joined with what planning knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from deployx_tui.model.device import Device, Group
from deployx_tui.model.execution import Execution
from deployx_tui.model.inventory import jumps_of
from deployx_tui.model.task import LastRun, Task
from deployx_tui.service.local.snapshot import Failed, Snapshot
from deployx_tui.service.local.stock import stock_of
from deployx_tui.store import history
from deployx_tui.store.devices import StoredDevice
from deployx_tui.store.groups import StoredGroup
from deployx_tui.store.tasks import StoredTask

#: outcomes that a list shows of each task
RECENT = 12


def tasks(c: Connection, stored: Sequence[StoredTask], snapshot: Snapshot, failed: Failed) -> tuple[Task, ...]:
    """Two queries for all of them: their latest runs, and the one run of each that counts as the last."""
    recent = history.latest(c, [task.id for task in stored], RECENT)
    # what still runs tells more than what was skipped because of it
    last = {task: next((run for run, status in runs if status.is_alive), runs[0][0]) for task, runs in recent.items()}
    shown = history.by_ids(c, last.values())
    stock = stock_of(c, [task.draft.payload for task in stored])
    return tuple(
        Task(
            id=task.id,
            draft=task.draft,
            state=task.state,
            version=task.version,
            owner_id=task.owner_id,
            owner=task.owner,
            created_at=task.created_at,
            updated_at=task.updated_at,
            next_execution=task.next_execution,
            last_execution=task.last_execution,
            execution_count=task.execution_count,
            last=_last_run(shown[last[task.id]]) if task.id in last else None,
            recent=tuple(status for _, status in reversed(recent.get(task.id, ()))),
            target_count=snapshot.target_count(task.draft, failed),
            stock=stock.of(task.draft.payload),
        )
        for task in stored
    )


def devices(stored: Iterable[StoredDevice], snapshot: Snapshot) -> tuple[Device, ...]:
    return tuple(_device(each, snapshot, snapshot.member_of.get(each.id, ())) for each in stored)


def device(stored: StoredDevice, snapshot: Snapshot) -> Device:
    """One alone, without asking for the members of every group."""
    return _device(stored, snapshot, snapshot.groups_of(stored.id))


def _device(stored: StoredDevice, snapshot: Snapshot, member_of: tuple[str, ...]) -> Device:
    known = snapshot.inventory
    way = jumps_of(known, stored.id) if stored.draft.jump is not None else ()
    return Device(
        id=stored.id,
        draft=stored.draft,
        version=stored.version,
        contact=stored.contact,
        contact_at=stored.contact_at,
        member_of=member_of,
        facts=stored.facts,
        via=tuple(known.devices[each].name for each in reversed(way[1:])),
    )


def groups(stored: Iterable[StoredGroup], snapshot: Snapshot) -> tuple[Group, ...]:
    return tuple(
        Group(id=group.id, draft=group.draft, version=group.version, members=snapshot.members.get(group.id, ()))
        for group in stored
    )


def _last_run(execution: Execution) -> LastRun:
    return LastRun(
        id=execution.id,
        status=execution.status,
        targets=execution.targets,
        started_at=execution.started_at,
        finished_at=execution.finished_at,
        why=execution.error_message,
    )
