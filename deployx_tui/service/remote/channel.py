"""Requests to one engine: connections, deadlines, retries, and errors as the tree of `errors.py`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import cast

import httpx

from deployx_tui import __version__
from deployx_tui.errors import DeployxError, EngineSilent, EngineUnreachable, InvalidInput, Problem, VersionMismatch
from deployx_tui.model.json_reader import JSON
from deployx_tui.service.wire import WIRE_VERSION
from deployx_tui.service.wire.params import Params
from deployx_tui.service.wire.problems import error_from_json
from deployx_tui.service.wire.values import Garbled

#: an engine that takes longer for an ordinary answer is as good as gone
PATIENCE = timedelta(seconds=30)
#: an engine that is well says who is asking at once, a busy one within seconds; nobody stares at a dead one longer
GREETING = timedelta(seconds=10)

Revive = Callable[[], Path]


class Answer:
    """A successful answer."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def json(self) -> JSON:
        try:
            return cast(JSON, self._response.json())
        except ValueError:
            raise Garbled("no JSON") from None

    @property
    def content(self) -> bytes:
        return self._response.content

    def header(self, name: str) -> str | None:
        value: str | None = self._response.headers.get(name)
        return value


class Channel:
    """One engine at a Unix socket. Opens connections when they are needed and again after they broke.

    `revive` is asked, in a thread, for the socket of a living engine when this one does not answer: a private engine
    that ended between two commands is started again by it.
    """

    def __init__(self, socket: Path, revive: Revive | None = None) -> None:
        self.socket = socket
        self._revive = revive
        self._client = _client(socket)
        self._retired: list[httpx.AsyncClient] = []
        self._reviving = asyncio.Lock()

    async def get(self, path: str, params: Params | None = None, *, patience: timedelta = PATIENCE) -> Answer:
        return await self.send("GET", path, params=params, patience=patience)

    async def send(
        self,
        method: str,
        path: str,
        body: JSON = None,
        *,
        params: Params | None = None,
        version: int | None = None,
        may_repeat: bool = False,
        patience: timedelta = PATIENCE,
    ) -> Answer:
        """`version` becomes If-Match. `may_repeat`: doing it twice does it once, so a broken connection is no end."""
        headers = {"Accept": "application/json, application/problem+json"}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8")
        may_repeat = may_repeat or method == "GET"
        for last_try in (False, True):
            try:
                response = await self._client.request(
                    method,
                    path,
                    params=_query(params),
                    content=content,
                    headers=headers,
                    timeout=_timeout(patience),
                )
                break
            except httpx.ConnectError as error:  # nothing was sent
                if last_try:
                    raise self._unreachable() from error
                await self._again(error)
            except httpx.TimeoutException as error:
                raise EngineSilent(
                    f"the engine at {self.socket} did not answer within {patience.total_seconds():g} s; "
                    "look whether its process is stopped (deployx doctor), then try again"
                ) from error
            except httpx.TransportError as error:
                if last_try or not may_repeat:
                    raise EngineUnreachable(
                        f"the engine at {self.socket} went away before it answered; "
                        f"look whether {method} {path} was done"
                    ) from error
                await self._again(error)
        self._check(response)
        return Answer(response)

    async def upload(
        self, path: str, content: AsyncIterator[bytes], media_type: str, *, params: Params, patience: timedelta
    ) -> Answer:
        """POST a stream, once. `patience`: the longest wait for the engine to take the next piece, or to answer.

        What the stream raises passes; the engine keeps nothing then.
        """
        headers = {"Accept": "application/json, application/problem+json", "Content-Type": media_type}
        for last_try in (False, True):
            try:
                response = await self._client.post(
                    path, params=_query(params), content=content, headers=headers, timeout=_timeout(patience)
                )
                break
            except httpx.ConnectError as error:  # nothing was sent, and nothing of the stream was taken
                if last_try:
                    raise self._unreachable() from error
                await self._again(error)
            except httpx.TransportError as error:
                raise EngineUnreachable(
                    f"the engine at {self.socket} went away during the upload, and keeps nothing of one that it did "
                    "not end; look whether it is there, then try again"
                ) from error
        self._check(response)
        return Answer(response)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        accept: str,
        params: Params | None = None,
        headers: dict[str, str] | None = None,
        silence: timedelta,
    ) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of an answer as they come; `silence` is the longest wait for the next byte. Not repeated here."""
        async with self._streamed(method, path, accept, params, headers, silence) as response:
            yield response.aiter_lines()

    @asynccontextmanager
    async def download(
        self, path: str, *, accept: str, params: Params | None = None, silence: timedelta
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """As `stream`, the bytes of a GET."""
        async with self._streamed("GET", path, accept, params, None, silence) as response:
            yield response.aiter_bytes()

    @asynccontextmanager
    async def _streamed(
        self,
        method: str,
        path: str,
        accept: str,
        params: Params | None,
        headers: dict[str, str] | None,
        silence: timedelta,
    ) -> AsyncIterator[httpx.Response]:
        try:
            async with self._client.stream(
                method,
                path,
                params=_query(params),
                headers={"Accept": accept, **(headers or {})},
                timeout=_timeout(silence),
            ) as response:
                if response.status_code >= 400:
                    await response.aread()
                self._check(response)
                yield response
        except httpx.ConnectError as error:
            raise self._unreachable() from error
        except httpx.TransportError as error:
            raise EngineUnreachable(f"the engine at {self.socket} went away; try again") from error

    async def revive(self) -> None:
        """Look for a living engine, and start one if that is our business. EngineUnreachable when there is none."""
        await self._again(None)

    async def close(self) -> None:
        for client in (*self._retired, self._client):
            await client.aclose()

    async def _again(self, error: Exception | None) -> None:
        async with self._reviving:
            if self._revive is None:
                if not self.socket.exists():
                    raise self._unreachable() from error
                return
            socket = await asyncio.to_thread(self._revive)
            if socket != self.socket:
                # calls on their way keep the old one
                self._retired.append(self._client)
                self.socket, self._client = socket, _client(socket)

    def _unreachable(self) -> EngineUnreachable:
        return EngineUnreachable(
            f"no engine answers at {self.socket}; start one with `deployx` or `deployx --serve`, or name another socket"
        )

    def _check(self, response: httpx.Response) -> None:
        spoken = response.headers.get("Deployx-Wire")
        if spoken != str(WIRE_VERSION):
            raise VersionMismatch(
                f"the engine at {self.socket} speaks wire {spoken or 'unknown'}, this deployx {__version__} speaks "
                f"wire {WIRE_VERSION}; end that engine (quit its terminals, or stop `deployx --serve`) and start again"
            )
        if response.status_code >= 400:
            try:
                body: JSON = response.json()
            except ValueError:
                body = None
            raise as_the_door_says(error_from_json(response.status_code, body))


def as_the_door_says(error: DeployxError) -> DeployxError:
    """A parameter of the wire is an argument of the door."""
    if isinstance(error, InvalidInput):
        return type(error)(
            Problem(field=found.field.removeprefix("?"), message=found.message, remedy=found.remedy)
            for found in error.problems
        )
    return error


def _client(socket: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        # shorter than the server's 30 s: the client lets go first, so no request meets a closing connection
        transport=httpx.AsyncHTTPTransport(
            uds=str(socket), limits=httpx.Limits(max_keepalive_connections=8, keepalive_expiry=20.0)
        ),
        base_url="http://deployx",
        headers={"User-Agent": f"deployx/{__version__}"},
        trust_env=False,
    )


def _query(params: Params | None) -> httpx.QueryParams | None:
    return None if params is None else httpx.QueryParams([(name, value) for name, value in params])


def _timeout(patience: timedelta) -> httpx.Timeout:
    return httpx.Timeout(patience.total_seconds(), connect=10.0)
