"""/api/packages: the catalogue whole, and what is where."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from deployx_tui.api.answers import Json, etag
from deployx_tui.api.context import Asked, Body, Id, NoParams, Params, empty_or_object, expected_version
from deployx_tui.model.ids import PackageId
from deployx_tui.model.json_reader import Reader
from deployx_tui.model.package import Package
from deployx_tui.model.package_json import package_from_json, read_package
from deployx_tui.service.wire.packages import installed_to_json, stored_to_json, taken_to_json

router = APIRouter(prefix="/api/packages")


def _answer(package: Package, status: int = 200) -> Json:
    return Json(stored_to_json(package), status, etag(package.revision))


@router.get("", dependencies=[NoParams])
async def list_packages(backend: Asked) -> Json:
    """`{packages, total, next_cursor}`: by name, inactive ones too."""
    page = await backend.packages.list()
    return Json({
        "packages": [stored_to_json(each) for each in page.items], "total": page.total, "next_cursor": page.next_cursor,
    })  # fmt: skip


@router.post("", dependencies=[NoParams])
async def create_package(backend: Asked, body: Body) -> Json:
    return _answer(await backend.packages.create(package_from_json(body)), 201)


@router.get("/find")
async def find_package(backend: Asked, params: Params) -> Json:
    name = params.text("name") or ""
    params.finish()
    return _answer(await backend.packages.find(name))


@router.get("/where")
async def where(backend: Asked, params: Params) -> Json:
    """What devices were seen to have: `package` by its name, `behind=true` only what is not the catalogue's version."""
    package, behind = params.text("package"), params.flag("behind")
    params.finish()
    return Json([installed_to_json(each) for each in await backend.packages.where(package, behind=bool(behind))])


@router.post("/import", dependencies=[NoParams])
async def take_packages(backend: Asked, body: Body) -> Json:
    """`{packages, dry_run}`: all of them by name, or none."""
    reader = Reader(empty_or_object(body))
    given = [
        read_package(reader.nested(f"packages.{number}", item)) for number, item in enumerate(reader.items("packages"))
    ]
    dry_run = reader.flag("dry_run") is True
    reader.finish()
    return Json(taken_to_json(await backend.packages.take(given, dry_run=dry_run)))


@router.get("/{package_id}", dependencies=[NoParams])
async def get_package(backend: Asked, package_id: Id) -> Json:
    return _answer(await backend.packages.get(PackageId(package_id)))


@router.put("/{package_id}", dependencies=[NoParams])
async def update_package(backend: Asked, package_id: Id, body: Body, request: Request) -> Json:
    """The body is the whole of it."""
    version = expected_version(request)
    return _answer(await backend.packages.update(PackageId(package_id), package_from_json(body), version))


@router.delete("/{package_id}", dependencies=[NoParams])
async def delete_package(backend: Asked, package_id: Id, request: Request) -> Json:
    """409 when a task or another package needs it."""
    await backend.packages.delete(PackageId(package_id), expected_version(request))
    return Json({"message": "Package deleted"})
