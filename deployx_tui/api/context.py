"""What each route gets: its caller's Backend, its body as JSON, its parameters; and small readings of headers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Path
from pydantic import BeforeValidator
from starlette.requests import Request

from deployx_tui.api.answers import Refused
from deployx_tui.api.limits import read_json
from deployx_tui.api.peer import EXTENSION
from deployx_tui.errors import Conflict, InvalidInput, NotPermitted
from deployx_tui.model.ids import id_of
from deployx_tui.model.json_reader import JSON
from deployx_tui.service.backend import Backend
from deployx_tui.service.backend.replay import was_replayed
from deployx_tui.service.sockets import Peer
from deployx_tui.service.wire.params import ParamReader


@dataclass(slots=True)
class Serving:
    """What one server's routes share."""

    backend_of: Callable[[Peer], Awaitable[Backend]]
    #: of tasks that name none, IANA
    zone: str
    #: why the engine is not ready; () when it is
    not_ready: Callable[[], Awaitable[tuple[str, ...]]]
    #: set when the server ends: streams close, so that connections can
    closing: asyncio.Event = field(default_factory=asyncio.Event)


def serving(request: Request) -> Serving:
    found = request.app.state.serving
    if not isinstance(found, Serving):
        raise TypeError("the app was made without its Serving")
    return found


async def _backend(request: Request) -> Backend:
    peer = request.scope.get("extensions", {}).get(EXTENSION)
    if not isinstance(peer, Peer):
        raise NotPermitted("who asks is not known")
    return await serving(request).backend_of(peer)


async def _body(request: Request) -> JSON:
    return read_json(await request.body())


async def _params(request: Request) -> ParamReader:
    return ParamReader(request.query_params.multi_items())


async def _no_params(request: Request) -> None:
    ParamReader(request.query_params.multi_items()).finish()


def _id(text: str) -> int:
    found = id_of(text)
    if found is None:
        raise ValueError("it is not an id")
    return found


#: the Backend, bound to who asks
Asked = Annotated[Backend, Depends(_backend)]
Body = Annotated[JSON, Depends(_body)]
Params = Annotated[ParamReader, Depends(_params)]
#: for routes without parameters
NoParams = Depends(_no_params)
Server = Annotated[Serving, Depends(serving)]
#: one of the path
Id = Annotated[int, BeforeValidator(_id), Path()]


def empty_or_object(body: JSON) -> dict[str, JSON]:
    """The body of an act: absent, `{}` or an object."""
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise InvalidInput.of("", "the body is not an object", "send {} or nothing")
    return body


def expected_version(request: Request) -> int | None:
    """Of `If-Match`; None when any will do. A tag that is not ours is a stale one."""
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    tag = given.strip().removeprefix('"').removesuffix('"')
    if not (tag.isascii() and tag.isdigit() and len(tag) < 19):
        raise Refused(Conflict(f"If-Match {given[:40]} is not its present version", stale=True), 412)
    return int(tag)


def request_id(request: Request, given: str | None) -> str:
    """What makes a start happen once: the body's `request`, else of `Idempotency-Key`, else fresh. A UUID."""
    if given is not None:
        return given
    key = request.headers.get("idempotency-key")
    if key is None:
        return str(uuid.uuid4())
    try:
        uuid.UUID(key)
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{request.url.path} {key}"))
    return key


def replayed() -> dict[str, str]:
    """The header of an answer to a start that was one already."""
    return {"Idempotency-Replayed": "true"} if was_replayed.get() else {}
