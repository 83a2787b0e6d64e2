"""Executions behind the door."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput
from deployx_tui.model.execution import (
    DEFAULT_RERUN,
    CauseCount,
    Execution,
    ExecutionQuery,
    OutputGroup,
    OutputSlice,
    RerunScope,
    Stream,
    TargetResult,
    TargetState,
)
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.model.page import Page
from deployx_tui.model.parameter import Value
from deployx_tui.model.payloads import Payload
from deployx_tui.model.user import Actor
from deployx_tui.output.grouping import group
from deployx_tui.planning.plan import values_of
from deployx_tui.service.backend.executions import Executions
from deployx_tui.service.local import starting, taking_back
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.guard import serves
from deployx_tui.service.local.parameters import Files
from deployx_tui.store import endings, executions, history, results

#: of a group's output, for a glance
_SAMPLE = 1024
#: of one answer
_MOST_BYTES = 16 << 20


@serves(Executions)
class LocalExecutions:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    # ---- reading

    async def list(self, query: ExecutionQuery) -> Page[Execution]:
        return await self._door.read(lambda c: Page(*history.page(c, query, self._door.only_own)))

    async def get(self, execution: ExecutionId) -> Execution:
        return await self._door.read(lambda c: self._get(c, execution))

    async def targets(
        self,
        execution: ExecutionId,
        states: frozenset[TargetState] = frozenset(),
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[TargetResult]:
        def work(c: Connection) -> Page[TargetResult]:
            self._get(c, execution)
            return Page(*results.page(c, execution, states, limit, cursor))

        return await self._door.read(work)

    async def causes(self, execution: ExecutionId) -> tuple[CauseCount, ...]:
        def work(c: Connection) -> tuple[CauseCount, ...]:
            self._get(c, execution)
            return results.causes(c, execution)

        return await self._door.read(work)

    async def parameters(self, execution: ExecutionId) -> tuple[Value, ...]:
        def work(c: Connection) -> tuple[Value, ...]:
            self._get(c, execution)
            run = executions.load_run(c, execution)
            return () if run is None else values_of(run.plan_json or run.draft_json)

        return await self._door.read(work)

    # ---- starting and stopping

    async def run_ad_hoc(
        self, payload: Payload, selector: str, request: str, timeout: timedelta | None = None
    ) -> ExecutionId:
        same = starting.request_id(request)
        files = await self._door.run(lambda: Files.of(payload, {}))
        return await starting.start(
            self._door,
            same,
            lambda change: starting.run_ad_hoc(change, self._door, payload, selector, same, timeout, files),
        )

    async def rerun(
        self, execution: ExecutionId, request: str, scope: frozenset[RerunScope] = DEFAULT_RERUN
    ) -> ExecutionId:
        same = starting.request_id(request)
        return await starting.start(
            self._door, same, lambda change: starting.rerun(change, self._door, execution, same, scope)
        )

    async def rollback(self, execution: ExecutionId, request: str, *, force: bool = False) -> ExecutionId:
        same = starting.request_id(request)
        return await starting.start(
            self._door, same, lambda change: taking_back.roll_back(change, self._door, execution, same, force=force)
        )

    async def cancel(self, execution: ExecutionId) -> Execution:
        def work(change: Change) -> Execution:
            found = self._get(change.c, execution)
            if not endings.request_cancel(change.c, execution, change.now_ms):
                raise Conflict(f"execution {execution} is over: {found.status.value}")
            change.record("execution.cancel", execution)
            return self._get(change.c, execution)

        shown = await self._door.write(work, durable=True)
        await self._door.run(lambda: self._door.premises.engine.cancel(execution))
        return shown

    # ---- output

    async def output(
        self,
        execution: ExecutionId,
        device: DeviceId,
        stream: Stream = Stream.BOTH,
        offset: int = 0,
        limit: int = 1 << 20,
        tail: int | None = None,
        wait: timedelta | None = None,
        line: int | None = None,
    ) -> OutputSlice:
        _refuse_odd_range(offset, limit, tail, line)
        target = await self._door.read(lambda c: self._target(c, execution, device))
        premises, clock = self._door.premises, asyncio.get_running_loop().time
        deadline = clock() + (wait.total_seconds() if wait is not None else 0.0)
        while True:
            position = await self._door.run(premises.stream.position)
            found = await self._door.run(
                lambda: premises.output.read(execution, target.id, stream, offset, limit, tail, line)
            )
            left = deadline - clock()
            if found.chunks or found.complete or left <= 0:
                return found
            await premises.waking.wait(position.number, left)

    async def output_groups(self, execution: ExecutionId) -> tuple[OutputGroup, ...]:
        def digests(c: Connection) -> tuple[tuple[TargetResult, str], ...]:
            self._get(c, execution)
            return results.digests(c, execution)

        found = await self._door.read(digests)
        ids = {target.device_id: target.id for target, _ in found}
        output = self._door.premises.output

        def sample(device: DeviceId) -> bytes:
            chunks = output.read(execution, ids[device], limit=_SAMPLE).chunks
            return b"".join(chunk.data for chunk in chunks)

        return await self._door.run(
            lambda: group([(target.device_id, target.device, digest) for target, digest in found], sample)
        )

    # ---- parts

    def _get(self, c: Connection, execution: ExecutionId) -> Execution:
        return history.get(c, execution, self._door.only_own)

    def _target(self, c: Connection, execution: ExecutionId, device: DeviceId) -> TargetResult:
        self._get(c, execution)
        return results.get(c, execution, device)


def _refuse_odd_range(offset: int, limit: int, tail: int | None, line: int | None) -> None:
    if offset < 0:
        raise InvalidInput.of("offset", "it is negative", "give 0 or more")
    if not 1 <= limit <= _MOST_BYTES:
        raise InvalidInput.of("limit", f"{limit} is out of range", f"give 1 to {_MOST_BYTES}")
    if tail is not None and tail < 0:
        raise InvalidInput.of("tail", "it is negative", "give 0 or more")
    if tail is not None and line is not None:
        raise InvalidInput.of("line", "it is given beside tail", "give one of them")
