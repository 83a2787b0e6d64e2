"""Several lines of text to edit: the framework's own text area, whose every drawn piece goes through the door."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import TextArea

from deployx_tui.tui.render.safe import show


class ScriptArea(TextArea):
    """A script or a list of commands. Tab leaves it."""

    DEFAULT_CSS = """
    ScriptArea { height: 6; border: none; padding: 0; background: $surface; }
    ScriptArea:focus { border: none; background: $panel; }
    """

    def __init__(self, text: str, *, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(text, id=id, soft_wrap=False, tab_behavior="focus", show_line_numbers=True, compact=True)

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        if all(segment.text.isascii() and segment.text.isprintable() for segment in strip):
            return strip
        safe = Strip([Segment(show(segment.text), segment.style) for segment in strip])
        return safe.adjust_cell_length(self.size.width)
