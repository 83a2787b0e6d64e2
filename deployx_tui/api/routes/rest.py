"""The calendar, the event stream, the engine, who asks, and how it is."""

from __future__ import annotations

import re
from datetime import date, timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from deployx_tui.api import sse
from deployx_tui.api.answers import WIRE_HEADER, Json
from deployx_tui.api.context import Asked, Body, NoParams, Params, Server, empty_or_object
from deployx_tui.errors import InvalidInput
from deployx_tui.model.calendar import CalendarDay
from deployx_tui.model.event import EventId
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.json_reader import Reader
from deployx_tui.model.parse import zone_of
from deployx_tui.service.wire import WIRE_VERSION
from deployx_tui.service.wire.rest import (
    actor_to_json,
    agenda_to_json,
    day_to_json,
    engine_to_json,
    month_to_json,
    stop_all_to_json,
)

router = APIRouter()

_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
#: days that one calendar answer may span
MAX_DAYS = 400


@router.get("/api/schedule/calendar")
async def calendar(backend: Asked, params: Params, server: Server) -> Json:
    """`month=2026-12` gives its whole weeks; `from=` and `to=` (days, inclusive) give just those."""
    zone, month = params.text("zone") or server.zone, params.text("month")
    first, last = params.day("from"), params.day("to")
    params.finish()
    zone_of(zone, "?zone")
    if month is not None:
        found = _MONTH.fullmatch(month)
        if found is None or not 1 <= int(found[2]) <= 12 or int(found[1]) < 1:
            raise InvalidInput.of("?month", f"{month[:40]!r} is not a month", "say YYYY-MM")
        return Json(month_to_json(await backend.calendar.month(int(found[1]), int(found[2]), zone)))
    if first is None or last is None:
        raise InvalidInput.of("?from", "no span is given", "give from and to, or month")
    if not 0 <= (last - first).days < MAX_DAYS:
        raise InvalidInput.of("?to", "the span is empty or too long", f"give at most {MAX_DAYS} days, first day first")
    days: dict[date, CalendarDay] = {}
    year, number = first.year, first.month
    while (year, number) <= (last.year, last.month):
        days |= {day.day: day for day in (await backend.calendar.month(year, number, zone)).days}
        year, number = (year + 1, 1) if number == 12 else (year, number + 1)
    return Json({"zone": zone, "days": [day_to_json(days[day]) for day in sorted(days) if first <= day <= last]})


@router.get("/api/schedule/agenda")
async def agenda(backend: Asked, params: Params, server: Server) -> Json:
    """One day by time: what was and what is still to come."""
    zone, day = params.text("zone") or server.zone, params.day("day")
    limit = params.number("limit", 500, 1, 10_000)
    params.finish()
    zone_of(zone, "?zone")
    if day is None:
        raise InvalidInput.of("?day", "it is missing", "say YYYY-MM-DD")
    return Json([agenda_to_json(entry) for entry in await backend.calendar.day(day, zone, limit)])


@router.get("/api/events")
async def events(backend: Asked, params: Params, request: Request, server: Server) -> Response:
    """The stream; `Last-Event-ID` (or `after`) resumes it. `task`, `execution`, `types` and
    `without_growth` narrow it."""
    execution, task = params.id("execution"), params.id("task")
    types = frozenset(filter(None, (params.text("types") or "").split(",")))
    without_growth = params.flag("without_growth")
    given = params.text("after") or request.headers.get("last-event-id")
    params.finish()
    after: EventId | None = None
    if given is not None:
        try:
            after = EventId.parse(given)
        except ValueError as error:
            raise InvalidInput.of("?after", str(error), "give an id of this stream, or none") from error
    if execution is not None:
        await backend.executions.get(ExecutionId(execution))  # 404 while a status can still tell it
    followed = backend.events.follow(
        after, None if execution is None else ExecutionId(execution), without_growth=without_growth
    )
    return StreamingResponse(
        sse.stream(followed, server.closing, task=task, types=types),
        media_type="text/event-stream",
        headers={WIRE_HEADER: str(WIRE_VERSION), "Cache-Control": "no-store"},
    )


@router.get("/api/engine", dependencies=[NoParams])
async def engine(backend: Asked) -> Json:
    return Json(engine_to_json(await backend.engine.status()))


@router.post("/api/engine/stay", dependencies=[NoParams])
async def stay(backend: Asked, body: Body) -> Json:
    Reader(empty_or_object(body)).finish()
    await backend.engine.stay()
    return Json(engine_to_json(await backend.engine.status()))


@router.post("/api/engine/shutdown", dependencies=[NoParams])
async def shutdown(backend: Asked, body: Body) -> Json:
    reader = Reader(empty_or_object(body))
    drain = reader.seconds("drain_seconds")
    reader.finish()
    await backend.engine.shutdown(timedelta() if drain is None else drain)
    return Json({"message": "The engine ends"}, 202)


@router.post("/api/engine/stop-all", dependencies=[NoParams])
async def stop_all(backend: Asked, body: Body) -> Json:
    Reader(empty_or_object(body)).finish()
    return Json(stop_all_to_json(await backend.engine.stop_all()))


@router.get("/auth/me", dependencies=[NoParams])
async def me(backend: Asked) -> Json:
    return Json(actor_to_json(backend.actor))


@router.get("/healthz", dependencies=[NoParams])
@router.get("/health", dependencies=[NoParams])
async def health() -> Json:
    return Json({"status": "healthy", "message": "deployx is running"})


@router.get("/readyz", dependencies=[NoParams])
async def ready(server: Server) -> Json:
    reasons = await server.not_ready()
    return Json({"status": "not ready" if reasons else "ready", "reasons": list(reasons)}, 503 if reasons else 200)
