from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from deployx_tui.api import answers
from deployx_tui.api.answers import Json
from deployx_tui.api.limits import Gate, read_json
from deployx_tui.errors import InvalidInput


async def test_a_body_that_stops_coming_is_given_up() -> None:
    app = FastAPI()
    answers.install(app)

    @app.post("/")
    async def read(request: Request) -> Json:
        return Json({"length": len(await request.body())})

    gate = Gate(app, patience=timedelta(milliseconds=20))
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        if not hasattr(receive, "once"):
            receive.once = True  # type: ignore[attr-defined]  # a function remembers
            return {"type": "http.request", "body": b"{", "more_body": True}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")], "http_version": "1.1",
        "scheme": "http", "server": ("x", 80), "client": None,
    }  # fmt: skip
    await gate(scope, receive, send)  # type: ignore[arg-type]  # ASGI's own types are wider
    assert sent[0]["status"] == 408


async def test_a_lying_length_is_refused() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Gate(FastAPI())), base_url="http://x") as client:
        for length in ("-1", "x", str(1 << 40)):
            answer = await client.post("/", headers={"Content-Length": length, "Content-Type": "application/json"})
            assert answer.status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nul",
        b"[NaN]",
        b"[Infinity]",
        b"\xff",
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1, "b": 2, "a": 1}',
        b'{"a": {"b": 2, "\\u0062": 1}}',
        b"[" * 100_000,
        b"[" * 33 + b"]" * 33,
    ],
)
def test_what_is_no_json_of_ours_is_invalid_input(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_json(body)


def test_no_body_is_none_and_32_levels_are_read() -> None:
    assert read_json(b"") is None
    assert read_json(b" \n") is None
    assert read_json(b"[" * 32 + b"]" * 32) is not None


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "a b", "10.0.0.1", "localhost.", "x" * 64, "[::2]"]
)
async def test_a_host_that_this_is_not_is_refused(host: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Gate(FastAPI())), base_url="http://x") as client:
        answer = await client.get("/openapi.json", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json()["type"] == "urn:deployx:problem:host"


@pytest.mark.parametrize("host", ["", "localhost", "localhost:8080", "deployx", "x", "127.0.0.1:1", "[::1]:1"])
async def test_a_name_of_here_is_a_host(host: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Gate(FastAPI())), base_url="http://x") as client:
        assert (await client.get("/openapi.json", headers={"Host": host})).status_code == 200


async def test_headers_without_measure_are_refused() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Gate(FastAPI())), base_url="http://x") as client:
        assert (await client.get("/openapi.json", headers={"X": "a" * 60_000})).status_code == 200
        for many in ([("X", "a" * 70_000)], [("X", "a" * 9)] * 7_000):
            assert (await client.get("/openapi.json", headers=many)).status_code == 431
