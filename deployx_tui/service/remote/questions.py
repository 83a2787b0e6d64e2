"""Questions of servers over the wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from deployx_tui.model.question import QuestionId
from deployx_tui.model.secret import Secret
from deployx_tui.service.remote.channel import Channel
from deployx_tui.service.wire.questions import Heard, heard_from_json

_PATH = "/api/questions"
#: the engine says every 20 s that it is there
_SILENCE = timedelta(seconds=90)


class RemoteQuestions:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def follow(self) -> AsyncIterator[Heard]:
        async with self._channel.stream("GET", _PATH, accept="application/x-ndjson", silence=_SILENCE) as lines:
            async for line in lines:
                if line:
                    yield heard_from_json(json.loads(line))

    async def answer(self, question: QuestionId, answers: Sequence[Secret]) -> None:
        # what a person has just typed goes to the engine, which gives it to the server
        said = [answer.reveal().decode("utf-8", "replace") for answer in answers]
        await self._channel.send("POST", f"{_PATH}/{question}/answer", {"answers": [*said]})

    async def decline(self, question: QuestionId) -> None:
        await self._channel.send("POST", f"{_PATH}/{question}/decline")
