"""The canonical plan: what an execution will do, on what, and why each target is in. Pure.

It is stored with the execution and its SHA-256 names it: rerun, diff and, later, approval and rollback read the
plan, never the task, which may have changed meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from deployx_tui.errors import InvalidInput
from deployx_tui.model.codec import JSON, canonical, payload_from_json, payload_to_json, sha256_of
from deployx_tui.model.ids import DeviceId, GroupId, TaskId
from deployx_tui.model.json_reader import Reader
from deployx_tui.model.parameter import Value
from deployx_tui.model.parameter_json import read_parameters, read_values, values_to_json
from deployx_tui.model.payload import Payload
from deployx_tui.model.words import counted

#: grows when the meaning of a field changes
PLAN_FORMAT = 1
#: what an execution's draft and plan have beside a task's draft
VALUES = "parameter_values"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The part of an execution's draft that decides what runs where; schedules and names are gone."""

    payload: Payload
    selector: str
    device_ids: tuple[DeviceId, ...]
    group_ids: tuple[GroupId, ...]
    #: per target; None: no deadline
    timeout: timedelta | None
    #: for each of the payload's parameters; None: not settled yet, every one takes its default
    values: tuple[Value, ...] | None = None

    @property
    def chosen(self) -> str:
        """How a person would say what it runs on."""
        parts = [f"selector {self.selector!r}"] if self.selector else []
        parts += [f"{counted(len(self.device_ids), 'device')} by id"] if self.device_ids else []
        parts += [f"{counted(len(self.group_ids), 'group')} by id"] if self.group_ids else []
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
    reader = Reader({name: data.get(name) for name in ("parameters", VALUES)})
    parameters = read_parameters(reader)
    values = read_values(reader, VALUES) if reader.has(VALUES) else None
    reader.finish()
    return Work(
        payload=replace(payload_from_json(data.get("command_payload")), parameters=parameters),
        selector=str(data.get("selector") or ""),
        device_ids=tuple(DeviceId(int(number)) for number in data.get("device_ids") or ()),
        group_ids=tuple(GroupId(int(number)) for number in data.get("group_ids") or ()),
        timeout=None if seconds is None else timedelta(seconds=float(seconds)),
        values=values,
    )


def values_of(text: str) -> tuple[Value, ...]:
    """What a stored plan gives to its commands; () too for a draft whose values are not settled yet."""
    reader = Reader({VALUES: json.loads(text).get(VALUES)})
    values = read_values(reader, VALUES)
    reader.finish()
    return values


def with_values(draft: Mapping[str, JSON], values: Iterable[Value]) -> dict[str, JSON]:
    """An execution's draft whose parameters are settled."""
    return {**draft, VALUES: values_to_json(values)}


def of_task(text: str) -> str:
    """An execution's stored draft as the task's draft that it was made of."""
    data = json.loads(text)
    if not isinstance(data, dict) or VALUES not in data:
        return text
    return canonical({name: value for name, value in data.items() if name != VALUES})


def make_plan(
    *, task: TaskId | None, task_version: int | None, work: Work, targets: Sequence[PlannedTarget], run_as: str | None
) -> Plan:
    """The plan of an execution. `run_as`: the account on the targets; None: each device's own login."""
    data: JSON = {
        "format": PLAN_FORMAT,
        "task_id": task,
        "task_version": task_version,
        "command_payload": payload_to_json(work.payload),
        VALUES: values_to_json(work.values or ()),
        "timeout_seconds": None if work.timeout is None else work.timeout.total_seconds(),
        "run_as": run_as,
        "targets": [{"device_id": t.device, "device_name": t.name, "why": t.why} for t in targets],
    }
    return Plan(canonical(data), sha256_of(data))
