"""What a request may be at most, checked before any route: size of the body, time between its pieces, origin, kind.

`uvicorn` has no body limit. Header and idle deadlines stand in `peer.py`, next to the connection.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import cast

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployx_tui.api.answers import refuse
from deployx_tui.errors import InvalidInput
from deployx_tui.model.json_reader import JSON

MAX_BODY = 1 << 20
MAX_DEPTH = 32
#: between two pieces of a body
BODY_PATIENCE = timedelta(seconds=30)


class Gate:
    """The outermost layer: one path for `/x` and `/x/`, then the limits."""

    def __init__(self, app: ASGIApp, *, max_body: int = MAX_BODY, patience: timedelta = BODY_PATIENCE) -> None:
        self._app, self._max_body, self._patience = app, max_body, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if len(path) > 1 and path.endswith("/"):
            scope = {**scope, "path": path.rstrip("/") or "/"}
        headers = {name.lower(): value for name, value in scope["headers"]}
        if b"origin" in headers:
            await refuse(scope, receive, send, 403, "origin", "Requests of a web page are refused here")
            return
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._max_body:
            await refuse(scope, receive, send, 413, "too-long", f"A body may have {self._max_body} bytes")
            return
        if (length != b"0" or b"transfer-encoding" in headers) and not _is_json(headers.get(b"content-type", b"")):
            await refuse(scope, receive, send, 415, "content-type", "Bodies are application/json")
            return
        await self._app(scope, self._bounded(receive), send)

    def _bounded(self, receive: Receive) -> Receive:
        seen = 0
        more = True

        async def bounded() -> Message:
            nonlocal seen, more
            if not more:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._patience.total_seconds())
            except TimeoutError:
                raise HTTPException(408) from None
            seen += len(message.get("body", b""))
            more = message.get("more_body", False)
            if seen > self._max_body:
                raise HTTPException(413)
            return message

        return bounded


def _is_json(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() == b"application/json"


def read_json(body: bytes) -> JSON:
    """The JSON of a body (None when it is empty). InvalidInput when it is none, or nested too deep."""
    if not body.strip():
        return None
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        message = "it is nested too deep" if isinstance(error, RecursionError) else f"it is not JSON: {error}"
        raise InvalidInput.of("", message, "send one JSON object") from None
    if _depth(value) > MAX_DEPTH:
        raise InvalidInput.of("", "it is nested too deep", f"nest at most {MAX_DEPTH} levels")
    return cast(JSON, value)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _depth(value: object) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, level = waiting.pop()
        deepest = max(deepest, level)
        if deepest > MAX_DEPTH:
            break
        if isinstance(item, dict):
            waiting += [(child, level + 1) for child in item.values()]
        elif isinstance(item, list):
            waiting += [(child, level + 1) for child in item]
    return deepest
