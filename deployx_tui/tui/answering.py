"""What servers ask, one question after the other, over whatever is seen."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from deployx_tui.errors import DeployxError
from deployx_tui.model.question import Listening, Question, Withdrawn
from deployx_tui.tui.screens.server_question import ServerQuestion

if TYPE_CHECKING:
    from deployx_tui.model.secret import Secret
    from deployx_tui.tui.app import DeployxApp


class Answering:
    """Of one app."""

    def __init__(self, app: DeployxApp) -> None:
        self._app = app
        self._waiting: deque[Question] = deque()
        self._is_asking = False
        #: None: none was shown yet
        self._seen: ServerQuestion | None = None

    def hear(self, heard: Question | Withdrawn | Listening) -> None:
        """As it comes from the engine."""
        match heard:
            case Question():
                self._waiting.append(heard)
                if not self._is_asking:
                    self._is_asking = True
                    self._app.run_worker(self._ask_all(), group="questions")
            case Withdrawn(number):
                self._waiting = deque(each for each in self._waiting if each.id != number)
                if self._seen is not None and self._seen.question.id == number and self._seen.is_current:
                    self._seen.withdraw()
            case Listening():
                pass  # somebody is there: nothing to do for it

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                screen = self._seen = ServerQuestion(self._waiting.popleft())
                answers = await self._app.push_screen_wait(screen)
                if not screen.is_gone:
                    await self._give(screen, answers)
        finally:
            self._is_asking = False

    async def _give(self, screen: ServerQuestion, answers: tuple[Secret, ...] | None) -> None:
        questions = self._app.bridge.backend.questions
        try:
            if answers is None:
                await questions.decline(screen.question.id)
            else:
                await questions.answer(screen.question.id, answers)
        except DeployxError as error:
            place = self._app.place
            if place is not None:
                place.tell_error(error)
