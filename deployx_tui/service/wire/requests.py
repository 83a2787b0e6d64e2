"""What clients ask for: a task to create, a change to one, with the contract's own forgiving and refusing."""

from __future__ import annotations

from collections.abc import Callable

from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.codec import draft_from_json, draft_to_json
from deployx_tui.model.json_reader import JSON
from deployx_tui.model.payload_json import COMMAND, FILES, PAYLOADS, SOFTWARE, field_of
from deployx_tui.model.task import TaskDraft
from deployx_tui.service.wire import values
from deployx_tui.service.wire.values import Json

#: a body's way to say what runs; they displace each other in an update
_BODIES = ("command", "commands", "script")


def create_from_json(data: JSON, default_zone: str) -> TaskDraft:
    """A TaskCreate. InvalidInput names every problem by its wire name."""
    body = _object(data)
    problems = _absent_lists(body) + _tolerated(body)
    try:
        draft = draft_from_json(body, default_zone=default_zone)
    except InvalidInput as error:
        raise InvalidInput([*problems, *error.problems]) from None
    if problems:
        raise InvalidInput(problems)
    return draft


def update_from_json(data: JSON, present: TaskDraft) -> tuple[TaskDraft | None, str | None]:
    """A TaskUpdate over the present draft: (the new draft, None when nothing of it changes; the `status` wanted).

    Absent and null leave a field as it is. A payload merges field by field; there null resets one.
    """
    body: Json = {key: value for key, value in _object(data).items() if value is not None}
    problems = _tolerated(body)
    status = body.pop("status", None)
    if status is not None and status not in ("paused", "pending", "cancelled"):
        problems.append(
            Problem(
                field="status", message=f"{str(status)[:40]!r} can't be set", remedy="say paused, pending or cancelled"
            )
        )
    if "task_type" in body:
        body.pop("task_type")
        problems.append(
            Problem(field="task_type", message="a task's type is fixed", remedy="leave it out, or create another task")
        )
    base = draft_to_json(present)
    merged = {**base, **body}
    field = field_of(present.payload)
    payload = body.get(field)
    if isinstance(payload, dict):
        merged[field] = _MERGED[field](values.fields(base[field]), payload)
    problems += _merge_recurrence(base, body, merged)
    try:
        draft = draft_from_json(merged)
    except InvalidInput as error:
        raise InvalidInput([*problems, *error.problems]) from None
    if problems:
        raise InvalidInput(problems)
    return (None if draft == present else draft), status if isinstance(status, str) else None


def _object(data: JSON) -> Json:
    if not isinstance(data, dict):
        raise InvalidInput.of("", "the body is not an object", "send a JSON object")
    return dict(data)


def _absent_lists(body: Json) -> list[Problem]:
    """Lists have a default, null is none."""
    return [
        Problem(field=name, message="it is null", remedy="give a list, or leave it out")
        for name in ("device_ids", "group_ids")
        if name in body and body[name] is None
    ]


def _tolerated(body: Json) -> list[Problem]:
    """Take out of `body` what clients of the original always send and what means nothing here."""
    problems = []
    for name in PAYLOADS:
        # clients of the original send null for those of the other types
        if name in body and body[name] is None:
            del body[name]
    payload = body.get("command_payload")
    if isinstance(payload, dict):
        payload = body["command_payload"] = dict(payload)
        strategy = payload.pop("strategy", None)
        if strategy not in (None, "transactional"):
            problems.append(
                Problem(
                    field="command_payload.strategy",
                    message=f"{str(strategy)[:40]!r} is not supported",
                    remedy='say "transactional", or leave it out',
                )
            )
        if payload.pop("config", None) not in (None, {}):
            problems.append(
                Problem(field="command_payload.config", message="it is not empty", remedy="send {}, or leave it out")
            )
    return problems


def _merged_command(base: Json, change: Json) -> Json:
    merged = dict(base)
    if any(change.get(name) is not None for name in _BODIES):
        for name in (*_BODIES, "stop_on_failure"):
            merged.pop(name, None)
    return _laid_over(merged, change)


def _merged_files(base: Json, change: Json) -> Json:
    """`file_ids` chooses among what is there: an item that stays keeps what was said of it."""
    merged, change = dict(base), dict(change)
    ids = change.get("file_ids")
    if isinstance(ids, list) and change.get("items") is None:
        del change["file_ids"]
        # an id is looked at when it is read
        merged["items"] = [item for each in dict.fromkeys(map(str, ids)) for item in _items(base, each)]
    if "rollback" in change and "rollback_on_failure" not in change:
        change["rollback_on_failure"] = change.pop("rollback")
    return _laid_over(merged, change)


def _items(base: Json, artifact: str) -> list[JSON]:
    present = base["items"] if isinstance(base["items"], list) else []
    kept: list[JSON] = [item for item in present if isinstance(item, dict) and str(item["artifact_id"]) == artifact]
    return kept or [{"artifact_id": artifact}]


def _merged_software(base: Json, change: Json) -> Json:
    """The version of a package that is not installed any more goes with it."""
    merged, ids = dict(base), change.get("software_ids")
    if isinstance(ids, list):
        kept = {str(each) for each in ids}
        merged["versions"] = {
            package: version for package, version in values.fields(base["versions"]).items() if package in kept
        }
    return _laid_over(merged, change)


def _laid_over(merged: Json, change: Json) -> Json:
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged


_MERGED: dict[str, Callable[[Json, Json], Json]] = {
    COMMAND: _merged_command,
    FILES: _merged_files,
    SOFTWARE: _merged_software,
}


def _merge_recurrence(base: Json, body: Json, merged: Json) -> list[Problem]:
    kind = body.get("recurrence_type", base["recurrence_type"])
    if kind == base["recurrence_type"]:
        if kind != "once" and "scheduled_time" in body and "start" not in body:
            # it bounds the first run anew; the old bound would otherwise win when it is later
            merged["start"] = None
        config = body.get("recurrence_config")
        if isinstance(config, dict) and config.get("end_date") is not None and "end" not in body:
            merged["end"] = None
        return []
    if kind == "once":
        if body.get("recurrence_config") is None:
            merged["recurrence_config"] = None
        merged["start"] = merged["end"] = None
    else:
        if "scheduled_time" not in body:
            merged["scheduled_time"] = None
        if "recurrence_config" not in body:
            return [
                Problem(
                    field="recurrence_config",
                    message=f"changing to {str(kind)[:40]} needs it",
                    remedy=f'give {{"type": "{str(kind)[:40]}", ...}}',
                )
            ]
    return []
