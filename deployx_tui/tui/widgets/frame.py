"""The frame around every place: header, message line, footer, running strip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.timer import Timer

from deployx_tui.tui.render.frame import footer_line, header_line, strip_line
from deployx_tui.tui.render.line import BLANK, Line, Span, StyleName
from deployx_tui.tui.render.safe import SafeText
from deployx_tui.tui.widgets.base import LineWidget

if TYPE_CHECKING:
    from deployx_tui.tui.screens.place import Place

#: how long a word to the person stays
_STAYS = 6.0
_STAYS_ERROR = 15.0


class Header(LineWidget):
    """Tabs, connection, engine, time."""

    DEFAULT_CSS = "Header { height: 1; background: $bar; }"

    def line_at(self, y: int, width: int) -> Line:
        place: Place = self.screen  # type: ignore[assignment]  # frames live in places only
        bridge = place.bridge
        return header_line(
            place.deployx.tabs,
            place.tab,
            bridge.connection,
            bridge.standing,
            bridge.uptime(),
            bridge.now(),
            bridge.zone,
            width,
        )


class Footer(LineWidget):
    """The keys that work now."""

    DEFAULT_CSS = "Footer { height: 1; background: $bar; }"

    def line_at(self, y: int, width: int) -> Line:
        place: Place = self.screen  # type: ignore[assignment]  # frames live in places only
        return footer_line(place.footer_keys(), width)


class RunningStrip(LineWidget):
    """What runs now, and the two keys that always matter."""

    DEFAULT_CSS = "RunningStrip { height: 1; background: $bar; }"

    def line_at(self, y: int, width: int) -> Line:
        place: Place = self.screen  # type: ignore[assignment]  # frames live in places only
        bridge = place.bridge
        return strip_line(bridge.running, bridge.standing, bridge.zone, place.out_word(), width)


class Notice(LineWidget):
    """A short word to the person over the lowest row of the place; it goes by itself."""

    DEFAULT_CSS = """
    Notice { layer: notice; dock: bottom; height: 1; margin-bottom: 2; background: $panel; display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._line: Line = BLANK
        self._timer: Timer | None = None

    def say(self, text: SafeText, style: StyleName) -> None:
        self._line = (Span(SafeText(" ")), Span(text, style))
        self.display = True
        self.refresh()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_STAYS_ERROR if style == "bad" else _STAYS, self.clear)

    def clear(self) -> None:
        self.display = False

    @property
    def line(self) -> Line:
        return self._line if self.display else BLANK

    def line_at(self, y: int, width: int) -> Line:
        return self._line
