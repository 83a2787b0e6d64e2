"""Tasks, previews and fires as JSON, and back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

from deployx_tui.errors import InvalidInput
from deployx_tui.model.artifact_json import read_refs, ref_to_json
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.codec import PAYLOAD_OF, draft_from_json, draft_to_json
from deployx_tui.model.execution import Execution, ExecutionStatus
from deployx_tui.model.files import FilePayload
from deployx_tui.model.ids import DeviceId, ExecutionId, PackageId, TaskId, UserId
from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.model.payload import CommandPayload, TaskType
from deployx_tui.model.payload_json import payload_to_json
from deployx_tui.model.payloads import Payload, Stock, artifacts_of
from deployx_tui.model.schedule import ClockNote, Fire, Once
from deployx_tui.model.software import SoftwarePayload
from deployx_tui.model.task import LastRun, PreviewProblem, Task, TaskDraft, TaskName, TaskPreview, TaskState
from deployx_tui.service.wire import values
from deployx_tui.service.wire.executions import (
    counts_from_json,
    counts_to_json,
    execution_to_json,
    execution_word,
    result_to_json,
)
from deployx_tui.service.wire.values import Garbled, Json

#: what a task's `status` may be
TASK_WORDS = ("pending", "running", "completed", "failed", "cancelled", "paused")

_FAILED = (ExecutionStatus.FAILED, ExecutionStatus.PARTIALLY_SUCCEEDED, ExecutionStatus.LOST)
#: keys of a recurrence_config that the original always sends back
_CONFIG = ("type", "time", "days_of_week", "day_of_month", "cron_expression", "end_date")
#: keys of a task that its draft is read back from; `payload`, `recurrence_config` and `scheduled_time` are taken apart
_DRAFT = (
    "task_name", "task_type", "description", "tags", "selector", "device_ids", "group_ids", "recurrence_type",
    "timezone", "gap", "fold", "short_month", "start", "end", "overlap", "grace_seconds", "timeout_seconds",
    "parameters",
)  # fmt: skip


def task_word(state: TaskState, last: LastRun | None) -> str:
    """The contract's word for a task: of its state, and of what its last run did."""
    word = None if last is None else execution_word(last.status, started=last.started_at is not None)
    match state:
        case TaskState.CANCELLED:
            return "cancelled"
        case TaskState.PAUSED:
            return "paused"
        case TaskState.ACTIVE:
            # a recurring task whose last run failed says so and stays armed
            return word if word in ("running", "failed") else "pending"
        case TaskState.FINISHED:
            if word in ("running", "pending"):
                return word
            return "completed" if word in (None, "completed") else "failed"
    assert_never(state)


def name_to_json(task: TaskName) -> Json:
    return {"id": task.id, "task_name": task.name}


def name_from_json(data: JSON) -> TaskName:
    row = values.fields(data)
    return TaskName(TaskId(values.number(row, "id")), values.text(row, "task_name"))


def task_to_json(task: Task, *, executions: Iterable[Execution] = (), next_executions: Iterable[datetime] = ()) -> Json:
    """A TaskDetail. Times of the task are in its own zone; those of its runs in UTC."""
    draft = draft_to_json(task.draft)
    zone = task.draft.schedule.zone
    once = isinstance(task.draft.schedule.recurrence, Once)
    bound = task.draft.schedule.recurrence.at if isinstance(task.draft.schedule.recurrence, Once) else None
    return {
        **{key: draft[key] for key in _DRAFT},
        "id": task.id,
        "status": task_word(task.state, task.last),
        "state": task.state.value,
        # the original always has one; for a recurrence it says from when on
        "scheduled_time": values.instant(bound or task.draft.schedule.start or task.created_at, zone),
        "start": values.instant(task.draft.schedule.start, zone),
        "end": values.instant(task.draft.schedule.end, zone),
        "recurrence_config": None if once else _config(draft, values.instant(task.draft.schedule.end, zone)),
        "payload": _payload(task.draft.payload),
        "created_at": values.instant(task.created_at, zone),
        "updated_at": values.instant(task.updated_at, zone),
        "last_execution": values.instant(task.last_execution, zone),
        "next_execution": values.instant(task.next_execution, zone),
        "next_executions": [values.instant(at, zone) for at in next_executions],
        "execution_count": task.execution_count,
        "created_by": task.owner_id,
        "owner": task.owner,
        "version": task.version,
        "last_result": None
        if task.last is None or task.last.status.is_alive
        else result_to_json(task.last.id, task.last.status, task.last.targets, task.type),
        "error_message": None if task.last is None or task.last.status not in _FAILED else task.last.why,
        "executions": [
            {key: value for key, value in execution_to_json(execution).items() if key != "task_id"}
            for execution in executions
        ],
        "last": None if task.last is None else _last_to_json(task.last),
        "recent": [status.value for status in task.recent],
        "target_count": task.target_count,
        **stock_to_json(task.stock),
    }


def _config(draft: Json, end: str | None) -> Json:
    config = values.fields(draft["recurrence_config"])
    return {**dict.fromkeys(_CONFIG), **config, "end_date": end}


def _payload(payload: Payload) -> Json:
    """With the keys that the original always fills in, and those that the stored form leaves out."""
    stored = {"run_as": None, **payload_to_json(payload)}
    match payload:
        case CommandPayload():
            filled: Json = {
                "command": None,
                "commands": None,
                "strategy": "transactional",
                "stop_on_failure": True,
                "config": {},
                "umask": None,
                "tty": False,
            }
            return filled | stored
        case FilePayload():
            return {"file_ids": [*artifacts_of(payload)], **stored}
        case SoftwarePayload() | RollbackPayload():
            return stored
    assert_never(payload)


def stock_to_json(stock: Stock) -> Json:
    return {
        "artifacts": [ref_to_json(each) for each in stock.artifacts.values()],
        "packages": [{"id": package, "name": name} for package, name in stock.packages.items()],
    }


def stock_from_json(row: Json) -> Stock:
    def package(data: JSON) -> tuple[PackageId, str]:
        item = values.fields(data)
        return PackageId(values.number(item, "id")), values.text(item, "name")

    reader = Reader({"artifacts": row.get("artifacts")})
    found = values.theirs("artifacts", lambda: read_refs(reader, "artifacts"))
    values.theirs("artifacts", reader.finish)
    return Stock({each.id: each for each in found}, dict(values.each(row, "packages", package)))


def task_from_json(data: JSON) -> Task:
    row = values.fields(data)
    return Task(
        id=TaskId(values.number(row, "id")),
        draft=draft_of_task(row),
        state=values.word(row, "state", TaskState),
        version=values.number(row, "version"),
        owner_id=UserId(values.number(row, "created_by")),
        owner=values.text(row, "owner"),
        created_at=values.when(row, "created_at"),
        updated_at=values.when(row, "updated_at"),
        next_execution=values.when_or_none(row, "next_execution"),
        last_execution=values.when_or_none(row, "last_execution"),
        execution_count=values.number(row, "execution_count"),
        last=None if row.get("last") is None else _last_from_json(row["last"]),
        recent=tuple(_status(word) for word in values.texts(row, "recent")),
        target_count=values.number(row, "target_count"),
        stock=stock_from_json(row),
    )


def draft_of_task(row: Json) -> TaskDraft:
    """The draft inside a TaskDetail. Garbled when there is none."""
    draft = {key: values.get(row, key) for key in _DRAFT}
    payload = values.fields(values.get(row, "payload"))
    field = PAYLOAD_OF[values.word(row, "task_type", TaskType)]
    drop = ("strategy", "config", "file_ids")
    draft[field] = {
        key: value
        for key, value in payload.items()
        if value is not None and key not in drop and (key != "stop_on_failure" or payload.get("commands") is not None)
    }
    if draft["recurrence_type"] == "once":
        draft["scheduled_time"] = values.get(row, "scheduled_time")
    else:
        config = values.fields(values.get(row, "recurrence_config"))
        draft["recurrence_config"] = {
            key: value for key, value in config.items() if value is not None and key != "end_date"
        }
    try:
        return draft_from_json(draft)
    except InvalidInput as error:
        raise Garbled(f"a task: {error}") from error


def _status(word: str) -> ExecutionStatus:
    try:
        return ExecutionStatus(word)
    except ValueError:
        raise Garbled(f"recent: {word!r} is new to this version") from None


def _last_to_json(last: LastRun) -> Json:
    return {
        "id": last.id,
        "outcome": last.status.value,
        "targets": counts_to_json(last.targets),
        "started_at": values.instant(last.started_at),
        "finished_at": values.instant(last.finished_at),
        "why": last.why,
    }


def _last_from_json(data: JSON) -> LastRun:
    row = values.fields(data)
    return LastRun(
        id=ExecutionId(values.number(row, "id")),
        status=values.word(row, "outcome", ExecutionStatus),
        targets=counts_from_json(values.get(row, "targets")),
        started_at=values.when_or_none(row, "started_at"),
        finished_at=values.when_or_none(row, "finished_at"),
        why=values.text(row, "why"),
    )


# ---- fires and previews


def fire_to_json(fire: Fire) -> Json:
    return {"at": values.instant(fire.at), "note": None if fire.note is None else fire.note.value}


def fire_from_json(data: JSON) -> Fire:
    row = values.fields(data)
    return Fire(values.when(row, "at"), values.word_or_none(row, "note", ClockNote))


def matched_to_json(devices: Iterable[tuple[DeviceId, str, str]]) -> list[JSON]:
    return [{"device_id": device, "device": name, "why": why} for device, name, why in devices]


def matched_from_json(row: Json, key: str) -> tuple[tuple[DeviceId, str, str], ...]:
    def one(data: JSON) -> tuple[DeviceId, str, str]:
        item = values.fields(data)
        return DeviceId(values.number(item, "device_id")), values.text(item, "device"), values.text(item, "why")

    return values.each(row, key, one)


def preview_to_json(preview: TaskPreview) -> Json:
    return {
        "problems": [
            {"field": problem.field, "msg": problem.message, "remedy": problem.remedy} for problem in preview.problems
        ],
        "fires": [fire_to_json(fire) for fire in preview.fires],
        "targets": matched_to_json(preview.targets),
        "warnings": values.items(preview.warnings),
        **stock_to_json(preview.stock),
    }


def preview_from_json(data: JSON) -> TaskPreview:
    row = values.fields(data)

    def problem(item: JSON) -> PreviewProblem:
        found = values.fields(item)
        return PreviewProblem(
            field=values.text(found, "field"), message=values.text(found, "msg"), remedy=values.text(found, "remedy")
        )

    return TaskPreview(
        problems=values.each(row, "problems", problem),
        fires=values.each(row, "fires", fire_from_json),
        targets=matched_from_json(row, "targets"),
        warnings=values.texts(row, "warnings"),
        stock=stock_from_json(row),
    )
