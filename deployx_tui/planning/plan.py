"""The canonical plan: what an execution will do, on what, and why each target is in. Pure.

It is stored with the execution and its SHA-256 names it: rerun, diff and, later, approval and rollback read the
plan, never the task, which may have changed meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from deployx_tui.errors import InvalidInput
from deployx_tui.model.artifact import ArtifactRef
from deployx_tui.model.artifact_json import read_refs, ref_to_json
from deployx_tui.model.codec import JSON, canonical, sha256_of
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId, DeviceId, GroupId, PackageId, TaskId
from deployx_tui.model.json_reader import Reader
from deployx_tui.model.parameter import Value
from deployx_tui.model.parameter_json import read_parameters, read_values, values_to_json
from deployx_tui.model.payload_json import PAYLOADS, payload_field, read_payload
from deployx_tui.model.payloads import Payload, Stock, one_line, with_parameters
from deployx_tui.model.words import counted
from deployx_tui.planning.problems import unknown_ids

#: grows when the meaning of a field changes
PLAN_FORMAT = 1
#: what an execution's draft and plan have beside a task's draft
VALUES = "parameter_values"
#: what a plan of files and of software has beside its payload; left out of others, whose hashes stay true
ARTIFACTS, PACKAGES = "artifacts", "packages"


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
    #: what its items are, in their order; () before it is planned, and where there are no files
    artifacts: tuple[ArtifactRef, ...] = ()
    #: entries of the catalogue as they were when it was planned; () before, and where there is no software
    packages: tuple[JSON, ...] = ()

    @property
    def summary(self) -> str:
        """What it does in one line, with the names of what was pinned; "" where nothing was."""
        named: dict[ArtifactId, ArtifactRef] = {}
        if isinstance(self.payload, FilePayload) and self.artifacts:
            named = {item.artifact: ref for item, ref in zip(self.payload.items, self.artifacts, strict=True)}
        entries = [fields for fields in self.packages if isinstance(fields, dict)]
        packages = {PackageId(int(str(fields["id"]))): str(fields["name"]) for fields in entries}
        return one_line(self.payload, Stock(named, packages)) if named or packages else ""

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
    reader = Reader({name: data.get(name) for name in ("parameters", VALUES, *PAYLOADS)})
    payload = read_payload(reader)
    parameters = read_parameters(reader)
    values = read_values(reader, VALUES) if reader.has(VALUES) else None
    reader.finish()
    if payload is None:  # it has left its problem, so finish() has raised
        raise InvalidInput.of("draft", "it has no payload", "save the task again")
    return Work(
        payload=with_parameters(payload, parameters),
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


def pinned_artifacts(text: str) -> tuple[ArtifactRef, ...]:
    """What a stored plan puts on its targets, one for each of its payload's items."""
    reader = Reader({ARTIFACTS: json.loads(text).get(ARTIFACTS)})
    found = read_refs(reader, ARTIFACTS)
    reader.finish()
    return found


def pinned_packages(text: str) -> tuple[JSON, ...]:
    """The entries of the catalogue that a stored plan installs."""
    reader = Reader({PACKAGES: json.loads(text).get(PACKAGES)})
    found = tuple(reader.items(PACKAGES))
    reader.finish()
    return found


def pin(payload: Payload, find: Callable[[FileItem], ArtifactRef | None]) -> tuple[ArtifactRef, ...]:
    """What the items of a payload are at this moment, in their order.

    `find`: an item's artifact, or the newest version of its name; None when it is not there any more. InvalidInput
    names what is gone.
    """
    if not isinstance(payload, FilePayload):
        return ()
    found = [(item, find(item)) for item in payload.items]
    gone = sorted({item.artifact for item, artifact in found if artifact is None})
    if gone:
        raise InvalidInput([unknown_ids("file_payload.file_ids", gone)])
    return tuple(artifact for _, artifact in found if artifact is not None)


def as_pinned(payload: FilePayload, artifacts: Sequence[ArtifactRef]) -> FilePayload:
    """The payload with the versions that a plan pinned, item by item: "the newest" is what it was then."""
    pinned = zip(payload.items, artifacts, strict=True)
    return replace(payload, items=tuple(replace(item, artifact=ref.id, newest=False) for item, ref in pinned))


def as_planned(draft: Mapping[str, JSON], plan: str) -> dict[str, JSON]:
    """An execution's draft that means the same artifacts once more as its stored plan."""
    payload, pinned = read_draft(canonical(dict(draft))).payload, pinned_artifacts(plan)
    if not isinstance(payload, FilePayload) or len(pinned) != len(payload.items):
        return dict(draft)
    return {**draft, **payload_field(as_pinned(payload, pinned))}


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
    data: dict[str, JSON] = {
        "format": PLAN_FORMAT,
        "task_id": task,
        "task_version": task_version,
        **payload_field(work.payload),
        VALUES: values_to_json(work.values or ()),
        "timeout_seconds": None if work.timeout is None else work.timeout.total_seconds(),
        "run_as": run_as,
        "targets": [{"device_id": t.device, "device_name": t.name, "why": t.why} for t in targets],
    }
    if work.artifacts:
        data[ARTIFACTS] = [ref_to_json(each) for each in work.artifacts]
    if work.packages:
        data[PACKAGES] = [*work.packages]
    return Plan(canonical(data), sha256_of(data))
