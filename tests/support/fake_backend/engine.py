"""What the engine tells: its events, and its own state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from deployx_tui.errors import EngineUnreachable
from deployx_tui.model.engine import EngineStatus, StopAllReport
from deployx_tui.model.event import GROWTH, Event, EventId, Reset
from deployx_tui.model.execution import (
    ALIVE,
    ExecutionStatus,
)
from deployx_tui.model.ids import EngineId, ExecutionId
from tests.support.fake_backend.facet import STREAM, Facet


class FakeEvents(Facet):
    async def follow(
        self, after: EventId | None = None, execution: ExecutionId | None = None, *, without_growth: bool = False
    ) -> AsyncIterator[Event | Reset]:
        await self.w.door("events.follow")
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.w.followers.append(queue)
        try:
            if after is None:
                yield Reset(EventId(STREAM, self.w.number))
            while True:
                event = await queue.get()
                if event is None:
                    raise EngineUnreachable("the connection was cut")
                if without_growth and event.type == GROWTH:
                    continue
                if execution is None or event.execution_id == execution:
                    yield event
        finally:
            self.w.followers.remove(queue)


class FakeEngine(Facet):
    async def status(self) -> EngineStatus:
        await self.w.door("engine.status")
        alive = [run.status for run in self.w.execution_rows.values() if run.status in ALIVE]
        return EngineStatus(
            engine_id=EngineId(self.w.engine_id),
            version="0.1.0",
            pid=self.w.pid,
            host=self.w.host,
            database="sqlite:////home/alice/.local/share/deployx/deployx.db",
            started_at=self.w.now() - timedelta(days=3, hours=4, minutes=7),
            now=self.w.now(),
            zone="Europe/Berlin",
            is_service=self.w.is_service,
            is_stopping=False,
            clients=self.w.clients,
            running_executions=alive.count(ExecutionStatus.RUNNING),
            queued_executions=len(alive) - alive.count(ExecutionStatus.RUNNING),
            lag_ms=12,
            event_stream=STREAM,
        )

    async def stay(self) -> None:
        await self.w.door("engine.stay")
        self.w.stays = True

    async def shutdown(self, drain: timedelta) -> None:
        await self.w.door("engine.shutdown")
        self.w.is_shut = True

    async def stop_all(self) -> StopAllReport:
        await self.w.door("engine.stop_all")
        alive = [run for run in self.w.execution_rows.values() if run.status in ALIVE]
        report = StopAllReport(
            executions=len(alive), targets=sum(run.targets.waiting + run.targets.running for run in alive)
        )
        for run in alive:
            self.w.finish_run(run.id, ExecutionStatus.CANCELLED)
        return report
