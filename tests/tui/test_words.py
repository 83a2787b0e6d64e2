"""Lines that go on below themselves, and the words that hold to their styles."""

from __future__ import annotations

import pytest

from deployx_tui.tui.render.line import Line, line, plain, span
from deployx_tui.tui.render.words import folded


def texts(lines: tuple[Line, ...]) -> list[str]:
    return [str(plain(each)) for each in lines]


@pytest.mark.parametrize(
    ("content", "hang", "rows"),
    [
        (line("short"), None, ["short"]),
        (line(span("! ", "warn"), "web19 is offline since 14:41"), None, ["! web19 is offline", "  since 14:41"]),
        (line("    two words and two more"), None, ["    two words and two", "    more"]),
        (line(span("targets ", "dim"), "one, two, three, four"), 8, ["targets one, two,", "        three, four"]),
        (line(span("in  ", "dim"), "/srv/one/two/three/four"), 4, ["in  /srv/one/two/three/", "    four"]),
    ],
)  # fmt: skip
def test_a_long_line_goes_on_behind_its_label(content: Line, hang: int | None, rows: list[str]) -> None:
    assert [row.rstrip() for row in texts(folded(content, 23, hang))] == rows


def test_folding_keeps_each_word_in_its_style() -> None:
    first, second = folded(line(span("a label ", "dim"), span("and a value", "bad")), 12, 8)
    assert [each.style for each in first] == ["dim", "bad"]
    assert {each.style for each in second if each.text.strip()} == {"bad"}
