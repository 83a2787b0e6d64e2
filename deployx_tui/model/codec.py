"""Tasks as JSON and back: one vocabulary for the wire, the stored draft and the canonical plan.

Field names are those of the REST contract. Reading is strict: an unknown field, a wrong type or a value outside
its words is an `InvalidInput` with the field's dotted wire name; every problem is found, not the first only.
Whether a rule ever fires and whether names and devices are right is asked elsewhere (`scheduling.recurrence`,
`planning.validate`).
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, time, timedelta
from typing import Literal

from deployx_tui.errors import InvalidInput
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.model.parameter_json import parameters_to_json, read_parameters
from deployx_tui.model.parse import (
    format_overlap,
    parse_overlap,
    parse_time,
    sort_days,
    zone_of,
)
from deployx_tui.model.payload import TaskType
from deployx_tui.model.payload_json import COMMAND, FILES, SOFTWARE, payload_field, read_payload
from deployx_tui.model.payloads import type_of, with_parameters
from deployx_tui.model.schedule import (
    DEFAULT_GRACE,
    Cron,
    Daily,
    Fold,
    Gap,
    Monthly,
    Once,
    Overlap,
    Recurrence,
    Schedule,
    ShortMonth,
    Weekly,
)
from deployx_tui.model.task import TaskDraft

__all__ = [
    "JSON",
    "PAYLOAD_OF",
    "canonical",
    "draft_from_json",
    "draft_to_json",
    "schedule_from_json",
    "schedule_to_json",
    "sha256_of",
]

#: the field that a task of this type has its payload in
PAYLOAD_OF = {
    TaskType.COMMAND: COMMAND,
    TaskType.FILE_DEPLOYMENT: FILES,
    TaskType.SOFTWARE_DEPLOYMENT: SOFTWARE,
}
RECURRENCES = ("once", "daily", "weekly", "monthly", "custom")


def canonical(value: JSON) -> str:
    """The one text of a value: keys sorted, no spaces, ASCII. Equal values have equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def sha256_of(value: JSON) -> str:
    """SHA-256 of `canonical(value)`, hex."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


# ---- drafts


def draft_to_json(draft: TaskDraft) -> dict[str, JSON]:
    """Everything that a person said of a task, in the wire's words. Instants are UTC with an offset."""
    return {
        "task_name": draft.name,
        "task_type": type_of(draft.payload).value,
        "description": draft.description,
        "tags": [*sorted(draft.tags)],
        "selector": draft.selector,
        "device_ids": [*draft.device_ids],
        "group_ids": [*draft.group_ids],
        **schedule_to_json(draft.schedule),
        "overlap": format_overlap(draft.overlap),
        "grace_seconds": _seconds(draft.grace),
        "timeout_seconds": None if draft.timeout is None else _seconds(draft.timeout),
        **payload_field(draft.payload),
        "parameters": parameters_to_json(draft.payload.parameters),
    }


def draft_from_json(data: JSON, *, default_zone: str = "UTC") -> TaskDraft:
    """Read a draft. `default_zone` is meant where `timezone` is absent. InvalidInput lists every problem."""
    reader = Reader(data)
    name = reader.text("task_name", required=True) or ""
    kind = reader.word("task_type", TaskType, TaskType.COMMAND)
    description = reader.text("description") or ""
    tags = frozenset(reader.texts("tags"))
    selector = reader.text("selector") or ""
    devices = tuple(DeviceId(number) for number in reader.ids("device_ids"))
    groups = tuple(GroupId(number) for number in reader.ids("group_ids"))
    grace = reader.seconds("grace_seconds")
    timeout = reader.seconds("timeout_seconds")
    overlap = Overlap()
    overlap_text = reader.text("overlap")
    if overlap_text is not None:
        overlap = reader.attempt(lambda: parse_overlap(overlap_text), overlap)
    schedule = _schedule(reader, default_zone)
    payload = read_payload(reader, PAYLOAD_OF[kind])
    parameters = read_parameters(reader)
    reader.finish()
    if schedule is None or payload is None:  # each has left its problem, so finish() has raised
        raise InvalidInput.of("", "the task is incomplete", "give a schedule and a payload")
    return TaskDraft(
        name=name,
        schedule=schedule,
        payload=with_parameters(payload, parameters),
        selector=selector,
        device_ids=devices,
        group_ids=groups,
        description=description,
        tags=tags,
        overlap=overlap,
        grace=DEFAULT_GRACE if grace is None else grace,
        timeout=timeout,
    )


# ---- schedules


def schedule_to_json(schedule: Schedule) -> dict[str, JSON]:
    """`recurrence_type`, `recurrence_config`, `scheduled_time` (of a single run) and the zone's rules."""
    rule = schedule.recurrence
    config: dict[str, JSON] | None
    match rule:
        case Once():
            kind, config = "once", None
        case Daily(times):
            kind, config = "daily", _times_to_json(times)
        case Weekly(days, times):
            kind, config = "weekly", {**_times_to_json(times), "days_of_week": [*days]}
        case Monthly(month_days, times, _):
            kind, config = "monthly", _times_to_json(times)
            if len(month_days) == 1 and month_days[0] != "last":
                config["day_of_month"] = month_days[0]
            else:
                config["days"] = [*month_days]
        case Cron(expression):
            kind, config = "custom", {"cron_expression": expression}
    if config is not None:
        config["type"] = kind
    return {
        "recurrence_type": kind,
        "recurrence_config": config,
        "scheduled_time": rule.at.astimezone(UTC).isoformat() if isinstance(rule, Once) else None,
        "timezone": schedule.zone,
        "gap": schedule.gap.value,
        "fold": schedule.fold.value,
        "short_month": (rule.short_month if isinstance(rule, Monthly) else ShortMonth.SKIP).value,
        "start": None if schedule.start is None else schedule.start.astimezone(UTC).isoformat(),
        "end": None if schedule.end is None else schedule.end.astimezone(UTC).isoformat(),
    }


def schedule_from_json(data: JSON, *, default_zone: str = "UTC") -> Schedule:
    reader = Reader(data)
    schedule = _schedule(reader, default_zone)
    reader.finish()
    if schedule is None:
        raise InvalidInput.of("recurrence_type", "the schedule is incomplete", "give recurrence_type and its config")
    return schedule


def _schedule(reader: Reader, default_zone: str) -> Schedule | None:
    zone = reader.text("timezone") or default_zone
    if not reader.attempt(lambda: bool(zone_of(zone)), False):
        zone = "UTC"  # the problem is noted; the rest is read on, to find the others
    gap = reader.word("gap", Gap, Gap.SHIFT)
    fold = reader.word("fold", Fold, Fold.FIRST)
    short_month = reader.word("short_month", ShortMonth, ShortMonth.SKIP)
    scheduled = reader.instant("scheduled_time", zone)
    start, end = reader.instant("start", zone), reader.instant("end", zone)
    kind = reader.choice("recurrence_type", RECURRENCES) or "once"
    config = reader.object("recurrence_config")
    rule: Recurrence | None
    if kind == "once":
        if config is not None:
            reader.problem("recurrence_config", "a single run has no config", "leave it out, or give a recurrence_type")
        rule = None if scheduled is None else Once(scheduled)
        if not reader.has("scheduled_time"):
            reader.problem("scheduled_time", "it is missing", "give the time of the run, such as 2026-12-24T03:00")
    elif config is None:
        reader.problem("recurrence_config", f"a {kind} task needs it", f'give {{"type": "{kind}", ...}}')
        rule = None
    else:
        rule = _recurrence(config, kind, short_month)
        end_date = config.instant("end_date", zone)
        config.close()
        if end_date is not None and end is not None and end_date != end:
            reader.problem("end", "it differs from recurrence_config.end_date", "give one of them")
        end = end_date if end is None else end
        # the wire's scheduled_time bounds the first run of a recurrence
        bounds = [bound for bound in (start, scheduled) if bound is not None]
        start = max(bounds, default=None)
    if rule is None:
        return None
    return Schedule(recurrence=rule, zone=zone, gap=gap, fold=fold, start=start, end=end)


def _recurrence(config: Reader, kind: str, short_month: ShortMonth) -> Recurrence | None:
    if config.choice("type", RECURRENCES) not in (None, kind):
        config.problem("type", f"it differs from recurrence_type {kind}", f"say {kind}")
    if kind == "custom":
        expression = config.text("cron_expression", required=True)
        return None if expression is None else Cron(expression)
    times = _times_from_json(config)
    match kind:
        case "daily":
            return None if times is None else Daily(times)
        case "weekly":
            weekdays = tuple(sorted(set(config.numbers("days_of_week", required=True))))
            return None if times is None else Weekly(weekdays, times)
        case _:
            days = _month_days(config)
            return None if times is None or not days else Monthly(days, times, short_month)


def _month_days(config: Reader) -> tuple[int | Literal["last"], ...]:
    single = config.number("day_of_month")
    days: set[int | Literal["last"]] = set() if single is None else {single}
    for value in config.items("days"):
        if value == "last":
            days.add("last")
        elif isinstance(value, int) and not isinstance(value, bool):
            days.add(value)
        else:
            config.problem("days", f"{value!r} is not a day of the month", 'give numbers from 1 to 31, or "last"')
    if not days:
        config.problem("day_of_month", "it is missing", 'give a day from 1 to 31, or days such as [1, 15, "last"]')
    return sort_days(days)


def _times_to_json(times: tuple[time, ...]) -> dict[str, JSON]:
    texts: list[JSON] = [f"{t:%H:%M}" for t in times]
    return {"time": texts[0]} if len(texts) == 1 else {"times": texts}


def _times_from_json(config: Reader) -> tuple[time, ...] | None:
    single = config.text("time")
    texts = ([] if single is None else [single]) + config.texts("times")
    if not texts:
        if not config.has("time") and not config.has("times"):
            config.problem("time", "it is missing", 'give a wall time such as "03:00"')
        return None
    times = [_time(config, text) for text in texts]
    return tuple(sorted({t for t in times if t is not None})) if None not in times else None


def _time(config: Reader, text: str) -> time | None:
    return config.attempt(lambda: parse_time(text, config.path("time")), None)


def _seconds(duration: timedelta) -> JSON:
    seconds = duration.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds
