from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from deployx_tui.api.sse import stream
from deployx_tui.errors import NotPermitted
from deployx_tui.model.event import Event, EventId, Reset

AT = EventId("5c1d", 7)


async def nothing() -> AsyncIterator[Event | Reset]:
    await asyncio.Event().wait()
    yield Reset(AT)


async def test_silence_is_filled_with_comments() -> None:
    pieces = stream(nothing(), asyncio.Event(), silence=timedelta(milliseconds=1))
    assert (await anext(pieces)).startswith(b": ")
    for _ in range(3):
        assert await anext(pieces) == b": \n\n"
    await pieces.aclose()  # type: ignore[attr-defined]  # it is a generator


async def test_the_stream_ends_when_the_server_does() -> None:
    closing = asyncio.Event()
    pieces = stream(nothing(), closing)
    await anext(pieces)
    upcoming = asyncio.ensure_future(anext(pieces, b"the end"))
    await asyncio.sleep(0)
    closing.set()
    assert await upcoming == b"the end"


async def test_what_would_break_a_line_is_escaped() -> None:
    async def events() -> AsyncIterator[Event | Reset]:
        facts = (("name", "a\nb\u2028c\x85"),)
        yield Event(id=AT, type="task.changed", at=datetime(2026, 1, 1, tzinfo=UTC), facts=facts)

    pieces = [piece async for piece in stream(events(), asyncio.Event())]
    lines = pieces[1].decode().splitlines()
    assert lines[:2] == ["id: 5c1d-7", "event: task.changed"]
    assert json.loads(lines[2].removeprefix("data: "))["facts"] == {"name": "a\nb\u2028c\x85"}
    assert len(lines) == 4


async def test_why_a_stream_can_not_go_on_is_its_last_message() -> None:
    async def events() -> AsyncIterator[Event | Reset]:
        yield Reset(AT)
        raise NotPermitted("no events.read any more")

    pieces = [piece async for piece in stream(events(), asyncio.Event())]
    assert pieces[-1].startswith(b"event: problem\n")
    assert b"no events.read any more" in pieces[-1]
