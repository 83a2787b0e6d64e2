"""`?`: the keys of this place and everywhere."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.render.words import folded_values
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.card import Card


class HelpScreen(Card[None]):
    DEFAULT_CSS = """
    HelpScreen > Vertical { width: 92; }
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
            yield Lines((), id="foot")

    def on_mount(self) -> None:
        self._fit()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        # what the box may take of the screen, less its border and foot: the keys scroll in that
        self.query_one("#keys", Lines).styles.max_height = max(3, self.size.height * 9 // 10 - 4)
        self.call_after_refresh(self._say)

    def _say(self) -> None:
        """Each key whole, whether more stands below, and how to go there."""
        keys = self.query_one("#keys", Lines)
        keys.set_lines(folded_values(self._lines, keys.size.width or self.size.width))
        below = keys.last_top - keys.top
        more: Line = (span(f"… {below} more below, "), span("arrows ", "key"), span("scroll  ")) if below else ()
        back = (span("arrows ", "key"), span("scroll  ")) if keys.last_top and not below else ()
        self.query_one("#foot", Lines).set_lines((BLANK, line(*more, *back, span("esc ", "key"), "back")))

    def action_close(self) -> None:
        self.dismiss(None)

    def action_move(self, by: int) -> None:
        self.query_one("#keys", Lines).scroll_lines(by)
        self._say()
