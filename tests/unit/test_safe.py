"""The only door to the terminal: total, idempotent, and nothing but what a terminal shows as it stands."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from deployx_tui.tui.render.safe import LINE_LIMIT, SafeText, cells, fit, join, show, show_bytes, show_lines
from tests.support.hostile import HOSTILE

any_text = st.text(alphabet=st.characters(exclude_categories=()), max_size=200)
FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Cn"}


def assert_harmless(text: str) -> None:
    assert not [hex(ord(c)) for c in text if unicodedata.category(c) in FORBIDDEN]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_out_harmless(text: str) -> None:
    assert_harmless(show(text))
    assert cells(show(text)) <= LINE_LIMIT


@given(any_text | st.sampled_from(HOSTILE))
@example("\ud800")
@example("a" * 5000)
@example("e" + "\u0301" * 70000)
def test_show_is_total_idempotent_and_harmless(text: str) -> None:
    once = show(text)
    assert_harmless(once)
    assert show(once) == once
    assert cells(once) <= LINE_LIMIT


@given(any_text, st.integers(0, 60), st.sampled_from("<>^"))
def test_fit_gives_exactly_so_many_cells(text: str, width: int, align: str) -> None:
    fitted = fit(show(text), width, align)
    assert cells(fitted) == width
    assert_harmless(fitted)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_shown(data: bytes) -> None:
    assert_harmless(show_bytes(data))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ~ text", "plain ~ text"),
        ("Grüße, 漢字", "Grüße, 漢字"),
        ("\x1b[31m", "␛[31m"),
        ("\x00\x07\x7f", "␀␇␡"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202eabc", "<U+202E>abc"),
        ("a\u200bb", "a<U+200B>b"),
        ("\u2028", "<U+2028>"),
        ("\ud800", "<U+D800>"),
        ("\U000e0041", "<U+E0041>"),
        ("a\tb", "a       b"),
        ("e\u0301\u0302\u0303\u0304", "e\u0301\u0302"),
        ("\u0301x", "◌\u0301x"),
        ("two\nlines", "two␊lines"),
    ],
)
def test_each_kind_has_its_form(text: str, shown: str) -> None:
    assert show(text) == shown


def test_a_line_ends_at_its_limit_behind_an_ellipsis() -> None:
    assert show("x" * 5000) == "x" * (LINE_LIMIT - 1) + "…"
    assert cells(show("漢" * 5000)) <= LINE_LIMIT


def test_lines_are_divided_at_line_feeds_only() -> None:
    assert show_lines("a\r\nb\u2028c\n") == ("a", "b<U+2028>c", "")


def test_bytes_that_are_no_text_are_said_as_numbers() -> None:
    assert show_bytes(b"ok \xff\xfe") == "ok \\xff\\xfe"


@given(any_text)
def test_our_measure_is_never_below_the_framework_s(text: str) -> None:
    assert cells(show(text)) >= cell_len(show(text))


def test_safe_pieces_join() -> None:
    assert join(SafeText(", "), (show("a"), show("b"))) == "a, b"
