"""/groups: groups of devices."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request

from deployx_tui.api.answers import Json, etag
from deployx_tui.api.context import Asked, Body, Id, NoParams, Params, empty_or_object, expected_version
from deployx_tui.api.routes.devices import all_devices
from deployx_tui.model.device import Group
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.service.backend import Backend
from deployx_tui.service.wire.devices import group_draft_from_json, group_draft_to_json, group_to_json

router = APIRouter(prefix="/groups")


@router.get("")
async def list_groups(backend: Asked, params: Params) -> Json:
    """A bare array; with `brief=true` members stand as ids only."""
    brief = params.flag("brief")
    params.finish()
    devices = {} if brief else await all_devices(backend)
    page = await backend.groups.list()
    headers = {} if page.total is None else {"X-Total": str(page.total)}
    return Json([group_to_json(group, devices) for group in page.items], headers=headers)


async def _answer(backend: Backend, group: Group) -> Json:
    return Json(group_to_json(group, await all_devices(backend)), headers=etag(group.version))


@router.post("", dependencies=[NoParams])
async def create_group(backend: Asked, body: Body) -> Json:
    return await _answer(backend, await backend.groups.create(group_draft_from_json(body)))


@router.get("/find")
async def find_group(backend: Asked, params: Params) -> Json:
    name = params.text("name") or ""
    params.finish()
    return await _answer(backend, await backend.groups.find(name))


@router.get("/{group_id}", dependencies=[NoParams])
async def get_group(backend: Asked, group_id: Id) -> Json:
    return await _answer(backend, await backend.groups.get(GroupId(group_id)))


@router.put("/{group_id}")
async def update_group(backend: Asked, group_id: Id, body: Body, params: Params, request: Request) -> Json:
    """What the body does not name stays; with `replace=true` the body is the whole group."""
    whole = params.flag("replace")
    params.finish()
    version = expected_version(request)
    if whole:
        draft = group_draft_from_json(body)
    else:
        present = await backend.groups.get(GroupId(group_id))
        version = present.version if version is None else version
        draft = group_draft_from_json({**group_draft_to_json(present.draft), **empty_or_object(body)})
    return await _answer(backend, await backend.groups.update(GroupId(group_id), draft, version))


@router.delete("/{group_id}", dependencies=[NoParams])
async def delete_group(backend: Asked, group_id: Id, request: Request) -> Json:
    await backend.groups.delete(GroupId(group_id), expected_version(request))
    return Json({"message": f"Group {group_id} deleted successfully"})


@router.post("/{group_id}/restore", dependencies=[NoParams])
async def restore_group(backend: Asked, group_id: Id) -> Json:
    return await _answer(backend, await backend.groups.restore(GroupId(group_id)))


@router.post("/{group_id}/assign/{device_id}", dependencies=[NoParams])
async def assign(backend: Asked, group_id: Id, device_id: Id) -> Json:
    group = await backend.groups.get(GroupId(group_id))
    device = await backend.devices.get(DeviceId(device_id))
    if device.id not in group.draft.devices:
        draft = replace(group.draft, devices=(*group.draft.devices, device.id))
        await backend.groups.update(group.id, draft, group.version)
    return Json({"message": f"Device {device_id} is in group {group_id}"})


@router.delete("/{group_id}/remove/{device_id}", dependencies=[NoParams])
async def remove(backend: Asked, group_id: Id, device_id: Id) -> Json:
    group = await backend.groups.get(GroupId(group_id))
    device = await backend.devices.get(DeviceId(device_id))
    if device.id in group.draft.devices:
        rest = tuple(member for member in group.draft.devices if member != device.id)
        await backend.groups.update(group.id, replace(group.draft, devices=rest), group.version)
    return Json({"message": f"Device {device_id} is not in group {group_id}"})
