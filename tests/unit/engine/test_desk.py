"""Where servers' questions meet people."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event

import pytest

from deployx_tui.engine.desk import Desk
from deployx_tui.errors import InvalidInput, NotFound
from deployx_tui.model.question import Prompt, Question, ServerQuestion, Unanswered, Withdrawn
from deployx_tui.model.secret import Secret

ASKED = ServerQuestion(
    device="web01", host="web01", user="deploy", title="", instructions="", prompts=(Prompt("Code: ", False),)
)
Heard = Queue[Question | Withdrawn]


def test_who_started_it_is_asked_on_each_face_and_the_first_answer_counts() -> None:
    desk, first, second, other = Desk(), Heard(), Heard(), Heard()
    with ThreadPoolExecutor() as threads, desk.attend("ada", first.put), desk.attend("ada", second.put):
        with desk.attend("bob", other.put):
            answer = threads.submit(desk.asker("ada").ask, ASKED, Event())
            question = first.get(timeout=60)
            assert isinstance(question, Question)
            assert second.get(timeout=60) == question
            with pytest.raises(NotFound):
                desk.answer("bob", question.id, (Secret.of("1"),))
            with pytest.raises(InvalidInput):
                desk.answer("ada", question.id, ())
            desk.answer("ada", question.id, (Secret.of("1"),))
            found = answer.result(60)
        assert isinstance(found, tuple)
        assert found[0].reveal() == b"1"
        assert first.get(timeout=60) == second.get(timeout=60) == Withdrawn(question.id)
        with pytest.raises(NotFound):
            desk.answer("ada", question.id, (Secret.of("2"),))
        assert other.empty()


def test_nobody_is_asked_who_is_not_there() -> None:
    desk = Desk()
    assert not desk.asker("ada").is_there
    assert desk.ask("ada", ASKED, Event()) is Unanswered.NOBODY
    with desk.attend("ada", Heard().put):
        assert desk.asker("ada").is_there
    assert not desk.asker("ada").is_there


def test_a_question_ends_with_a_no_a_cancel_its_time_or_the_last_face() -> None:
    heard = Heard()
    with ThreadPoolExecutor() as threads:
        desk, cancel = Desk(), Event()
        with desk.attend("ada", heard.put):
            declined = threads.submit(desk.ask, "ada", ASKED, Event())
            desk.decline("ada", heard.get(timeout=60).id)
            assert declined.result(60) is Unanswered.DECLINED
            cancelled = threads.submit(desk.ask, "ada", ASKED, cancel)
            assert isinstance(heard.get(timeout=60), Withdrawn)
            assert isinstance(heard.get(timeout=60), Question)
            cancel.set()
            assert cancelled.result(60) is Unanswered.CANCELLED
            orphaned = threads.submit(desk.ask, "ada", ASKED, Event())
            assert isinstance(heard.get(timeout=60), Withdrawn)
            assert isinstance(heard.get(timeout=60), Question)
        assert orphaned.result(60) is Unanswered.NOBODY
        desk = Desk(patience=0.0)
        with desk.attend("ada", heard.put):
            assert desk.ask("ada", ASKED, Event()) is Unanswered.TIMED_OUT


def test_a_face_that_comes_later_hears_what_waits() -> None:
    desk, first, late = Desk(), Heard(), Heard()
    with ThreadPoolExecutor() as threads, desk.attend("ada", first.put):
        answer = threads.submit(desk.ask, "ada", ASKED, Event())
        question = first.get(timeout=60)
        with desk.attend("ada", late.put):
            assert late.get(timeout=60) == question
            desk.decline("ada", question.id)
        assert answer.result(60) is Unanswered.DECLINED
