"""The calendar and the engine itself over the wire."""

from __future__ import annotations

from datetime import date, timedelta

from deployx_tui.model.calendar import AgendaEntry, Month
from deployx_tui.model.engine import EngineStatus, StopAllReport
from deployx_tui.service.remote.channel import Channel
from deployx_tui.service.wire import values
from deployx_tui.service.wire.rest import agenda_from_json, engine_from_json, month_from_json, stop_all_from_json


class RemoteCalendar:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def month(self, year: int, month: int, zone: str) -> Month:
        answer = await self._channel.get("/api/schedule/calendar", [("month", f"{year:04}-{month:02}"), ("zone", zone)])
        return month_from_json(answer.json)

    async def day(self, day: date, zone: str, limit: int = 500) -> tuple[AgendaEntry, ...]:
        answer = await self._channel.get(
            "/api/schedule/agenda", [("day", day.isoformat()), ("zone", zone), ("limit", str(limit))]
        )
        return values.each({"agenda": answer.json}, "agenda", agenda_from_json)


class RemoteEngine:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def status(self) -> EngineStatus:
        return engine_from_json((await self._channel.get("/api/engine")).json)

    async def stay(self) -> None:
        await self._channel.send("POST", "/api/engine/stay")

    async def shutdown(self, drain: timedelta) -> None:
        await self._channel.send("POST", "/api/engine/shutdown", {"drain_seconds": drain.total_seconds()})

    async def stop_all(self) -> StopAllReport:
        return stop_all_from_json((await self._channel.send("POST", "/api/engine/stop-all")).json)
