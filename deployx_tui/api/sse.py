"""Server-sent events: numbered, resumable, alive.

The line protocol of https://html.spec.whatwg.org/multipage/server-sent-events.html: an `id`, an `event`, one line
of JSON. A comment goes out in each silence, so that both ends notice a dead connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from datetime import timedelta

from deployx_tui.errors import DeployxError
from deployx_tui.model.event import Event, Reset
from deployx_tui.service.wire.problems import problem_to_json
from deployx_tui.service.wire.rest import PROBLEM, RESET, event_to_json

#: a comment each
SILENCE = timedelta(seconds=10)


async def stream(
    events: AsyncIterator[Event | Reset],
    closing: asyncio.Event,
    *,
    task: int | None = None,
    types: frozenset[str] = frozenset(),
    silence: timedelta = SILENCE,
) -> AsyncIterator[bytes]:
    """Bytes of the stream until the client goes or the server ends."""
    yield b": deployx\nretry: 1000\n\n"
    end = asyncio.create_task(closing.wait())
    upcoming: asyncio.Task[Event | Reset] | None = None
    try:
        while not closing.is_set():
            upcoming = upcoming or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait(
                {upcoming, end}, timeout=silence.total_seconds(), return_when=asyncio.FIRST_COMPLETED
            )
            if upcoming in done:
                try:
                    item = upcoming.result()
                except StopAsyncIteration:
                    return
                except DeployxError as error:
                    yield _problem(error)
                    return
                upcoming = None
                if _is_wanted(item, task, types):
                    yield _lines(item)
            elif not done:
                yield b": \n\n"
    finally:
        for pending in (upcoming, end):
            if pending is not None:
                pending.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration, DeployxError):
                    await pending
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def _is_wanted(item: Event | Reset, task: int | None, types: frozenset[str]) -> bool:
    if isinstance(item, Reset):
        return True
    return (task is None or item.task_id == task) and (not types or item.type in types)


def _problem(error: DeployxError) -> bytes:
    """Why the stream ends: the answer has begun, so no status can tell it any more."""
    _, body = problem_to_json(error, instance="/api/events")
    return f"event: {PROBLEM}\ndata: {json.dumps(body)}\n\n".encode()


def _lines(item: Event | Reset) -> bytes:
    kind, data = (RESET, {}) if isinstance(item, Reset) else (item.type, event_to_json(item))
    # ASCII: line readers of some clients take U+2028 and others for the end of a line
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return f"id: {item.id}\nevent: {kind}\ndata: {text}\n\n".encode()
