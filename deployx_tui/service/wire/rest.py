"""The other nouns as JSON, and back: calendar, events, engine, actor."""

from __future__ import annotations

from deployx_tui.model.calendar import AgendaEntry, CalendarDay, Month
from deployx_tui.model.engine import EngineStatus, StopAllReport
from deployx_tui.model.event import Event, EventId, Reset
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.ids import EngineId, ExecutionId, TaskId, UserId
from deployx_tui.model.json_reader import JSON
from deployx_tui.model.user import Actor, Role
from deployx_tui.service.wire import values
from deployx_tui.service.wire.values import Garbled, Json

# ---- calendar


def month_to_json(month: Month) -> Json:
    return {
        "year": month.year,
        "month": month.month,
        "zone": month.zone,
        "days": [day_to_json(day) for day in month.days],
    }


def month_from_json(data: JSON) -> Month:
    row = values.fields(data)
    return Month(
        year=values.number(row, "year"),
        month=values.number(row, "month"),
        zone=values.text(row, "zone"),
        days=values.each(row, "days", day_from_json),
    )


def day_to_json(day: CalendarDay) -> Json:
    return {
        "day": day.day.isoformat(),
        "done": {status.value: count for status, count in day.done},
        "ran": values.items(day.ran),
        "coming": values.items(day.coming),
        "clock_change": day.clock_change,
    }


def day_from_json(data: JSON) -> CalendarDay:
    row = values.fields(data)
    done = values.fields(values.get(row, "done"))
    try:
        counts = tuple((ExecutionStatus(word), values.number(done, word)) for word in done)
    except ValueError:
        raise Garbled("a status in a calendar day") from None
    return CalendarDay(
        day=values.day(row, "day"),
        done=counts,
        ran=values.numbers(row, "ran"),
        coming=values.numbers(row, "coming"),
        clock_change=values.text(row, "clock_change"),
    )


def agenda_to_json(entry: AgendaEntry) -> Json:
    return {
        "at": values.instant(entry.at),
        "task_id": entry.task_id,
        "task_name": entry.task_name,
        "target_count": entry.target_count,
        "execution_id": entry.execution_id,
        "outcome": None if entry.status is None else entry.status.value,
        "count": entry.count,
    }


def agenda_from_json(data: JSON) -> AgendaEntry:
    row = values.fields(data)
    task, execution = values.number_or_none(row, "task_id"), values.number_or_none(row, "execution_id")
    return AgendaEntry(
        at=values.when(row, "at"),
        task_id=None if task is None else TaskId(task),
        task_name=values.text(row, "task_name"),
        target_count=values.number(row, "target_count"),
        execution_id=None if execution is None else ExecutionId(execution),
        status=values.word_or_none(row, "outcome", ExecutionStatus),
        count=values.number(row, "count"),
    )


# ---- events: the id and the type stand outside, where the stream's protocol has them

RESET = "reset"
#: the last message of a stream that can't go on: problem details
PROBLEM = "problem"


def event_to_json(event: Event) -> Json:
    return {
        "at": values.instant(event.at),
        "task_id": event.task_id,
        "execution_id": event.execution_id,
        "facts": dict(event.facts),
    }


def event_from_json(event_id: str, kind: str, data: JSON) -> Event | Reset:
    try:
        number = EventId.parse(event_id)
    except ValueError as error:
        raise Garbled(str(error)) from error
    if kind == RESET:
        return Reset(number)
    row = values.fields(data)
    task, execution = values.number_or_none(row, "task_id"), values.number_or_none(row, "execution_id")
    facts: list[tuple[str, str | int | None]] = []
    for name, value in values.fields(values.get(row, "facts")).items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
            raise Garbled(f"the fact {name}")
        facts.append((name, value))
    return Event(
        id=number,
        type=kind,
        at=values.when(row, "at"),
        task_id=None if task is None else TaskId(task),
        execution_id=None if execution is None else ExecutionId(execution),
        facts=tuple(facts),
    )


# ---- engine


def engine_to_json(status: EngineStatus) -> Json:
    return {
        "engine_id": status.engine_id,
        "version": status.version,
        "pid": status.pid,
        "host": status.host,
        "database": status.database,
        "started_at": values.instant(status.started_at),
        "now": values.instant(status.now),
        "zone": status.zone,
        "is_service": status.is_service,
        "is_stopping": status.is_stopping,
        "clients": status.clients,
        "running_executions": status.running_executions,
        "queued_executions": status.queued_executions,
        "lag_ms": status.lag_ms,
        "event_stream": status.event_stream,
    }


def engine_from_json(data: JSON) -> EngineStatus:
    row = values.fields(data)
    return EngineStatus(
        engine_id=EngineId(values.text(row, "engine_id")),
        version=values.text(row, "version"),
        pid=values.number(row, "pid"),
        host=values.text(row, "host"),
        database=values.text(row, "database"),
        started_at=values.when(row, "started_at"),
        now=values.when(row, "now"),
        zone=values.text(row, "zone"),
        is_service=values.flag(row, "is_service"),
        is_stopping=values.flag(row, "is_stopping"),
        clients=values.number(row, "clients"),
        running_executions=values.number(row, "running_executions"),
        queued_executions=values.number(row, "queued_executions"),
        lag_ms=values.number(row, "lag_ms"),
        event_stream=values.text(row, "event_stream"),
    )


def stop_all_to_json(report: StopAllReport) -> Json:
    return {"executions": report.executions, "targets": report.targets}


def stop_all_from_json(data: JSON) -> StopAllReport:
    row = values.fields(data)
    return StopAllReport(executions=values.number(row, "executions"), targets=values.number(row, "targets"))


# ---- who asks


def actor_to_json(actor: Actor) -> Json:
    return {
        "id": actor.user_id,
        "username": actor.name,
        "email": None,
        "created_at": None,
        "role": actor.role.value,
        "uid": actor.uid,
        "origin": actor.origin,
    }


def actor_from_json(data: JSON) -> Actor:
    row = values.fields(data)
    return Actor(
        user_id=UserId(values.number(row, "id")),
        name=values.text(row, "username"),
        role=values.word(row, "role", Role),
        uid=values.number_or_none(row, "uid"),
        origin=values.text(row, "origin"),
    )
