"""English that more than one face writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import deployx_tui
from deployx_tui.model.words import counted, ended_by, first_of

SOURCES = sorted(Path(deployx_tui.__file__).parent.rglob("*.py"))
#: `{'' if count == 1 else 's'}`, `'run' if count == 1 else 'runs'`, and a plain `{len(names)} targets`
BY_HAND = re.compile(
    r"""'' if [^{}]*== 1 else ['"]s['"]|['"](\w+)['"] if [^{}]*== 1 else ['"]\1s['"]"""
    r"""|\{len\([\w.]+\)\} (?:targets|devices|groups|tasks|runs|members|hosts)\b"""
)


@pytest.mark.parametrize(("number", "words"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs")])
def test_a_number_and_its_noun_agree(number: int, words: str) -> None:
    assert counted(number, "run") == words


def test_one_function_counts_nouns() -> None:
    home = Path("model") / "words.py"
    made = [
        f"{source.name}: {found.group()}"
        for source in SOURCES
        if not source.match(str(home))
        for found in BY_HAND.finditer(source.read_text())
    ]
    assert made == []


def test_names_beyond_the_shown_ones_are_counted() -> None:
    assert first_of(["a", "b", "c"], 3) == "a, b, c"
    assert first_of(["a", "b", "c", "d"], 2) == "a, b and 2 more"


def test_a_signal_is_named_as_people_type_it() -> None:
    assert ended_by("KILL") == "ended by SIGKILL"
