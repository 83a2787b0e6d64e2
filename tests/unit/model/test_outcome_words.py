"""One vocabulary of states, steps and contacts, which every face says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import deployx_tui
from deployx_tui.cli.run_state import RunState
from deployx_tui.model.device import Contact, TestStepName
from deployx_tui.model.execution import Cause, ExecutionStatus, TargetState
from deployx_tui.model.outcome_words import cause_word, contact_word, run_named, run_word, step_word, target_word
from deployx_tui.tui.filters import parse_filter
from deployx_tui.tui.run_filter import parse_run_filter


def test_everything_has_a_word_without_underscores() -> None:
    words = [
        *map(run_word, ExecutionStatus),
        *map(target_word, TargetState),
        *map(cause_word, Cause),
        *map(contact_word, Contact),
        *map(step_word, TestStepName),
    ]
    assert all(words)
    assert not [word for word in words if "_" in word]


@pytest.mark.parametrize("status", ExecutionStatus)
def test_a_run_is_found_by_the_word_that_is_read_and_by_its_name(status: ExecutionStatus) -> None:
    for word in (run_word(status), status.value):
        assert run_named(word) is status
        assert parse_filter(f"status:{word}").status is status
        assert parse_run_filter(f"status:{word}").statuses == {status}
        if status is not ExecutionStatus.AWAITING_APPROVAL:  # nothing waits for one yet
            assert RunState().convert(word, None, None) == status.value
    assert run_named("nonsense") is None


def test_no_face_spells_a_state_by_itself() -> None:
    package = Path(deployx_tui.__file__).parent
    own = re.compile(r"(status|state|contact|step\.name|last\.name|cause)\.value\.replace")
    said = [
        str(path.relative_to(package))
        for folder in ("cli", "tui", "service")
        for path in (package / folder).rglob("*.py")
        if own.search(path.read_text(encoding="utf-8"))
    ]
    assert not said
