"""/software, also as /api/software: the catalogue with the original's keys. It is written under /api/packages."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from deployx_tui.api.answers import Json, etag
from deployx_tui.api.context import Asked, Id, NoParams, Params, expected_version
from deployx_tui.model.ids import PackageId
from deployx_tui.service.wire.packages import software_detail_to_json, software_to_json
from deployx_tui.service.wire.params import MAX_LIMIT

router = APIRouter()
_PATHS = ("/software", "/api/software")


async def list_software(backend: Asked, params: Params) -> Json:
    """A bare array of what is active, by name."""
    skip = params.number("skip", 0, 0, 1 << 31)
    limit = params.number("limit", 100, 1, MAX_LIMIT)
    category = params.text("category")
    params.finish()
    found = [
        each
        for each in (await backend.packages.list()).items
        if each.is_active and (category is None or each.category == category)
    ]
    return Json([software_to_json(each) for each in found[skip : skip + limit]], headers={"X-Total": str(len(found))})


async def categories(backend: Asked) -> Json:
    """A bare array of words."""
    found = {each.category for each in (await backend.packages.list()).items if each.is_active and each.category}
    return Json([*sorted(found)])


async def get_software(backend: Asked, package_id: Id) -> Json:
    found = await backend.packages.get(PackageId(package_id))
    return Json(software_detail_to_json(found), headers=etag(found.revision))


async def delete_software(backend: Asked, package_id: Id, request: Request) -> Json:
    """409 when a task or another package needs it."""
    await backend.packages.delete(PackageId(package_id), expected_version(request))
    return Json({"message": "Software deleted successfully"})


for _path in _PATHS:
    router.get(_path)(list_software)
    router.get(f"{_path}/categories/list", dependencies=[NoParams])(categories)
    router.get(f"{_path}/{{package_id}}", dependencies=[NoParams])(get_software)
    router.delete(f"{_path}/{{package_id}}", dependencies=[NoParams])(delete_software)
