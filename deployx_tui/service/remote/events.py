"""The event stream from afar: server-sent events, resumed by id."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

from deployx_tui.errors import Unavailable, VersionMismatch
from deployx_tui.model.event import Event, EventId, Reset
from deployx_tui.model.ids import ExecutionId
from deployx_tui.service.remote.channel import Channel, as_the_door_says
from deployx_tui.service.wire.params import Params
from deployx_tui.service.wire.problems import error_from_json
from deployx_tui.service.wire.rest import PROBLEM, event_from_json
from deployx_tui.service.wire.values import Garbled

#: the engine comments every 10 s; a longer silence is a dead connection
SILENCE = timedelta(seconds=25)
#: waits between attempts to come back; after the last one the caller is told
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (0.05, 0.2, 0.5, 1, 2))


class RemoteEvents:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def follow(
        self, after: EventId | None = None, execution: ExecutionId | None = None, *, without_growth: bool = False
    ) -> AsyncIterator[Event | Reset]:
        """Comes back by itself after a broken connection, where it was; Unavailable when it can't.

        A caller that goes on later passes the id of the last item it got.
        """
        params: Params = [] if execution is None else [("execution", str(execution))]
        if without_growth:
            params.append(("without_growth", "true"))
        position = after
        failures = 0
        while True:
            try:
                async for item in self._once(position, params):
                    position, failures = item.id, 0
                    yield item
            except VersionMismatch:
                raise
            except Unavailable:
                if failures == len(BACKOFF):
                    raise
            if failures:
                await self._channel.revive()
            await asyncio.sleep(BACKOFF[min(failures, len(BACKOFF) - 1)].total_seconds())
            failures += 1

    async def _once(self, after: EventId | None, params: Params) -> AsyncIterator[Event | Reset]:
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        async with self._channel.stream(
            "GET", "/api/events", accept="text/event-stream", params=params, headers=headers, silence=SILENCE
        ) as lines:
            async for fields in _messages(lines):
                try:
                    data = json.loads(fields.get("data", "{}"))
                except ValueError:
                    raise Garbled("an event") from None
                if fields.get("event") == PROBLEM:
                    raise as_the_door_says(error_from_json(500, data))
                if "id" in fields:
                    yield event_from_json(fields["id"], fields.get("event", "message"), data)


async def _messages(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    """The fields of each message. A cut one is dropped: it comes again after the resume."""
    fields: dict[str, str] = {}
    async for line in lines:
        if not line:
            if fields:
                yield fields
            fields = {}
            continue
        name, _, value = line.partition(":")
        if name:  # else a comment
            fields[name] = value.removeprefix(" ")
