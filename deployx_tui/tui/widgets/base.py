"""Where safe text meets the framework. Every other widget and screen draws through what stands here.

The framework's own `Static`, `Label`, `notify`, tables, titles and markup are used nowhere else (a test reads the
sources): they take a `str` and pass what is in it on to the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from deployx_tui.tui import theme
from deployx_tui.tui.render.line import BLANK, Line, StyleName, fit_line, title
from deployx_tui.tui.render.safe import SafeText, show
from deployx_tui.tui.render.words import folded_all


class LineWidget(Widget):
    """A widget that is lines: the subclass says which line stands at a row, this draws it.

    Neighbouring spans that look the same become one segment, so a row costs few bytes on a slow link.
    """

    def line_at(self, y: int, width: int) -> Line:
        """The line of content row `y` (0 is the first visible one); it is fitted to `width`."""
        raise NotImplementedError

    def row_style(self, y: int) -> Style | None:
        """What is laid over the whole row, such as a cursor; None: nothing."""
        return None

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.visual_style.rich_style
        over = self.row_style(y)
        if over is not None:
            base = base + over
        return to_strip(fit_line(self.line_at(y, width), width), base, self.looks, width)

    @property
    def looks(self) -> dict[StyleName, Style]:
        return dict(theme.styles(self.app.current_theme.name, theme.no_color()))

    def refresh_row(self, y: int) -> None:
        """Draw one row again."""
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))


def to_strip(content: Line, base: Style, looks: dict[StyleName, Style], width: int) -> Strip:
    """Segments of a fitted line; spans of one look are joined."""
    segments: list[Segment] = []
    text: list[str] = []
    current: StyleName | None = None
    for part in content:
        if part.text == "":
            continue
        if part.style != current and text:
            segments.append(Segment("".join(text), base + looks[current or ""]))
            text = []
        current = part.style
        text.append(part.text)
    if text:
        segments.append(Segment("".join(text), base + looks[current or ""]))
    return Strip(segments, width)


class Lines(LineWidget):
    """A block of lines that scrolls when it is higher than its place (arrows, pages, wheel)."""

    DEFAULT_CSS = "Lines { height: 1fr; }"

    def __init__(self, lines: Sequence[Line] = (), *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = tuple(lines)
        self.top = 0

    @property
    def lines(self) -> tuple[Line, ...]:
        return self._lines

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Show these instead; the place in them stays where it can."""
        fresh = tuple(lines)
        if fresh == self._lines:
            return
        resized = len(fresh) != len(self._lines)
        self._lines = fresh
        self.top = min(self.top, self.last_top)
        self.refresh(layout=resized and self.styles.is_auto_height)

    @property
    def last_top(self) -> int:
        return max(0, len(self._lines) - max(1, self.size.height))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self._lines)

    def line_at(self, y: int, width: int) -> Line:
        index = self.top + y
        return self._lines[index] if 0 <= index < len(self._lines) else BLANK

    def scroll_lines(self, by: int) -> bool:
        """Move by so many lines; False when it is at its end already."""
        top = min(max(0, self.top + by), self.last_top)
        if top == self.top:
            return False
        self.top = top
        self.refresh()
        return True

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        if self.scroll_lines(3):
            event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if self.scroll_lines(-3):
            event.stop()


class Prose(Lines):
    """Lines that are read to their ends: what is wider than its place goes on below, `hang` cells in."""

    def __init__(
        self,
        lines: Sequence[Line] = (),
        *,
        hang: int | None = None,
        id: str | None = None,  # noqa: A002 - the framework's word
        classes: str | None = None,
    ) -> None:
        """`hang`: see `folded`."""
        super().__init__(id=id, classes=classes)
        self._told: tuple[Line, ...] = tuple(lines)
        self._hang = hang

    def tell(self, lines: Sequence[Line], hang: int | None = None) -> None:
        """Say these instead."""
        self._told, self._hang = tuple(lines), hang
        self._fold(self.size.width)

    def _fold(self, width: int) -> None:
        if width:
            self.set_lines(folded_all(self._told, width, self._hang))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(folded_all(self._told, width, self._hang))

    def on_resize(self) -> None:
        self._fold(self.size.width)


class Pane(Lines, can_focus=True):
    """Lines that can be gone to and scrolled with keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("home,g", "move(-1000000)", show=False),
        Binding("end,G", "move(1000000)", show=False),
    ]

    def action_move(self, by: int) -> None:
        self.scroll_lines(by)

    def action_page(self, by: int) -> None:
        self.scroll_lines(by * max(1, self.size.height - 1))


class TitleBar(LineWidget):
    """The one-line title of a pane: what it shows at the left, the verdict at the right end."""

    DEFAULT_CSS = "TitleBar { height: 1; }"

    def __init__(self, *left: str, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._left: tuple[str, ...] = left
        self._right: tuple[str, ...] = ()
        self._verdict: StyleName = ""

    def say(self, left: Sequence[str], right: Sequence[str] = (), verdict: StyleName = "") -> None:
        said = (tuple(left), tuple(right), verdict)
        if said != (self._left, self._right, self._verdict):
            self._left, self._right, self._verdict = said
            self.refresh()

    def line_at(self, y: int, width: int) -> Line:
        return title(self._left, self._right, width, self._verdict)


class Said(Message):
    """A short word to the person, for the app's message line; not a window over what one reads."""

    def __init__(self, text: SafeText, style: StyleName = "good") -> None:
        super().__init__()
        self.text = text
        self.style: StyleName = style


class LastLook(LineFilter):
    """What every strip passes last: a control or invisible character that got this far is replaced cell by cell.

    Nothing should reach it; it keeps a text that the framework draws by itself (an editor's own text) harmless.
    On a terminal without UTF-8 it also puts ASCII in the place of our glyphs. With `plain` no colour is sent at all:
    the framework's own answer to NO_COLOR is greys.
    """

    def __init__(self, ascii_only: bool, plain: bool = False) -> None:
        super().__init__()
        self.ascii_only, self.plain = ascii_only, plain

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if self.plain:
            segments = [
                segment
                if segment.style is None
                else Segment(segment.text, segment.style.without_color, segment.control)
                for segment in segments
            ]
        if all(segment.text.isascii() and segment.text.isprintable() for segment in segments):
            return segments
        return [
            segment
            if segment.control or (segment.text.isascii() and segment.text.isprintable())
            else Segment(self._safe(segment.text), segment.style)
            for segment in segments
        ]

    def _safe(self, text: str) -> str:
        if not text.isprintable():
            text = "".join(c if c.isprintable() or c == "\u3000" else "?" * get_character_cell_size(c) for c in text)
        if self.ascii_only:
            text = text.translate(theme.ASCII_GLYPHS)
            text = "".join(c if c.isascii() else "?" * get_character_cell_size(c) for c in text)
        return text


def plain_line(text: str) -> Text:
    """A sentence for the shell after the program ended; it goes on in the next line where the terminal is narrow."""
    return Text(show(text))


def say(widget: Widget, text: SafeText, style: StyleName = "good") -> None:
    """Tell the person; see `Said`."""
    widget.post_message(Said(text, style))
