"""The keys of a form's fields are told: in the footer while one has the cursor, and in the help."""

from __future__ import annotations

import pytest

from deployx_tui.tui.render.line import plain
from deployx_tui.tui.screens.help import HelpScreen
from deployx_tui.tui.widgets.base import Lines
from tests.support.screen import press, screen_text
from tests.tui.conftest import Open


@pytest.mark.parametrize(("first", "title"), [("tasks", "The editor of a task"), ("devices", "The editor of a device")])
@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_the_help_of_a_form_tells_its_fields_and_no_letter_that_types(
    open_app: Open, size: tuple[int, int], first: str, title: str
) -> None:
    async with open_app(*size, first=first) as pilot:
        await press(pilot, "n", "f1")
        help_ = pilot.app.screen
        assert isinstance(help_, HelpScreen)
        lines = [plain(each) for each in help_.query_one("#keys", Lines).lines]
        assert lines[0].startswith(title)
        keys = [each[2:].split("   ")[0] for each in lines if each.startswith("  ")]
        assert "left right" in keys
        assert "esc" in keys
        assert not {"?", "u", "y", "-", "q", "q esc", "Q", ":"} & set(keys)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_the_footer_tells_the_keys_of_the_field_that_has_the_cursor(
    open_app: Open, size: tuple[int, int]
) -> None:
    async with open_app(*size) as pilot:
        await press(pilot, "n")
        for field, words in (
            ("#name", " tab next"),
            ("#shell", " left right choose  tab next"),
            ("#repeat", " left right choose  tab next"),
        ):
            pilot.app.screen.query_one(field).focus()
            await press(pilot)
            assert screen_text(pilot).splitlines()[-2].startswith(words)
        await press(pilot, "w", "tab")  # weekly
        assert screen_text(pilot).splitlines()[-2].startswith(" left right day  space on or off  tab next")
