"""Where servers' questions meet the people who may answer them. In memory only: a question dies with its engine.

A face attends for its person while it is open. A question goes to every face of the person who started the work; the
first answer counts, and the others are told that none is needed any more.
"""

from __future__ import annotations

import secrets as random_source
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from deployx_tui.errors import InvalidInput, NotFound
from deployx_tui.model.question import PATIENCE, Question, QuestionId, ServerQuestion, Unanswered, Withdrawn
from deployx_tui.model.secret import Secret

#: hears of questions; called in any thread, must not block
Listener = Callable[[Question | Withdrawn], None]

#: how late a cancel is noticed, in seconds
_LOOK = 0.2


@dataclass(eq=False, slots=True)
class _Waiting:
    """A question that stands."""

    question: Question
    person: str
    is_settled: Event = field(default_factory=Event)
    #: None: nothing yet
    outcome: tuple[Secret, ...] | Unanswered | None = None


class Desk:
    """Thread-safe. People are known by their names."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)
        self._waiting: dict[QuestionId, _Waiting] = {}

    def asker(self, person: str) -> DeskAsker:
        return DeskAsker(self, person)

    def is_attended(self, person: str) -> bool:
        with self._lock:
            return bool(self._listeners.get(person))

    @contextmanager
    def attend(self, person: str, listener: Listener) -> Iterator[None]:
        """Somebody is there for `person`; hears first of what waits already."""
        with self._lock:
            self._listeners[person].append(listener)
            standing = [each.question for each in self._waiting.values() if each.person == person]
        for question in standing:
            listener(question)
        try:
            yield
        finally:
            with self._lock:
                left = self._listeners[person]
                left.remove(listener)
                orphaned = [] if left else [each for each in self._waiting.values() if each.person == person]
            for each in orphaned:
                self._settle(each, Unanswered.NOBODY)

    def answer(self, person: str, question: QuestionId, answers: tuple[Secret, ...]) -> None:
        """InvalidInput: not one for each prompt. NotFound: it does not wait any more, or is another person's."""
        waiting = self._of(person, question)
        wanted = len(waiting.question.asked.prompts)
        if len(answers) != wanted:
            raise InvalidInput.of("answers", f"there are {len(answers)}", f"give {wanted}, one for each prompt")
        if not self._settle(waiting, answers):
            raise NotFound("question", question)

    def decline(self, person: str, question: QuestionId) -> None:
        """No answer will be given. NotFound, as `answer`."""
        if not self._settle(self._of(person, question), Unanswered.DECLINED):
            raise NotFound("question", question)

    def ask(self, person: str, asked: ServerQuestion, cancel: Event) -> tuple[Secret, ...] | Unanswered:
        """See transports.base.Asker."""
        waiting = _Waiting(Question(id=QuestionId(random_source.token_hex(16)), asked=asked), person)
        with self._lock:
            if not self._listeners.get(person):
                return Unanswered.NOBODY
            self._waiting[waiting.question.id] = waiting
        self._tell(person, waiting.question)
        until = time.monotonic() + self._patience
        while not waiting.is_settled.wait(_LOOK):
            if cancel.is_set():
                self._settle(waiting, Unanswered.CANCELLED)
            elif time.monotonic() >= until:
                self._settle(waiting, Unanswered.TIMED_OUT)
        outcome = waiting.outcome
        if outcome is None:
            raise RuntimeError("a settled question has an outcome")
        return outcome

    def _of(self, person: str, question: QuestionId) -> _Waiting:
        with self._lock:
            found = self._waiting.get(question)
        if found is None or found.person != person:
            raise NotFound("question", question)
        return found

    def _settle(self, waiting: _Waiting, outcome: tuple[Secret, ...] | Unanswered) -> bool:
        """Whether this is the outcome that counts: the first one."""
        with self._lock:
            if self._waiting.pop(waiting.question.id, None) is None:
                return False
            waiting.outcome = outcome
        waiting.is_settled.set()
        self._tell(waiting.person, Withdrawn(waiting.question.id))
        return True

    def _tell(self, person: str, what: Question | Withdrawn) -> None:
        with self._lock:
            listeners = tuple(self._listeners.get(person, ()))
        for listener in listeners:
            listener(what)


class DeskAsker:
    """One person, asked at a desk. See transports.base.Asker."""

    def __init__(self, desk: Desk, person: str) -> None:
        self._desk, self._person = desk, person

    @property
    def is_there(self) -> bool:
        return self._desk.is_attended(self._person)

    def ask(self, question: ServerQuestion, cancel: Event) -> tuple[Secret, ...] | Unanswered:
        return self._desk.ask(self._person, question, cancel)
