"""Runs in memory, with the targets and outputs of the mock-ups' world."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from deployx_tui.errors import Conflict, NotFound
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.execution import (
    ALIVE,
    DEFAULT_RERUN,
    CauseCount,
    Execution,
    ExecutionQuery,
    ExecutionStatus,
    OutputChunk,
    OutputGroup,
    OutputSlice,
    RerunScope,
    Stream,
    TargetResult,
    TargetState,
    Trigger,
)
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.model.page import Page
from deployx_tui.model.parameter import Value
from deployx_tui.model.payloads import Payload
from deployx_tui.planning.parameters import resolve_values
from tests.support import world
from tests.support.fake_backend.facet import Facet, has_words
from tests.support.output_source import place_of_line


class FakeExecutions(Facet):
    async def list(self, query: ExecutionQuery) -> Page[Execution]:
        await self.w.door("executions.list")
        rows = [
            run
            for run in self.w.execution_rows.values()
            if (query.task_id is None or run.task_id == query.task_id)
            and (not query.statuses or run.status in query.statuses)
            and (query.since is None or run.created_at >= query.since)
            and (query.until is None or run.created_at < query.until)
            and (query.device_id is None or query.device_id in {t.device_id for t in self._targets(run.id)})
            and has_words(f"{run.task_name} {run.error_message}", query.text)
        ]
        rows.sort(key=lambda run: (run.created_at, run.id), reverse=True)
        start = int(query.cursor or 0)
        end = start + query.limit
        return Page(tuple(rows[start:end]), str(end) if end < len(rows) else None, len(rows))

    async def get(self, execution: ExecutionId) -> Execution:
        await self.w.door("executions.get")
        found = self.w.execution_rows.get(execution)
        if found is None:
            raise NotFound("execution", str(execution))
        return found

    def _targets(self, execution: ExecutionId) -> tuple[TargetResult, ...]:
        if execution not in self.w.target_rows:
            run = self.w.execution_rows[execution]
            task = self.w.task_rows.get(run.task_id) if run.task_id is not None else None
            selector = task.draft.selector if task is not None else "@web"
            self.w.target_rows[execution] = world.targets(run, list(self.w.resolve(selector)))
        return self.w.target_rows[execution]

    async def targets(
        self,
        execution: ExecutionId,
        states: frozenset[TargetState] = frozenset(),
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[TargetResult]:
        await self.w.door("executions.targets")
        rows = [t for t in self._targets(execution) if not states or t.state in states]
        return Page(tuple(rows[:limit]), None, len(rows))

    async def causes(self, execution: ExecutionId) -> tuple[CauseCount, ...]:
        await self.w.door("executions.causes")
        found: dict[tuple[object, str], CauseCount] = {}
        for target in self._targets(execution):
            if target.cause is not None:
                key = (target.cause, target.error_message)
                before = found.get(key)
                names = (*(before.devices if before else ()), target.device)
                found[key] = CauseCount(cause=target.cause, message=target.error_message, devices=names)
        return tuple(sorted(found.values(), key=lambda c: -len(c.devices)))

    async def parameters(self, execution: ExecutionId) -> tuple[Value, ...]:
        await self.w.door("executions.parameters")
        return self.w.given.get(execution, ())

    async def run_ad_hoc(
        self, payload: Payload, selector: str, request: str, timeout: timedelta | None = None
    ) -> ExecutionId:
        await self.w.door("executions.run_ad_hoc")
        values = resolve_values(payload, {}, lambda path: f"what is in {path}", self.w.credentials.parameter)
        run = self.w.start_run(None, payload, selector, Trigger.AD_HOC)
        self.w.given[run] = values
        return run

    async def rerun(
        self, execution: ExecutionId, request: str, scope: frozenset[RerunScope] = DEFAULT_RERUN
    ) -> ExecutionId:
        await self.w.door("executions.rerun")
        run = await self.get(execution)
        task = self.w.task_rows.get(run.task_id) if run.task_id is not None else None
        assert task is not None
        again = self.w.start_run(task, task.draft.payload, task.draft.selector, Trigger.RERUN)
        self.w.given[again] = self.w.given.get(execution, ())
        return again

    async def rollback(self, execution: ExecutionId, request: str, *, force: bool = False) -> ExecutionId:
        await self.w.door("executions.rollback")
        payload = RollbackPayload(execution=execution, force=force)
        return self.w.start_run(None, payload, "@web", Trigger.AD_HOC)

    async def cancel(self, execution: ExecutionId) -> Execution:
        await self.w.door("executions.cancel")
        run = await self.get(execution)
        if run.status not in ALIVE:
            raise Conflict(f"#{execution} is over")
        return self.w.finish_run(execution, ExecutionStatus.CANCELLED)

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
        await self.w.door("executions.output")
        run = await self.get(execution)
        name = self.w.device_rows[device].name
        data = self.w.outputs.get((execution, device), f"+ {run.summary}\n{name}: done\n".encode())
        if tail is not None:
            offset = max(0, len(data) - tail)
        if line is not None:
            offset = place_of_line(data, line)
        piece = data[offset : offset + limit]
        chunks = (OutputChunk(stream=Stream.STDOUT, at=run.created_at, offset=offset, data=piece),) if piece else ()
        its = [target.state for target in self._targets(execution) if target.device_id == device]
        over = run.status not in ALIVE or all(state.is_over for state in its)
        if not piece and not over and wait is not None:
            await asyncio.sleep(min(wait.total_seconds(), 0.05))
        return OutputSlice(
            chunks=chunks,
            next_offset=offset + len(piece),
            complete=over,
            total=len(data),
            line=data[:offset].count(b"\n"),
            lines=data.count(b"\n"),
        )

    async def output_groups(self, execution: ExecutionId) -> tuple[OutputGroup, ...]:
        await self.w.door("executions.output_groups")
        good = [(t.device_id, t.device) for t in self._targets(execution) if t.state is TargetState.SUCCEEDED]
        bad = [(t.device_id, t.device) for t in self._targets(execution) if t.state is TargetState.FAILED]
        made = []
        if good:
            made.append(OutputGroup(digest="0" * 64, devices=tuple(good), sample=b"cert ok, 61 days\n"))
        if bad:
            made.append(OutputGroup(digest="1" * 64, devices=tuple(bad), sample=b"sh: 1: logrotate: not found\n"))
        return tuple(sorted(made, key=lambda g: -len(g.devices)))
