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
    "body", [b"{", b"nul", b"[NaN]", b"[Infinity]", b"\xff", b"[" * 100_000, b"[" * 33 + b"]" * 33]
)
def test_what_is_no_json_of_ours_is_invalid_input(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_json(body)


def test_no_body_is_none_and_32_levels_are_read() -> None:
    assert read_json(b"") is None
    assert read_json(b" \n") is None
    assert read_json(b"[" * 32 + b"]" * 32) is not None
