"""The terminal UI: start, screens, global keys. Everything else stands in its screen.

The first screen paints before the engine is asked for; `connect` is called after it.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from textual import work
from textual.app import App
from textual.binding import BindingType
from textual.css.query import NoMatches
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen
from textual.worker import WorkerFailed

from deployx_tui.tui import crash, theme
from deployx_tui.tui.answering import Answering
from deployx_tui.tui.bridge import Bridge, Changed, Clock, Connect
from deployx_tui.tui.keymap import EVERYWHERE, FIELDS, TABLE, TITLES, bindings, while_typing
from deployx_tui.tui.places import TABS
from deployx_tui.tui.render.frame import Tab
from deployx_tui.tui.screens.form_place import FormPlace
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.base import LastLook, plain_line

if TYPE_CHECKING:
    from deployx_tui.model.ids import TaskId
    from deployx_tui.tui.forms import Form


def viewer_zone() -> tzinfo:
    """The zone of this terminal: TZ, else the machine's, else UTC."""
    name = os.environ.get("TZ", "").lstrip(":")
    if not name:
        name = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return datetime.now(UTC).astimezone().tzinfo or UTC


class DeployxApp(App[int]):
    """One terminal on one engine. Its result is the exit status of the program."""

    TITLE = "deployx"  # never from data: a terminal's title can be read back
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(EVERYWHERE)]

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
        terminal's), `clock` gives aware UTC (default: the machine's).
        """
        self._tabs = tuple(tabs)
        self._last_look = LastLook(theme.is_ascii_terminal(), plain=theme.no_color())
        super().__init__()
        for each in theme.THEMES.values():
            self.register_theme(each)
        self.theme = theme.DARK.name
        self.bridge = Bridge(
            self,
            connect,
            self.tell_seen,
            zone=zone or viewer_zone(),
            connection=connection,
            heard=Answering(self).hear,
            **({} if clock is None else {"clock": clock}),
        )
        for tab, make in self._tabs:
            self.add_mode(tab.id, make)
            self.bind(tab.key, f"app.go('{tab.id}')", description=tab.title, show=False)
        self._first = first
        self._before = first
        self._undo: list[tuple[str, Callable[[], Awaitable[object]]]] = []
        self._mouse_is_ours = True
        #: what was typed in an editor and not saved, by task (None: the new one)
        self.drafts: dict[TaskId | None, Form] = {}
        #: where a file of this machine was chosen last
        self.last_folder = Path.cwd()

    @property
    def tabs(self) -> tuple[Tab, ...]:
        return tuple(tab for tab, _ in self._tabs)

    @property
    def place(self) -> Place | None:
        """The place that is seen, under a dialog too."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Place)), None)

    def tell_seen(self, make: Callable[[], Message]) -> None:
        """To the place that is seen, and to a dialog over it."""
        stack = self.screen_stack
        if not stack:
            return  # the program is ending
        place = self.place
        if place is not None:
            place.post_message(make())
        if stack[-1] is not place and not isinstance(message := make(), Changed):
            stack[-1].post_message(message)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._last_look]

    async def on_mount(self) -> None:
        await self.switch_mode(self._first)
        await self.show_first()
        self.call_after_refresh(self.bridge.start)

    async def show_first(self) -> None:
        """What lies over the first place at the start: nothing, in the program as such."""

    async def on_unmount(self) -> None:
        await self.bridge.close()

    # going places

    def action_go(self, tab: str) -> None:
        """To a screen of the tab bar."""
        if tab not in {each.id for each in self.tabs}:
            return
        if tab == self.current_mode:
            self._back_to_its_first()
            return
        self._before = self.current_mode
        self.switch_mode(tab)

    def _back_to_its_first(self) -> None:
        """Out of what was opened from the screen of a tab; a form stays, its letters are not keys."""
        while len(self.screen_stack) > 1 and isinstance(self.screen, Place) and not isinstance(self.screen, FormPlace):
            self.pop_screen()

    def action_last_screen(self) -> None:
        self.action_go(self._before)

    def action_out(self) -> None:
        place = self.place
        if place is not None and self.screen is place:
            place.go_out()

    # palette and help

    def action_help(self) -> None:
        from deployx_tui.tui.render.help import help_lines  # noqa: PLC0415 - not before it is asked for
        from deployx_tui.tui.screens.help import HelpScreen  # noqa: PLC0415

        place = self.place
        if place is None or self.screen is not place:
            return
        typing = place.is_typing
        screens = "" if typing else f" ({' '.join(tab.key for tab in self.tabs)}: the screens)"
        sections = (
            (TITLES.get(place.keys, "Here"), place.own_keys()),
            ("Its fields", FIELDS if place.has_fields else ()),
            ("Tables", TABLE if place.has_table else ()),
            (f"Everywhere{screens}", EVERYWHERE),
        )
        # a letter that is typed is no key: of the fields' own, space is one all the same
        told = [(name, while_typing(keys) if typing and keys is not FIELDS else keys) for name, keys in sections]
        self.push_screen(HelpScreen(help_lines(told)))

    @work(group="palette")
    async def action_palette(self) -> None:
        from deployx_tui.tui.commanding import obey  # noqa: PLC0415 - not before it is asked for
        from deployx_tui.tui.offers import offers_of  # noqa: PLC0415
        from deployx_tui.tui.screens.palette import Offer, PaletteScreen  # noqa: PLC0415

        place = self.place
        if place is None or self.screen is not place:
            return
        answer = await self.push_screen_wait(PaletteScreen(offers_of(self, place), tuple(tab.id for tab in self.tabs)))
        if isinstance(answer, Offer):
            if callable(answer.act):
                answer.act()
        elif answer is not None:
            await obey(self, answer)

    # leaving and stopping

    @work(group="leave", exclusive=True)
    async def action_leave(self) -> None:
        if isinstance(self.screen, Place):
            await self.ask_to_leave()

    async def ask_to_leave(self) -> None:
        """Quit at once where that loses nothing, else ask what becomes of it."""
        from deployx_tui.tui.leaving import leave  # noqa: PLC0415 - not before it is asked for

        await leave(self)

    async def action_quit(self) -> None:
        """The framework's own ctrl+q asks as Q does."""
        self.action_leave()

    def action_help_quit(self) -> None:
        """ctrl+c: it is the habit to leave, so say how."""
        if self.place is not None:
            self.place.tell("Q quits, ctrl+z suspends", "")

    def leave_now(self, words: str = "") -> None:
        """End the program, with a last line for the shell."""
        self.exit(0, message=plain_line(f"deployx: {words}") if words else None)

    @work(group="leave", exclusive=True)
    async def action_stop_all(self) -> None:
        from deployx_tui.tui.leaving import stop_all  # noqa: PLC0415 - not before it is asked for

        if isinstance(self.screen, Place):
            await stop_all(self)

    # undo, copy, mouse

    def can_undo(self, words: str, act: Callable[[], Awaitable[object]]) -> None:
        """Remember how the last act is taken back; `words` say what comes back."""
        self._undo.append((words, act))
        del self._undo[:-20]

    @work(group="undo")
    async def action_undo(self) -> None:
        place = self.place
        if not self._undo or place is None:
            return
        words, act = self._undo.pop()
        if await place.attempt(act()) is not None:
            place.tell(words)
        place.reload()
        place.refresh_frame()

    def action_copy(self) -> None:
        """To the terminal's clipboard (OSC 52), and to a file, for terminals that refuse it."""
        from deployx_tui.tui.copying import keep_copy  # noqa: PLC0415 - not before it is asked for

        place = self.place
        text = place.copy_text() if place is not None else ""
        if place is None or not text:
            return
        self.copy_to_clipboard(text)
        place.tell(keep_copy(text))

    def action_mouse(self) -> None:
        """The framework asks its driver for the mouse once; there is no public way to give it back for a while."""
        driver = self._driver
        if driver is None or self.place is None:
            return
        self._mouse_is_ours = not self._mouse_is_ours
        name = "_enable_mouse_support" if self._mouse_is_ours else "_disable_mouse_support"
        getattr(driver, name, lambda: None)()
        self.place.tell(
            "the mouse is ours again" if self._mouse_is_ours else "the mouse is the terminal's; F6 takes it back"
        )

    # what fails

    async def _shutdown(self) -> None:
        """The framework takes the widgets down first and ends the workers of each then: one that has just heard from
        the engine would draw on what is gone."""
        self.workers.cancel_all()
        await super()._shutdown()

    def _handle_exception(self, error: Exception) -> None:
        """A worker whose place was left meanwhile finds its widgets gone: that is no error."""
        if (
            isinstance(error, WorkerFailed)
            and isinstance(error.error, NoMatches)
            and self._is_of_a_left_place(error.error)
        ):
            return
        super()._handle_exception(error)

    def _is_of_a_left_place(self, error: BaseException) -> bool:
        kept = {screen for stack in self._screen_stacks.values() for screen in stack}
        for frame, _ in traceback.walk_tb(error.__traceback__):
            owner = frame.f_locals.get("self")
            if isinstance(owner, Place):
                return owner not in kept or self._exit
        return False

    def _fatal_error(self) -> None:
        """The framework would print local variables: a report goes to a file, one line to the screen."""
        self.bell()
        self._exit_renderables.append(crash.report(self._exception))
        self._close_messages_no_wait()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "undo":
                return bool(self._undo)
            case "copy":
                return self.place is not None and bool(self.place.copy_text())
            case "last_screen":
                return self._before != self.current_mode
            case _:
                return super().check_action(action, parameters)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[object]:  # type: ignore[override]  # ours is another palette
        return ()
