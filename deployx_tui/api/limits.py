"""What a request may be at most, checked before any route: host, origin, kind, sizes, time between its pieces.

`uvicorn` has no body limit. Header and idle deadlines stand in `peer.py`, next to the connection.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from datetime import timedelta
from typing import cast

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployx_tui.api.answers import refuse
from deployx_tui.errors import InvalidInput
from deployx_tui.model.json_reader import JSON

MAX_BODY = 1 << 20
#: a file of hosts (1 MiB) as base64, and the names of those that are chosen
#: what is streamed to its place, and what it may be; settings say how much (`store/contents/folder.py`)
_UPLOADS = {"/api/artifacts": (b"application/octet-stream", b"application/x-tar")}
_LARGER = {"/api/imports": 4 * MAX_BODY, "/api/imports/plan": 2 * MAX_BODY}
#: of a body that is too long, so that its sender hears of it
MOST_DRAINED = 16 * MAX_BODY
MAX_DEPTH = 32
#: names and values of a request's head together
MAX_HEAD = 64 << 10
#: between two pieces of a body
BODY_PATIENCE = timedelta(seconds=30)
#: of an upload: what is piped into one may be slow to make
UPLOAD_PATIENCE = timedelta(minutes=10)
_NO_BOUND = 2**63
#: A request over the socket names no machine of the network: any single name will do ("localhost", "deployx"), or
#: none. A name with a dot is what a web page brings whose name was pointed at us.
_HOST = re.compile(rb"(?:[A-Za-z0-9_-]{1,63}|127\.0\.0\.1|\[::1\])?(?::[0-9]{1,5})?")


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
        if not _HOST.fullmatch(headers.get(b"host", b"")):
            await refuse(scope, receive, send, 421, "host", "Host names a machine that this is not; say localhost")
            return
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEAD:
            await refuse(scope, receive, send, 431, "head", f"The headers may have {MAX_HEAD} bytes")
            return
        if b"origin" in headers:
            await refuse(scope, receive, send, 403, "origin", "Requests of a web page are refused here")
            return
        length = headers.get(b"content-length", b"0")
        media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        uploads = _UPLOADS.get(scope["path"], ()) if scope["method"] == "POST" else ()
        most = max(self._max_body, _LARGER.get(scope["path"], 0))
        if media in uploads:
            await self._app(scope, self._bounded(receive, _NO_BOUND, UPLOAD_PATIENCE), send)
            return
        if not length.isdigit() or int(length) > most:
            if b"expect" not in headers:  # who asks first sends nothing then
                await self._drain(receive)
            await refuse(scope, receive, send, 413, "too-long", f"A body may have {most} bytes")
            return
        if (length != b"0" or b"transfer-encoding" in headers) and (media != b"application/json" or uploads):
            kinds = b" or ".join(uploads or (b"application/json",)).decode()
            await refuse(scope, receive, send, 415, "content-type", f"Bodies are {kinds}")
            return
        await self._app(scope, self._bounded(receive, most, self._patience), send)

    async def _drain(self, receive: Receive) -> None:
        """Take what is sent, up to a bound: who is still sending when the connection closes never reads the answer."""
        seen = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.total_seconds()):
                while seen < MOST_DRAINED:
                    message = await receive()
                    seen += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return

    def _bounded(self, receive: Receive, most: int, patience: timedelta) -> Receive:
        seen = 0
        more = True

        async def bounded() -> Message:
            nonlocal seen, more
            if not more:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), patience.total_seconds())
            except TimeoutError:
                raise HTTPException(408) from None
            seen += len(message.get("body", b""))
            more = message.get("more_body", False)
            if seen > most:
                if more:
                    await self._drain(receive)
                raise HTTPException(413)
            return message

        return bounded


def read_json(body: bytes) -> JSON:
    """The JSON of a body (None when it is empty). InvalidInput when it is none, or nested too deep."""
    if not body.strip():
        return None
    try:
        # decoded here: json would guess UTF-16 and UTF-32 too
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        message = "it is nested too deep" if isinstance(error, RecursionError) else f"it is not JSON: {error}"
        raise InvalidInput.of("", message, "send one JSON object") from None
    if _depth(value) > MAX_DEPTH:
        raise InvalidInput.of("", "it is nested too deep", f"nest at most {MAX_DEPTH} levels")
    return cast(JSON, value)


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Two readers of an object that says a name twice may take different ones: nobody means that."""
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"{name[:40]!r} is there more than once")
            seen.add(name)
    return found


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
