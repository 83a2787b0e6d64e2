"""/api/artifacts: files and folders that tasks put on targets. Contents are streamed both ways."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from enum import StrEnum

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from deployx_tui.api.answers import WIRE_HEADER, Json, Refused
from deployx_tui.api.context import Asked, Body, Id, NoParams, Params, empty_or_object
from deployx_tui.errors import InvalidInput
from deployx_tui.model.artifact import Artifact, ArtifactKind
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.json_reader import Reader
from deployx_tui.service.backend import Backend
from deployx_tui.service.wire import WIRE_VERSION
from deployx_tui.service.wire.artifacts import (
    artifact_to_json,
    collected_to_json,
    entry_to_json,
    use_to_json,
)
from deployx_tui.service.wire.params import MAX_LIMIT

router = APIRouter(prefix="/api/artifacts")

#: of a content, in one piece
_PIECE = 1 << 20
_MOST_BYTES = 8 << 20
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class _Media(StrEnum):
    FILE = "application/octet-stream"
    TREE = "application/x-tar"


@router.get("")
async def list_artifacts(backend: Asked, params: Params) -> Json:
    """`{artifacts, total, next_cursor}`: by name, the newest version of each first."""
    text, cursor = params.text("text") or "", params.text("cursor")
    limit = params.number("limit", 100, 1, MAX_LIMIT)
    params.finish()
    page = await backend.artifacts.list(text, limit=limit, cursor=cursor)
    return Json(
        {
            "artifacts": [artifact_to_json(artifact) for artifact in page.items],
            "total": page.total,
            "next_cursor": page.next_cursor,
        }
    )


@router.post("")
async def add_artifact(backend: Asked, params: Params, request: Request) -> Json:
    """The body is the file, or with `kind=tree` a tar of the folder. 201; 200: the name has this content already."""
    name, origin = params.text("name") or "", params.text("origin")
    kind = params.word("kind", ArtifactKind) or ArtifactKind.FILE
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != _Media[kind.name]:
        params.problem("kind", f"a {kind.value} does not come as {media or 'nothing'}", f"send {_Media[kind.name]}")
    params.finish()
    stream = _body(request)
    before = {artifact.id for artifact in await backend.artifacts.versions(name)}
    add = backend.artifacts.add if kind is ArtifactKind.FILE else backend.artifacts.add_tree
    made = await add(name, stream, "upload" if origin is None else origin)
    is_new = made.id not in before
    return Json(artifact_to_json(made), 201 if is_new else 200, {"Location": f"/api/artifacts/{made.id}"})


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        raise InvalidInput.of("artifact", "the sender broke off", "send all of it") from None


@router.post("/gc", dependencies=[NoParams])
async def collect(backend: Asked, body: Body) -> Json:
    """`{dry_run}`, true when it is left out: what would go."""
    reader = Reader(empty_or_object(body))
    dry_run = reader.flag("dry_run") is not False
    reader.finish()
    return Json(collected_to_json(await backend.artifacts.collect(dry_run=dry_run)))


@router.get("/find")
async def find_artifact(backend: Asked, params: Params) -> Json:
    """`name`: NAME, NAME@VERSION or an id."""
    name = params.text("name") or ""
    params.finish()
    return Json(artifact_to_json(await backend.artifacts.find(name)))


@router.get("/versions")
async def versions_of_name(backend: Asked, params: Params) -> Json:
    name = params.text("name") or ""
    params.finish()
    return Json([artifact_to_json(artifact) for artifact in await backend.artifacts.versions(name)])


@router.get("/{artifact_id}", dependencies=[NoParams])
async def get_artifact(backend: Asked, artifact_id: Id) -> Json:
    return Json(artifact_to_json(await backend.artifacts.get(ArtifactId(artifact_id))))


@router.delete("/{artifact_id}", dependencies=[NoParams])
async def delete_artifact(backend: Asked, artifact_id: Id) -> Json:
    """409 when a task needs it. Its content goes with the next collection."""
    await backend.artifacts.delete(ArtifactId(artifact_id))
    return Json({"message": "Artifact deleted"})


@router.get("/{artifact_id}/versions", dependencies=[NoParams])
async def versions(backend: Asked, artifact_id: Id) -> Json:
    """All of its name, the newest first."""
    name = (await backend.artifacts.get(ArtifactId(artifact_id))).name
    return Json([artifact_to_json(artifact) for artifact in await backend.artifacts.versions(name)])


@router.get("/{artifact_id}/tree", dependencies=[NoParams])
async def tree(backend: Asked, artifact_id: Id) -> Json:
    """What a folder holds; `[]` for a file."""
    return Json([entry_to_json(entry) for entry in await backend.artifacts.tree(ArtifactId(artifact_id))])


@router.get("/{artifact_id}/uses", dependencies=[NoParams])
async def uses(backend: Asked, artifact_id: Id) -> Json:
    return Json(use_to_json(await backend.artifacts.uses(ArtifactId(artifact_id))))


@router.get("/{artifact_id}/bytes")
async def some_bytes(backend: Asked, artifact_id: Id, params: Params) -> Response:
    """`limit` bytes of a file from `offset`: what a client of pages asks for; browsers take `content`."""
    offset = params.number("offset", 0, 0, 2**63 - 1)
    limit = params.number("limit", _PIECE, 1, _MOST_BYTES)
    params.finish()
    found = await backend.artifacts.read(ArtifactId(artifact_id), offset, limit)
    return Response(found, media_type=_Media.FILE, headers=_plain())


@router.get("/{artifact_id}/content", dependencies=[NoParams])
async def content(backend: Asked, artifact_id: Id, request: Request) -> Response:
    """A file, whole or the one range that `Range` names; its ETag is its SHA-256."""
    return await content_answer(backend, await backend.artifacts.get(ArtifactId(artifact_id)), request)


async def content_answer(backend: Backend, artifact: Artifact, request: Request) -> Response:
    tag = f'"{artifact.sha256}"'
    headers = {**_plain(), "ETag": tag, "Accept-Ranges": "bytes", "Content-Disposition": "attachment"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    start, end, status = 0, artifact.size, 200
    if request.headers.get("if-range", tag) == tag and (asked := _range(request, artifact.size)) is not None:
        (start, end), status = asked, 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{artifact.size}"
    headers["Content-Length"] = str(end - start)
    # the first piece is awaited, so that a refusal is a status
    first = await backend.artifacts.read(artifact.id, start, min(_PIECE, end - start))
    return StreamingResponse(
        _pieces(backend, artifact.id, first, start + len(first), end), status, headers, _Media.FILE
    )


async def _pieces(backend: Backend, artifact: ArtifactId, first: bytes, start: int, end: int) -> AsyncIterator[bytes]:
    yield first
    while start < end:
        piece = await backend.artifacts.read(artifact, start, min(_PIECE, end - start))
        yield piece
        start += len(piece)


def _range(request: Request, size: int) -> tuple[int, int] | None:
    """Start and end of what is asked for (RFC 9110, 14.2). None: all of it, as for what is no range or several."""
    found = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(size - int(found[2]), 0), size
    else:
        start, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= end:
        raise Refused(InvalidInput.of("?range", f"it lies behind the end of {size} bytes", "ask for less"), 416)
    return start, end


def _plain() -> dict[str, str]:
    """No browser shows what somebody uploaded as a page."""
    return {WIRE_HEADER: str(WIRE_VERSION), "X-Content-Type-Options": "nosniff"}
