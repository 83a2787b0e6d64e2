"""Executions over the wire."""

from __future__ import annotations

from datetime import timedelta

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
from deployx_tui.model.parameter_json import parameters_to_json
from deployx_tui.model.payload_json import payload_field
from deployx_tui.model.payloads import Payload
from deployx_tui.service.remote.channel import PATIENCE, Channel
from deployx_tui.service.wire import values
from deployx_tui.service.wire.executions import (
    cause_from_json,
    execution_from_json,
    given_from_json,
    group_from_json,
    slice_from_json,
    target_from_json,
)
from deployx_tui.service.wire.params import Params, execution_query_to_params

EXECUTIONS = "/api/executions"


class RemoteExecutions:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self, query: ExecutionQuery) -> Page[Execution]:
        answer = await self._channel.get(EXECUTIONS, execution_query_to_params(query))
        return values.page_from_json(answer.json, "executions", execution_from_json)

    async def get(self, execution: ExecutionId) -> Execution:
        return execution_from_json((await self._channel.get(f"{EXECUTIONS}/{execution}")).json)

    async def targets(
        self,
        execution: ExecutionId,
        states: frozenset[TargetState] = frozenset(),
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[TargetResult]:
        params: Params = [("limit", str(limit)), *(("state", state.value) for state in sorted(states))]
        if cursor is not None:
            params.append(("cursor", cursor))
        answer = await self._channel.get(f"{EXECUTIONS}/{execution}/targets", params)
        return values.page_from_json(answer.json, "targets", target_from_json)

    async def causes(self, execution: ExecutionId) -> tuple[CauseCount, ...]:
        answer = await self._channel.get(f"{EXECUTIONS}/{execution}/causes")
        return values.each({"causes": answer.json}, "causes", cause_from_json)

    async def parameters(self, execution: ExecutionId) -> tuple[Value, ...]:
        return given_from_json((await self._channel.get(f"{EXECUTIONS}/{execution}/parameters")).json)

    async def run_ad_hoc(
        self, payload: Payload, selector: str, request: str, timeout: timedelta | None = None
    ) -> ExecutionId:
        answer = await self._channel.send(
            "POST",
            EXECUTIONS,
            {
                **payload_field(payload),
                "parameters": parameters_to_json(payload.parameters),
                "selector": selector,
                "request": request,
                "timeout_seconds": None if timeout is None else timeout.total_seconds(),
            },
            may_repeat=True,
        )
        return execution_from_json(answer.json).id

    async def rerun(
        self, execution: ExecutionId, request: str, scope: frozenset[RerunScope] = DEFAULT_RERUN
    ) -> ExecutionId:
        answer = await self._channel.send(
            "POST",
            f"{EXECUTIONS}/{execution}/rerun",
            {"targets": [word.value for word in sorted(scope)], "request": request},
            may_repeat=True,
        )
        return execution_from_json(answer.json).id

    async def rollback(self, execution: ExecutionId, request: str, *, force: bool = False) -> ExecutionId:
        answer = await self._channel.send(
            "POST", f"{EXECUTIONS}/{execution}/rollback", {"force": force, "request": request}, may_repeat=True
        )
        return execution_from_json(answer.json).id

    async def cancel(self, execution: ExecutionId) -> Execution:
        return execution_from_json((await self._channel.send("POST", f"{EXECUTIONS}/{execution}/cancel")).json)

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
        params: Params = [("stream", stream.value), ("offset", str(offset)), ("limit", str(limit))]
        if tail is not None:
            params.append(("tail", str(tail)))
        if line is not None:
            params.append(("line", str(line)))
        if wait is not None:
            params.append(("wait", f"{wait.total_seconds():g}"))
        answer = await self._channel.get(
            f"{EXECUTIONS}/{execution}/targets/{device}/output", params, patience=PATIENCE + (wait or timedelta())
        )
        return slice_from_json(answer.json)

    async def output_groups(self, execution: ExecutionId) -> tuple[OutputGroup, ...]:
        answer = await self._channel.get(f"{EXECUTIONS}/{execution}/output/groups")
        return values.each({"groups": answer.json}, "groups", group_from_json)
