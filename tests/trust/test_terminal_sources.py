"""Nothing draws text past the door: what takes a raw `str` in the framework is used in one file only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TUI = Path(__file__).parents[2] / "deployx_tui" / "tui"
WRAPPED = TUI / "widgets" / "base.py"
#: `self.notify(` and the like: the framework's own ways to show a str
BANNED = re.compile(
    r"\b(Static|Label|DataTable|RichLog|Log|Markdown|OptionList|Option|Tree|Checkbox|Button|SelectionList)\("
    r"|\.notify\(|add_row\(|border_title|border_subtitle|from_markup|from_ansi|Content\(|sub_title|\.title = "
)


@pytest.mark.parametrize("path", sorted(TUI.rglob("*.py")), ids=lambda path: str(path.relative_to(TUI)))
def test_only_the_wrapping_file_uses_what_takes_raw_text(path: Path) -> None:
    if path == WRAPPED:
        return
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if BANNED.search(line)
    ]
    assert not found


def test_the_ban_finds_what_it_bans() -> None:
    assert BANNED.search("yield Static('x')")
    assert BANNED.search("self.app.notify(text)")
    assert not BANNED.search("self.post_message(Said(text))")
