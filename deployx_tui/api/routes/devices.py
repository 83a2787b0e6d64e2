"""/devices: what tasks run on."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from deployx_tui.api.answers import WIRE_HEADER, Json, etag
from deployx_tui.api.context import Asked, Body, Id, NoParams, Params, empty_or_object, expected_version
from deployx_tui.api.paging import STRIDE
from deployx_tui.model.device import Device, Group, TestStep
from deployx_tui.model.fetch import FetchPiece
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.json_reader import JSON
from deployx_tui.service.backend import Backend
from deployx_tui.service.wire import WIRE_VERSION
from deployx_tui.service.wire.devices import (
    device_draft_from_json,
    device_draft_to_json,
    device_to_json,
    key_from_json,
    match_to_json,
    step_to_json,
)
from deployx_tui.service.wire.fetching import MEDIA_TYPE, to_frame
from deployx_tui.service.wire.params import MAX_LIMIT

router = APIRouter(prefix="/devices")

NDJSON = "application/x-ndjson"


@router.get("")
async def list_devices(backend: Asked, params: Params, request: Request) -> Json:
    """A bare array of all; with `limit` or `cursor` a page of it, the next one in `Link`."""
    text, group = params.text("q") or "", params.id("group_id")
    params.flag("force_refresh")  # of the original; there is no cache to refresh
    paged = params.has("limit") or params.has("cursor")
    limit, cursor = params.number("limit", MAX_LIMIT, 1, MAX_LIMIT), params.text("cursor")
    brief = params.flag("brief")
    params.finish()
    groups = {} if brief else await _groups(backend)
    found: list[Device] = []
    while True:
        page = await backend.devices.list(text, None if group is None else GroupId(group), limit, cursor)
        found += page.items
        cursor = page.next_cursor
        if paged or cursor is None:
            break
    headers = {} if page.total is None else {"X-Total": str(page.total)}
    if cursor is not None:
        later = request.url.include_query_params(cursor=cursor)
        headers["Link"] = f'<{later.path}?{later.query}>; rel="next"'
        headers["X-Next-Cursor"] = cursor
    return Json([device_to_json(device, groups) for device in found], headers=headers)


async def _groups(backend: Backend) -> dict[GroupId, Group]:
    return {group.id: group for group in (await backend.groups.list()).items}


async def _answer(backend: Backend, device: Device, status: int = 200) -> Json:
    headers = etag(device.version)
    if status == 201:
        headers["Location"] = f"/devices/{device.id}"
    return Json(device_to_json(device, await _groups(backend)), status, headers)


@router.post("", dependencies=[NoParams])
async def create_device(backend: Asked, body: Body) -> Json:
    return await _answer(backend, await backend.devices.create(device_draft_from_json(body)), 201)


@router.get("/find")
async def find_device(backend: Asked, params: Params) -> Json:
    name = params.text("name") or ""
    params.finish()
    return await _answer(backend, await backend.devices.find(name))


@router.get("/match")
async def match(backend: Asked, params: Params) -> Json:
    """What a selector resolves to now."""
    selector = params.text("selector") or ""
    params.finish()
    return Json(match_to_json(await backend.devices.match(selector)))


@router.get("/{device_id}", dependencies=[NoParams])
async def get_device(backend: Asked, device_id: Id) -> Json:
    return await _answer(backend, await backend.devices.get(DeviceId(device_id)))


@router.put("/{device_id}", dependencies=[NoParams])
async def replace_device(backend: Asked, device_id: Id, body: Body, request: Request) -> Json:
    draft = device_draft_from_json(body)
    return await _answer(backend, await backend.devices.update(DeviceId(device_id), draft, expected_version(request)))


@router.patch("/{device_id}", dependencies=[NoParams])
async def change_device(backend: Asked, device_id: Id, body: Body, request: Request) -> Json:
    """Only what the body names; null resets a field."""
    present = await backend.devices.get(DeviceId(device_id))
    change = empty_or_object(body)
    base: dict[str, JSON] = device_draft_to_json(present.draft)
    if "ip_address" in change:
        base.pop("address")
    draft = device_draft_from_json({**base, **change})
    version = expected_version(request)
    updated = await backend.devices.update(present.id, draft, present.version if version is None else version)
    return await _answer(backend, updated)


@router.delete("/{device_id}", dependencies=[NoParams])
async def delete_device(backend: Asked, device_id: Id, request: Request) -> Json:
    await backend.devices.delete(DeviceId(device_id), expected_version(request))
    return Json({"message": f"Device {device_id} deleted successfully"})


@router.post("/{device_id}/restore", dependencies=[NoParams])
async def restore_device(backend: Asked, device_id: Id) -> Json:
    return await _answer(backend, await backend.devices.restore(DeviceId(device_id)))


@router.post("/{device_id}/test", dependencies=[NoParams])
async def connection_test(backend: Asked, device_id: Id, request: Request) -> Response:
    """Each step as it is known, a JSON line each, when Accept names application/x-ndjson; else all of them at once."""
    steps = backend.devices.test(DeviceId(device_id))
    if NDJSON not in request.headers.get("accept", ""):
        return Json([step_to_json(step) async for step in steps])
    # the first step is awaited, so that a refusal is a status
    first = await anext(aiter(steps))
    return StreamingResponse(_lines(first, steps), media_type=NDJSON, headers={WIRE_HEADER: str(WIRE_VERSION)})


async def _lines(first: TestStep, steps: AsyncIterator[TestStep]) -> AsyncIterator[bytes]:
    yield _line(first)
    async for step in steps:
        yield _line(step)


def _line(step: TestStep) -> bytes:
    # ASCII: line readers of some clients take U+2028 and others for the end of a line
    return json.dumps(step_to_json(step)).encode("ascii") + b"\n"


@router.get("/{device_id}/fetch")
async def fetch(backend: Asked, device_id: Id, params: Params) -> Response:
    """A file or folder there, as frames (service/wire/fetching.py)."""
    path = params.text("path") or ""
    params.finish()
    pieces = backend.devices.fetch(DeviceId(device_id), path)
    # the first piece is awaited, so that a refusal is a status
    first = await anext(pieces)
    return StreamingResponse(_frames(first, pieces), media_type=MEDIA_TYPE, headers={WIRE_HEADER: str(WIRE_VERSION)})


async def _frames(first: FetchPiece, pieces: AsyncGenerator[FetchPiece, None]) -> AsyncIterator[bytes]:
    async with aclosing(pieces):  # who asked may go before the end
        yield to_frame(first)
        async for piece in pieces:
            yield to_frame(piece)


@router.post("/{device_id}/trust", dependencies=[NoParams])
async def trust(backend: Asked, device_id: Id, body: Body) -> Json:
    await backend.devices.trust(DeviceId(device_id), key_from_json(body))
    return Json({"message": f"The host key of device {device_id} is known"})


async def all_devices(backend: Backend) -> dict[DeviceId, Device]:
    found: dict[DeviceId, Device] = {}
    cursor: str | None = None
    while True:
        page = await backend.devices.list("", None, STRIDE, cursor)
        found |= {device.id: device for device in page.items}
        cursor = page.next_cursor
        if cursor is None:
            return found
