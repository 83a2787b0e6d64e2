"""Questions of servers behind the door. No row and no audit entry is written: a run or a test has its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from deployx_tui.model.question import Listening, Question, QuestionId, Withdrawn
from deployx_tui.model.secret import Secret
from deployx_tui.model.user import Actor
from deployx_tui.service.backend.questions import Questions
from deployx_tui.service.local.door import Door
from deployx_tui.service.local.guard import serves


@serves(Questions)
class LocalQuestions:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    async def follow(self) -> AsyncIterator[Question | Withdrawn | Listening]:
        loop = asyncio.get_running_loop()
        heard: asyncio.Queue[Question | Withdrawn] = asyncio.Queue()

        def listen(what: Question | Withdrawn) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(heard.put_nowait, what)

        with self._door.premises.engine.desk.attend(self.actor.name, listen):
            yield Listening()
            while True:
                yield await heard.get()

    async def answer(self, question: QuestionId, answers: Sequence[Secret]) -> None:
        self._door.premises.engine.desk.answer(self.actor.name, question, tuple(answers))

    async def decline(self, question: QuestionId) -> None:
        self._door.premises.engine.desk.decline(self.actor.name, question)
