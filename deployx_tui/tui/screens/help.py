"""`?`: the keys of this place and everywhere."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.widgets.base import Lines


class HelpScreen(ModalScreen[None]):
    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > Vertical { width: 92; max-width: 96%; height: auto; max-height: 90%; background: $panel;
                            border: round $accent; padding: 0 1; }
    HelpScreen #keys { height: auto; margin-bottom: 2; }
    HelpScreen #foot { height: 2; dock: bottom; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "close", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown,space", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
    ]

    def __init__(self, lines: tuple[Line, ...]) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Lines(self._lines, id="keys")
            yield Lines((BLANK, line(span("arrows ", "key"), "move  ", span("esc ", "key"), "back")), id="foot")

    def action_close(self) -> None:
        self.dismiss(None)

    def action_move(self, by: int) -> None:
        self.query_one("#keys", Lines).scroll_lines(by)
