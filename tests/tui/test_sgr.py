"""Of all escape sequences only SGR acts, as a style; everything else is text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.tui.render.sgr import PLAIN, apply, parse, stripped


def looks(data: bytes) -> list[tuple[str, str]]:
    text = parse(data)
    spans = {(span.start, span.end): str(span.style) for span in text.spans}
    return [(text.plain[start:end], style) for (start, end), style in sorted(spans.items())]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x1b[31mred\x1b[0m", [("red", "color(1)")]),
        (b"\x1b[1;92mok\x1b[m", [("ok", "bold color(10)")]),
        (b"\x1b[38;5;208mx\x1b[39;4my", [("x", "color(208)"), ("y", "underline")]),
        (b"\x1b[38;2;1;2;3mx", [("x", "#010203")]),
        (b"\x1b[48;5;4mx\x1b[49m", [("x", "on color(4)")]),
        (b"\x1b[7mx\x1b[27m", [("x", "reverse")]),
        (b"\x1b[3;9mx", [("x", "italic strike")]),
    ],
)
def test_colours_become_styles(data: bytes, expected: list[tuple[str, str]]) -> None:
    assert looks(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b]0;title\x07",
        b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\",
        b"\x1b[2J\x1b[H",
        b"\x1b[6n",
        b"\x1bP+q\x1b\\",
        b"\x9b31m",
        b"\x1b[31",
        b"\x1b[?25l",
        b"\x1b[>1m",
    ],
)
def test_every_other_sequence_is_shown_as_text(data: bytes) -> None:
    text = parse(data)
    assert "\x1b" not in text.plain
    assert not text.spans
    assert ("␛" in text.plain) or ("\\x9b" in text.plain)


def test_text_can_not_be_hidden() -> None:
    concealed = parse(b"\x1b[8mhidden")
    assert (concealed.plain, concealed.spans) == ("hidden", [])
    assert looks(b"\x1b[30;40mblack on black") == [("black on black", "color(0)")]


def test_a_parameter_that_is_none_changes_nothing() -> None:
    for parameters in ("38", "38;5", "38;5;999", "38;2;1;2", "38;9;1", "99", "77777777777"):
        assert apply(PLAIN, parameters) == PLAIN


def test_marks_can_not_be_stacked_by_hiding_them_behind_colours() -> None:
    text = parse(b"a" + "\x1b[1m\u0301\u0301".encode() * 50)
    assert max(len(part) for part in text.plain.split("◌")) <= 3


@given(
    st.lists(
        st.sampled_from([b"\x1b[", b"31", b";", b"m", b"48", b"38;5;", b"x", b"\x1b", b":", b"\r", b"0"]), max_size=30
    )
)
def test_it_is_total_and_keeps_the_text(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert parse(data).plain == stripped(data)
    assert parse(data).plain.isprintable()
