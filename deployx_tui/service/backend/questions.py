"""What servers ask while they let somebody in, such as a one-time code, and what a person answers. Nothing is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from deployx_tui.model.question import Listening, Question, QuestionId, Withdrawn
from deployx_tui.model.secret import Secret
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


class Questions(Protocol):
    @needs(Permission.DEVICES_TEST)
    def follow(self) -> AsyncIterator[Question | Withdrawn | Listening]:
        """Be there for the questions of what this actor starts by hand, as long as this is iterated.

        `Listening` comes first, and again from time to time; then what waits already.
        """
        ...

    @needs(Permission.DEVICES_TEST)
    async def answer(self, question: QuestionId, answers: Sequence[Secret]) -> None:
        """One for each prompt, else InvalidInput. NotFound: it does not wait any more."""
        ...

    @needs(Permission.DEVICES_TEST)
    async def decline(self, question: QuestionId) -> None:
        """No answer will be given, and the host is not reached. NotFound, as `answer`."""
        ...
