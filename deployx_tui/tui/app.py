"""The terminal UI: start, screens, global keys. Everything else stands in its screen.

The first screen paints before the engine is asked for; `connect` is called after it.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import ClassVar
from zoneinfo import ZoneInfo

from textual.app import App
from textual.binding import BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from deployx_tui.tui import crash, theme
from deployx_tui.tui.bridge import Bridge, Clock, Connect
from deployx_tui.tui.keymap import EVERYWHERE, bindings
from deployx_tui.tui.places import TABS
from deployx_tui.tui.render.frame import Tab
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.base import LastLook


def viewer_zone() -> tzinfo:
    """The zone of this terminal: TZ, else the machine's, else UTC."""
    name = os.environ.get("TZ", "").lstrip(":")
    if not name:
        try:
            name = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
        except OSError:
            name = ""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return datetime.now(UTC).astimezone().tzinfo or UTC


class DeployxApp(App[int]):
    """One terminal on one engine. Its result is the exit status of the program."""

    TITLE = "deployx"  # never from data: a terminal's title can be read back
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: $background; color: $foreground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(EVERYWHERE),
    ]

    def __init__(
        self,
        connect: Connect,
        *,
        connection: str | Callable[[], str] = "local",
        zone: tzinfo | None = None,
        clock: Clock | None = None,
        first: str = "tasks",
        tabs: Sequence[tuple[Tab, Callable[[], Place]]] = TABS,
    ) -> None:
        """`connect` gives a Backend, each time it is called; it may take its time.

        `connection` is the word in the header: local, attached, a URL. `zone` is the viewer's (default: the
        terminal's), `clock` aware UTC.
        """
        self._tabs = tuple(tabs)
        super().__init__(ansi_color=False)
        for each in theme.THEMES.values():
            self.register_theme(each)
        self.theme = theme.DARK.name
        zone = zone or viewer_zone()
        self.bridge = (
            Bridge(self, connect, zone=zone, connection=connection)
            if clock is None
            else Bridge(self, connect, zone=zone, clock=clock, connection=connection)
        )
        for tab, make in self._tabs:
            self.add_mode(tab.id, make)
            self.bind(tab.key, f"app.go('{tab.id}')", description=tab.title, show=False)
        self._first = first
        self._before = first
        self._undo: list[tuple[str, Callable[[], Awaitable[None]]]] = []

    @property
    def tabs(self) -> tuple[Tab, ...]:
        return tuple(tab for tab, _ in self._tabs)

    @property
    def place(self) -> Place | None:
        """The place that is seen, under a dialog too."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Place)), None)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._last_look]

    _last_look = LastLook(theme.is_ascii_terminal())

    async def on_mount(self) -> None:
        await self.switch_mode(self._first)
        self.call_after_refresh(self.bridge.start)

    # going places

    def action_go(self, tab: str) -> None:
        """To a screen of the tab bar."""
        if tab == self.current_mode or tab not in {each.id for each in self.tabs}:
            return
        self._before = self.current_mode
        self.switch_mode(tab)

    def action_last_screen(self) -> None:
        self.action_go(self._before)

    def action_out(self) -> None:
        place = self.place
        if place is not None and self.screen is place:
            place.go_out()

    # undo

    def can_undo(self, words: str, act: Callable[[], Awaitable[None]]) -> None:
        """Remember how the last act is taken back; `words` say what comes back."""
        self._undo.append((words, act))
        del self._undo[:-20]

    def action_undo(self) -> None:
        if self._undo:
            words, act = self._undo.pop()
            self.run_worker(self._take_back(words, act), group="undo")

    async def _take_back(self, words: str, act: Callable[[], Awaitable[None]]) -> None:
        place = self.place
        if place is None:
            return
        await place.attempt(act())
        place.tell(words)
        place.reload()

    # what fails

    def _fatal_error(self) -> None:
        """The framework would print local variables: a report goes to a file, one line to the screen."""
        self.bell()
        self._exit_renderables.append(crash.report(self._exception))
        self._close_messages_no_wait()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "undo":
                return bool(self._undo)
            case "stop_all":
                return bool(self.bridge.running)
            case "last_screen":
                return self._before != self.current_mode
            case _:
                return super().check_action(action, parameters)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[object]:  # type: ignore[override]  # ours is another palette
        return ()
