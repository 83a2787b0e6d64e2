"""/api/executions: runs, their targets, and what those said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from deployx_tui.api.answers import WIRE_HEADER, Json
from deployx_tui.api.context import Asked, Body, Id, NoParams, Params, empty_or_object, replayed, request_id
from deployx_tui.api.paging import window
from deployx_tui.model.execution import DEFAULT_RERUN, RerunScope, Stream, TargetState
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.model.parameter_json import read_parameters, values_to_json
from deployx_tui.model.payload_json import read_payload
from deployx_tui.model.payloads import with_parameters
from deployx_tui.service.backend import Backend
from deployx_tui.service.download import Format, download, file_name
from deployx_tui.service.wire import WIRE_VERSION
from deployx_tui.service.wire.executions import (
    cause_to_json,
    execution_to_json,
    group_to_json,
    slice_to_json,
    target_to_json,
)
from deployx_tui.service.wire.params import MAX_LIMIT, execution_query_from_params

router = APIRouter(prefix="/api/executions")

#: one answer of output at most, and how long it may be awaited
MAX_OUTPUT = 8 << 20
MAX_WAIT = 60
MAX_LINE = 2**53 - 1


@router.get("")
async def list_executions(backend: Asked, params: Params) -> Json:
    query = execution_query_from_params(params)
    skip = params.number("skip", 0, 0, 2**63 - 1)
    params.finish()
    found = await window(
        lambda cursor, limit: backend.executions.list(replace(query, cursor=cursor, limit=limit)),
        skip=skip,
        limit=query.limit,
        cursor=query.cursor,
    )
    return Json(
        {
            "executions": [execution_to_json(execution) for execution in found.items],
            "total": found.total,
            "next_cursor": found.next_cursor,
        }
    )


@router.post("", dependencies=[NoParams])
async def run_ad_hoc(backend: Asked, body: Body, request: Request) -> Json:
    """`{command_payload, selector, timeout_seconds, parameters}`, parameters as a task declares them; `file_payload` or
    `software_payload` in place of the first. 202."""
    reader = Reader(body)
    selector = reader.text("selector", required=True) or ""
    once = reader.text("request")
    timeout = reader.seconds("timeout_seconds")
    payload = read_payload(reader)
    parameters = read_parameters(reader)
    reader.finish()
    if payload is None:
        raise TypeError("a payload without problems")
    payload = with_parameters(payload, parameters)
    started = await backend.executions.run_ad_hoc(payload, selector, request_id(request, once), timeout)
    return await _started(backend, started, 202)


async def _started(backend: Backend, execution: ExecutionId, status: int) -> Json:
    """The new run, as it is now."""
    return Json(
        execution_to_json(await backend.executions.get(execution)),
        status,
        {"Location": f"/api/executions/{execution}", **replayed()},
    )


@router.get("/{execution_id}", dependencies=[NoParams])
async def get_execution(backend: Asked, execution_id: Id) -> Json:
    return Json(execution_to_json(await backend.executions.get(ExecutionId(execution_id))))


@router.get("/{execution_id}/targets")
async def targets(backend: Asked, execution_id: Id, params: Params) -> Json:
    states = params.words("state", TargetState)
    limit, cursor = params.number("limit", MAX_LIMIT, 1, MAX_LIMIT), params.text("cursor")
    params.finish()
    page = await backend.executions.targets(ExecutionId(execution_id), states, limit, cursor)
    return Json(
        {
            "targets": [target_to_json(target) for target in page.items],
            "total": page.total,
            "next_cursor": page.next_cursor,
        }
    )


@router.get("/{execution_id}/parameters", dependencies=[NoParams])
async def parameters(backend: Asked, execution_id: Id) -> Json:
    return Json(values_to_json(await backend.executions.parameters(ExecutionId(execution_id))))


@router.get("/{execution_id}/causes", dependencies=[NoParams])
async def causes(backend: Asked, execution_id: Id) -> Json:
    return Json([cause_to_json(count) for count in await backend.executions.causes(ExecutionId(execution_id))])


@router.post("/{execution_id}/cancel", dependencies=[NoParams])
async def cancel(backend: Asked, execution_id: Id, body: Body) -> Json:
    Reader(empty_or_object(body)).finish()
    return Json(execution_to_json(await backend.executions.cancel(ExecutionId(execution_id))), 202)


@router.post("/{execution_id}/rerun", dependencies=[NoParams])
async def rerun(backend: Asked, execution_id: Id, body: Body, request: Request) -> Json:
    """`{targets: [failed, not_started, lost] or [all]}`; the plan is the stored one. 201."""
    reader = Reader(empty_or_object(body))
    once = reader.text("request")
    words = tuple(scope.value for scope in RerunScope)
    scope: frozenset[RerunScope] = DEFAULT_RERUN
    if reader.has("targets"):
        chosen: set[RerunScope] = set()
        for word in reader.texts("targets"):
            if word in words:
                chosen.add(RerunScope(word))
            else:
                reader.problem("targets", f"{word[:40]!r} is not one of its words", f"say {', '.join(words)}")
        scope = frozenset(chosen)
    reader.finish()
    started = await backend.executions.rerun(ExecutionId(execution_id), request_id(request, once), scope)
    return await _started(backend, started, 201)


@router.post("/{execution_id}/rollback", dependencies=[NoParams])
async def rollback(backend: Asked, execution_id: Id, body: Body, request: Request) -> Json:
    """`{force}`: also where somebody changed it since. A new execution, on the targets that this one changed. 201."""
    reader = Reader(empty_or_object(body))
    once, force = reader.text("request"), bool(reader.flag("force"))
    reader.finish()
    started = await backend.executions.rollback(ExecutionId(execution_id), request_id(request, once), force=force)
    return await _started(backend, started, 201)


@router.get("/{execution_id}/output")
async def whole_output(backend: Asked, execution_id: Id, params: Params) -> Response:
    """All that its targets said, as a file: `format=text` (the default) or `format=archive`, a zip file."""
    form = params.word("format", Format) or Format.TEXT
    params.finish()
    execution = ExecutionId(execution_id)
    name = file_name(await backend.executions.get(execution), form)
    pieces = download(backend, execution, form)
    # the first piece is awaited, so that a refusal is a status
    first = await anext(pieces)
    return StreamingResponse(
        _from_first(first, pieces),
        media_type=form.media_type,
        headers={
            WIRE_HEADER: str(WIRE_VERSION),
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _from_first(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


@router.get("/{execution_id}/targets/{device_id}/output")
async def output(backend: Asked, execution_id: Id, device_id: Id, params: Params, request: Request) -> Response:
    """The stored bytes from `offset`, or of the last `tail`, or from `line` (from 0; negative: from the end); as JSON
    (base64, with arrival times and line numbers) when Accept names application/json."""
    stream = params.word("stream", Stream) or Stream.BOTH
    offset = params.number("offset", 0, 0, 2**63 - 1)
    limit = params.number("limit", 1 << 20, 1, MAX_OUTPUT)
    tail = params.number_or_none("tail", 0, MAX_OUTPUT)
    line = params.number_or_none("line", -MAX_LINE, MAX_LINE)
    wait = params.seconds("wait", MAX_WAIT)
    params.finish()
    found = await backend.executions.output(
        ExecutionId(execution_id),
        DeviceId(device_id),
        stream,
        offset,
        limit,
        tail,
        None if wait is None else timedelta(seconds=wait),
        line,
    )
    if "application/json" in request.headers.get("accept", ""):
        return Json(slice_to_json(found))
    return Response(
        b"".join(chunk.data for chunk in found.chunks),
        media_type="application/octet-stream",
        headers={
            WIRE_HEADER: str(WIRE_VERSION),
            "X-Next-Offset": str(found.next_offset),
            "X-Line": str(found.line),
            "X-Lines": str(found.lines),
            "X-Unreadable": str(sum(gap.size for gap in found.gaps if gap.reason)),
            "X-Complete": "true" if found.complete else "false",
            "X-Content-Type-Options": "nosniff",
        },
    )


@router.get("/{execution_id}/output/groups", dependencies=[NoParams])
async def output_groups(backend: Asked, execution_id: Id) -> Json:
    groups: list[JSON] = [
        group_to_json(group) for group in await backend.executions.output_groups(ExecutionId(execution_id))
    ]
    return Json(groups)
