"""/api/imports: devices out of files of other programs."""

from __future__ import annotations

from fastapi import APIRouter

from deployx_tui.api.answers import Json
from deployx_tui.api.context import Asked, Body, NoParams
from deployx_tui.service.wire.imports import plan_to_json, source_from_json, take_from_json

router = APIRouter(prefix="/api/imports")


@router.post("/plan", dependencies=[NoParams])
async def plan(backend: Asked, body: Body) -> Json:
    """`{path}` of a file on the engine's machine or `{content}` as base64, and `{format}`; nothing is written."""
    return Json(plan_to_json(await backend.imports.plan(source_from_json(body))))


@router.post("", dependencies=[NoParams])
async def take(backend: Asked, body: Body) -> Json:
    """The same source with the `digest` of its plan; answers what was done."""
    source, choice = take_from_json(body)
    return Json(plan_to_json(await backend.imports.take(source, choice)), 201)
