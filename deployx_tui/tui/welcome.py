"""The first start: what there is to choose, before anything is written. An app of its own, since no engine runs yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.filter import LineFilter

from deployx_tui.model.words import counted
from deployx_tui.tui import crash, theme
from deployx_tui.tui.app import DeployxApp, viewer_zone
from deployx_tui.tui.bridge import Connect
from deployx_tui.tui.render.line import BLANK, Line, line, span, spread, title
from deployx_tui.tui.widgets.base import LastLook, Lines


class Beginning(StrEnum):
    """What a person chose."""

    START = "start"
    #: start, then choose hosts of ~/.ssh/config
    IMPORT = "import"
    DEMO = "demo"


_NOTES: dict[Beginning, tuple[str, tuple[str, ...]]] = {
    Beginning.START: (
        "STARTING ON THIS MACHINE",
        (
            "1  makes  {database}  for you alone (0600)",
            "2  starts an engine that ends with its last run and its last client",
            "3  shows the devices: n adds one, t tests the connection step by step",
            "4  shows the tasks: n opens the editor, with the next ten runs in sight",
        ),
    ),
    Beginning.IMPORT: (
        "TAKING OVER YOUR SSH HOSTS",
        (
            "1  makes  {database}  for you alone (0600)",
            "2  lists the hosts of ~/.ssh/config; you mark those that you want",
            "3  makes devices of them; the file is read and never changed",
            "4  connects to none of them before you test one or run something",
        ),
    ),
    Beginning.DEMO: (
        "TRYING THE DEMO",
        (
            "1  starts SSH servers on this machine only, on loopback addresses",
            "2  makes a database in a temporary folder, devices and tasks, and runs some",
            "3  reads and changes nothing of your own configuration",
            "4  removes all of it when you quit",
        ),
    ),
}


def choice_lines(chosen: Beginning, hosts: int) -> tuple[Line, ...]:
    """The choices, with the cursor on one."""
    words = {
        Beginning.START: ("Start on this machine", "a new database, then your first device"),
        Beginning.IMPORT: (
            "Take over my SSH hosts",
            f"{counted(hosts, 'host')} in ~/.ssh/config, you choose which",
        ),
        Beginning.DEMO: ("Try the demo", "real SSH servers on this machine only, then gone"),
    }
    rows: list[Line] = []
    for each in offered(hosts):
        word, says = words[each]
        mark = span(" ▌ ", "accent") if each is chosen else span("   ")
        rows.append(line(mark, span(f"{word:<25}", "bold" if each is chosen else ""), span(says, "dim")))
    return tuple(rows)


def offered(hosts: int) -> tuple[Beginning, ...]:
    """What can be begun with: hosts are taken over only where there are some."""
    return tuple(each for each in Beginning if each is not Beginning.IMPORT or hosts > 0)


def page_lines(chosen: Beginning, hosts: int, database: str, width: int) -> tuple[Line, ...]:
    head, notes = _NOTES[chosen]
    return (
        title(("Welcome",), ("nothing is written before you choose",), width),
        BLANK,
        line("   deployx runs commands on your machines over SSH, on a schedule."),
        line("   Nothing is installed on them."),
        BLANK,
        line(span("   HOW DO YOU WANT TO BEGIN", "head")),
        *choice_lines(chosen, hosts),
        BLANK,
        line(span(f"   {head}", "head")),
        *(line(f"   {note.format(database=database)}") for note in notes),
        BLANK,
        line("   Another place for the database:  ", span("deployx --db sqlite:///PATH", "bold")),
        line("   The same in words:               ", span("deployx --help", "bold")),
    )


class Welcome(App[Beginning]):
    """Runs until one was chosen; its result is None when the person quit."""

    TITLE = "deployx"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: $background; color: $foreground; }
    .bar { height: 1; background: $bar; }
    #page { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        # all before the screen's own, and so in the order in which they were pressed
        Binding("down,j,tab", "step(1)", show=False, priority=True),
        Binding("up,k,shift+tab", "step(-1)", show=False, priority=True),
        Binding("enter", "choose", show=False, priority=True),
        Binding("Q,q,escape,ctrl+c", "leave", show=False),
    ]
    _last_look = LastLook(theme.is_ascii_terminal(), plain=theme.no_color())

    def __init__(
        self,
        database: str,
        hosts: int,
        *,
        zone: tzinfo | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`database` is the path that would be made, `hosts` how many ~/.ssh/config names."""
        super().__init__(ansi_color=False)
        for each in theme.THEMES.values():
            self.register_theme(each)
        self.theme = theme.DARK.name
        self._database, self._hosts = database, hosts
        self._zone, self._clock = zone or viewer_zone(), clock
        self.chosen = Beginning.START

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._last_look]

    def _fatal_error(self) -> None:
        """As in the program itself: a report in a file, no local variables on the screen."""
        self.bell()
        self._exit_renderables.append(crash.report(self._exception))
        self._close_messages_no_wait()

    def compose(self) -> ComposeResult:
        yield Lines(classes="bar", id="header")
        yield Lines(id="page")
        yield Lines(classes="bar", id="keys")
        yield Lines(classes="bar", id="strip")

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.size.width
        now = self._clock().astimezone(self._zone)
        right = line(span("○ no database yet", "dim"), f"  {now:%H:%M %Z} ")
        self.query_one("#header", Lines).set_lines((spread(line(span(" deployx", "bold")), right, width),))
        self.query_one("#page", Lines).set_lines(page_lines(self.chosen, self._hosts, self._database, width))
        keys = line(span(" enter ", "key"), "choose  ", span("arrows ", "key"), "move")
        self.query_one("#keys", Lines).set_lines((keys,))
        strip = spread(line(span(" engine not started", "dim")), line(span("Q ", "key"), "quit "), width)
        self.query_one("#strip", Lines).set_lines((strip,))

    def action_step(self, by: int) -> None:
        there = offered(self._hosts)
        self.chosen = there[(there.index(self.chosen) + by) % len(there)]
        self._draw()

    def action_choose(self) -> None:
        self.exit(self.chosen)

    def action_leave(self) -> None:
        self.exit(None)


class Begun(DeployxApp):
    """The program right after the choice: on its devices, with the hosts to choose from when those were asked for."""

    def __init__(
        self,
        connect: Connect,
        beginning: Beginning,
        *,
        connection: str | Callable[[], str] = "local",
        zone: tzinfo | None = None,
    ) -> None:
        super().__init__(connect, connection=connection, first="devices", zone=zone)
        self._beginning = beginning

    async def show_first(self) -> None:
        # no on_mount of its own: the framework calls that of each class, and the engine would be asked for twice
        if self._beginning is Beginning.IMPORT:
            from deployx_tui.tui.screens.import_hosts import ImportHosts  # noqa: PLC0415 - only when it is wanted

            await self.push_screen(ImportHosts())
