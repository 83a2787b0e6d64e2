"""Questions in memory: a test asks with `ask`, and looks at what was answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from deployx_tui.errors import NotFound
from deployx_tui.model.question import Listening, Prompt, Question, QuestionId, ServerQuestion, Withdrawn
from deployx_tui.model.secret import Secret
from tests.support.fake_backend.facet import Facet

Heard = Question | Withdrawn | Listening


class FakeQuestions(Facet):
    heard: asyncio.Queue[Heard]

    async def follow(self) -> AsyncIterator[Heard]:
        await self.w.door("questions.follow")
        self.heard = asyncio.Queue()
        yield Listening()
        while True:
            yield await self.heard.get()

    async def answer(self, question: QuestionId, answers: Sequence[Secret]) -> None:
        await self.w.door("questions.answer")
        if question not in self.w.open_questions:
            raise NotFound("question", question)
        self.w.open_questions.discard(question)
        self.w.answered[question] = tuple(answer.reveal().decode() for answer in answers)
        self.heard.put_nowait(Withdrawn(question))

    async def decline(self, question: QuestionId) -> None:
        await self.w.door("questions.decline")
        self.w.answered[question] = None
        self.heard.put_nowait(Withdrawn(question))

    def ask(self, number: str, *prompts: tuple[str, bool], title: str = "", again: bool = False) -> None:
        """A server asks."""
        asked = ServerQuestion(
            device="web01",
            host="bastion",
            user="deploy",
            title=title,
            instructions="",
            prompts=tuple(Prompt(text, echo) for text, echo in prompts),
            again=again,
        )
        self.w.open_questions.add(QuestionId(number))
        self.heard.put_nowait(Question(id=QuestionId(number), asked=asked))
