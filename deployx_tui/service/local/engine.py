"""The engine behind the door."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import make_url

import deployx_tui
from deployx_tui.errors import InvalidInput
from deployx_tui.model.engine import EngineStatus, StopAllReport
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.user import Actor
from deployx_tui.service.backend.engine import EngineControl
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.guard import serves
from deployx_tui.store import endings, history


@serves(EngineControl)
class LocalEngineControl:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    async def status(self) -> EngineStatus:
        premises = self._door.premises

        def work() -> EngineStatus:
            running, queued = premises.engine.counts()
            return EngineStatus(
                engine_id=premises.engine.id,
                version=deployx_tui.__version__,
                pid=os.getpid(),
                host=socket.gethostname(),
                database=make_url(premises.database.url).render_as_string(hide_password=True),
                started_at=premises.started_at,
                now=datetime.now(UTC),
                zone=premises.zone,
                is_service=premises.lifecycle.is_service,
                is_stopping=premises.engine.is_stopping,
                clients=premises.lifecycle.clients,
                running_executions=running,
                queued_executions=queued,
                lag_ms=premises.engine.lag_ms(),
                event_stream=str(premises.stream.position()),
            )

        return await self._door.run(work)

    async def stay(self) -> None:
        await self._door.write(lambda change: change.record("engine.stay", None))
        self._door.premises.lifecycle.stay()

    async def shutdown(self, drain: timedelta) -> None:
        if drain < timedelta():
            raise InvalidInput.of("drain", "it is negative", "give 0s or more")
        await self._door.write(
            lambda change: change.record("engine.shutdown", None, after={"drain_seconds": drain.total_seconds()})
        )
        self._door.premises.lifecycle.shutdown(drain)

    async def stop_all(self) -> StopAllReport:
        def work(change: Change) -> tuple[StopAllReport, list[ExecutionId]]:
            asked: list[ExecutionId] = []
            targets = 0
            alive = history.by_ids(change.c, history.alive(change.c, self._door.only_own))
            for execution, found in alive.items():
                if endings.request_cancel(change.c, execution, change.now_ms):
                    asked.append(execution)
                    targets += found.targets.waiting + found.targets.running
            change.record("engine.stop_all", None, after={"executions": [*asked], "targets": targets})
            return StopAllReport(executions=len(asked), targets=targets), asked

        report, asked = await self._door.write(work, durable=True)
        for execution in asked:
            await self._door.run(partial(self._door.premises.engine.cancel, execution))
        return report
