"""Bodies that are wrong many times over are refused at once, and shortly."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.codec import JSON
from deployx_tui.model.json_reader import Reader
from deployx_tui.service.wire.params import ParamReader


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was looked for among the words that could have been meant: the costly part."""
    found: list[str] = []

    def close_matches(word: str, words: Sequence[str], n: int = 3) -> list[str]:
        found.append(word)
        return []

    monkeypatch.setattr(difflib, "get_close_matches", close_matches)
    return found


def test_of_very_many_unknown_fields_some_are_told_and_the_rest_counted(searched: list[str]) -> None:
    body: dict[str, JSON] = {f"field{number}": number for number in range(50_000)}
    body["x" * 1_000_000] = 1
    reader = Reader(body)
    reader.text("task_name")
    with pytest.raises(InvalidInput) as refused:
        reader.finish()
    assert [problem.field for problem in refused.value.problems] == [*(f"field{n}" for n in range(20)), ""]
    assert "49981 more" in refused.value.problems[-1].message
    assert searched == [f"field{number}" for number in range(20)]


def test_of_very_many_unknown_parameters_and_words_some_are_told_and_the_rest_counted(searched: list[str]) -> None:
    reader = ParamReader(
        [*(("state", f"word{n}") for n in range(5_000)), *((f"name{n}", "") for n in range(5_000))],
    )
    reader.choices("state", ("waiting", "running"))
    with pytest.raises(InvalidInput) as refused:
        reader.finish()
    assert len(refused.value.problems) == 21
    assert "9980 more" in refused.value.problems[-1].message
    assert len(searched) == 20
