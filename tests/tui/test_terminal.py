"""What becomes of the screen on terminals that can do less: no colour, no UTF-8; and how little a row costs."""

from __future__ import annotations

import string

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region

from deployx_tui.tui import prepare, theme
from deployx_tui.tui.render.line import StyleName
from deployx_tui.tui.widgets.base import LastLook
from tests.support.screen import press, screen_text, settle
from tests.tui.conftest import Open

BACKGROUND = Color(0, 0, 0)


@pytest.fixture
def ascii_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme, "is_ascii_terminal", lambda: True)


async def test_a_terminal_without_utf_8_gets_ascii_only(open_app: Open, ascii_terminal: None) -> None:
    async with open_app() as pilot:
        await press(pilot, "down")
        drawn = pilot.app.screen._compositor.render_strips()
        look = LastLook(ascii_only=True)
        for strip in drawn:
            text = "".join(segment.text for segment in look.apply(list(strip), BACKGROUND))
            assert set(text) <= set(string.printable)


def test_ascii_takes_as_many_cells_as_what_it_stands_for() -> None:
    look = LastLook(ascii_only=True)
    (segment,) = look.apply([Segment("▌ ● ✓✗ ▓░ 漢 Grüße")], BACKGROUND)
    assert segment.text == "> * +x #. ?? Gr??e"


def test_what_got_past_the_door_is_replaced_cell_by_cell() -> None:
    look = LastLook(ascii_only=False)
    (segment,) = look.apply([Segment("a\x1b[2J\u202e\x9bb✓")], BACKGROUND)
    assert segment.text == "a[2Jb✓"


async def test_without_colour_the_cursor_is_still_seen(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with open_app() as pilot:
        await press(pilot, "down")
        row = screen_text(pilot).splitlines()[4]
        assert row.startswith("▌")
        strip = pilot.app.screen._compositor.render_strips()[4]
        assert any(segment.style is not None and segment.style.reverse for segment in strip)


def test_plain_text_keeps_its_weight_and_loses_its_colours() -> None:
    look = LastLook(ascii_only=False, plain=True)
    (segment,) = look.apply(
        [Segment("a", Style(color="#4cb5f5", bgcolor="#0e1317", bold=True, reverse=True))], BACKGROUND
    )
    assert segment.style == Style(bold=True, reverse=True)


def test_every_style_name_has_a_look_in_every_theme() -> None:
    names: set[StyleName] = set(theme.styles("deployx-dark"))
    for name in theme.THEMES:
        for plain in (False, True):
            assert set(theme.styles(name, plain)) == names
    assert theme.styles("deployx-dark")[""] == Style()


def test_known_terminals_keep_their_colours_over_ssh() -> None:
    environment = {"TERM": "alacritty"}
    prepare(environment)
    assert environment["TEXTUAL_COLOR_SYSTEM"] == "256"
    for other in ({"TERM": "xterm-256color"}, {"TERM": "foot", "COLORTERM": "truecolor"}):
        prepare(other)
        assert "TEXTUAL_COLOR_SYSTEM" not in other


async def test_a_cursor_move_draws_two_rows_of_the_table(open_app: Open) -> None:
    async with open_app() as pilot:
        await settle(pilot)
        table = pilot.app.screen.query_one("#body")
        table.refresh = refused = _Refused()  # type: ignore[method-assign, assignment]  # a spy
        await pilot.press("down")
        assert [region.height for region in refused.regions] == [1, 1]


class _Refused:
    """Keeps what was asked to be drawn again."""

    def __init__(self) -> None:
        self.regions: list[Region] = []

    def __call__(self, *regions: Region, **_: object) -> None:
        self.regions.extend(regions)
