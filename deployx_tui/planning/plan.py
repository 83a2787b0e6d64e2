"""The canonical plan: what an execution will do, on what, and why each target is in. Pure.

It is stored with the execution and its SHA-256 names it: rerun, diff and, later, approval and rollback read the
plan, never the task, which may have changed meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from deployx_tui.errors import InvalidInput
from deployx_tui.model.codec import JSON, canonical, payload_from_json, payload_to_json, sha256_of
from deployx_tui.model.ids import DeviceId, GroupId, TaskId
from deployx_tui.model.payload import Payload

#: grows when the meaning of a field changes
PLAN_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The part of an execution's draft that decides what runs where; schedules and names are gone."""

    payload: Payload
    selector: str
    device_ids: tuple[DeviceId, ...]
    group_ids: tuple[GroupId, ...]
    #: per target; None: no deadline
    timeout: timedelta | None

    @property
    def chosen(self) -> str:
        """How a person would say what it runs on."""
        parts = [f"selector {self.selector!r}"] if self.selector else []
        parts += [f"{len(self.device_ids)} devices by id"] if self.device_ids else []
        parts += [f"{len(self.group_ids)} groups by id"] if self.group_ids else []
        return " and ".join(parts) or "no selector"


@dataclass(frozen=True, slots=True)
class PlannedTarget:
    device: DeviceId
    name: str
    #: the term of the selector, or the id, that brought it in
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A canonical text and its hash (hex)."""

    text: str
    sha256: str


def read_draft(text: str) -> Work:
    """The work of an execution's stored draft: a task's, or an ad-hoc run's, which has no schedule.

    InvalidInput when it is not one (written by a newer deployx, or damaged).
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InvalidInput.of("draft", f"it is not JSON: {error}", "save the task again") from error
    if not isinstance(data, dict):
        raise InvalidInput.of("draft", "it is not an object", "save the task again")
    seconds = data.get("timeout_seconds")
    return Work(
        payload=payload_from_json(data.get("command_payload")),
        selector=str(data.get("selector") or ""),
        device_ids=tuple(DeviceId(int(number)) for number in data.get("device_ids") or ()),
        group_ids=tuple(GroupId(int(number)) for number in data.get("group_ids") or ()),
        timeout=None if seconds is None else timedelta(seconds=float(seconds)),
    )


def make_plan(
    *, task: TaskId | None, task_version: int | None, work: Work, targets: Sequence[PlannedTarget], run_as: str | None
) -> Plan:
    """The plan of an execution. `run_as`: the account on the targets; None: each device's own login."""
    data: JSON = {
        "format": PLAN_FORMAT,
        "task_id": task,
        "task_version": task_version,
        "command_payload": payload_to_json(work.payload),
        "timeout_seconds": None if work.timeout is None else work.timeout.total_seconds(),
        "run_as": run_as,
        "targets": [{"device_id": t.device, "device_name": t.name, "why": t.why} for t in targets],
    }
    return Plan(canonical(data), sha256_of(data))
