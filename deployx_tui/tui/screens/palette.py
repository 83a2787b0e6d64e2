"""The palette: every action by name, and commands in words (`task run 12`, `tasks /web`, `run @web -- uptime`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from deployx_tui.tui.commands import Command, GoTo, OnTask, RunAdHoc, Wrong, parse_command
from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.render.safe import SafeText, show
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.line_table import Column, LineTable


@dataclass(frozen=True, slots=True)
class Offer:
    """A line of the palette: an action, or an example of a command to complete."""

    name: str
    says: str
    #: the key that does it too; "" when there is none
    key: str
    #: an action to do, a text to put in the field, or a command that was typed
    act: Callable[[], None] | str | Command


def _name(offer: Offer) -> SafeText:
    return show(offer.name)


def _says(offer: Offer) -> Line:
    return (span(offer.says, "dim"),)


def _key(offer: Offer) -> Line:
    return (span(offer.key, "key"),)


COLUMNS: tuple[Column[Offer], ...] = (
    Column(key="name", title="", width=24, cell=_name),
    Column(key="says", title="", width=20, flex=1, cell=_says),
    Column(key="key", title="", width=8, cell=_key, align=">"),
)


class PaletteScreen(ModalScreen[Command | Offer | None]):
    """Gives back what to do, or None."""

    DEFAULT_CSS = """
    PaletteScreen { align: center top; background: $background 60%; }
    PaletteScreen > Vertical { width: 90; max-width: 96%; height: 18; max-height: 80%; margin-top: 2;
                               background: $panel; border: round $accent; padding: 0 1; }
    PaletteScreen #say { height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False),
        Binding("down", "step(1)", show=False, priority=True),
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("tab", "complete", show=False, priority=True),
    ]

    def __init__(self, offers: Sequence[Offer], tabs: tuple[str, ...]) -> None:
        super().__init__()
        self._offers = tuple(offers)
        self._tabs = tabs

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Field(prompt=": ", hint="an action, or task run 12, tasks /web, run @web -- uptime")
            self._table = LineTable[Offer](COLUMNS, key=lambda offer: offer.name, can_mark=False, header=False)
            self._table.can_focus = False
            yield self._table
            yield Lines((), id="say")

    def on_mount(self) -> None:
        self._table.set_rows(self._offers)
        self.query_one(Field).focus()

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        words = message.field.value.lower().removeprefix(":").split()
        command = parse_command(message.field.value, self._tabs)
        hits = [o for o in self._offers if all(word in f"{o.name} {o.says}".lower() for word in words)]
        # what begins as it was typed comes first
        hits.sort(key=lambda o: not o.name.lower().startswith(" ".join(words)))
        if command is not None and not isinstance(command, Wrong):
            line_ = " ".join(message.field.value.split()).removeprefix(":").strip()
            hits.insert(0, Offer(line_, "this command", "enter", command))
        self._table.set_rows(hits)
        self._table.move_to(0)
        match command:
            case Wrong(text):
                say = line(span(text, "warn"))
            case None:
                say = BLANK if hits else line(span("nothing is called so", "dim"))
            case _:
                say = line(span("enter ", "key"), "does it")
        self.query_one("#say", Lines).set_lines((say,))

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        command = parse_command(message.field.value, self._tabs)
        if isinstance(command, Wrong):
            return
        if command is not None and self._table.cursor == 0:
            self.dismiss(command)
            return
        self._take()

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        message.stop()
        self._take()

    def _take(self) -> None:
        offer = self._table.row
        if offer is None:
            return
        if isinstance(offer.act, str):
            self.action_complete()
        else:
            self.dismiss(offer.act if isinstance(offer.act, GoTo | OnTask | RunAdHoc) else offer)

    def action_complete(self) -> None:
        offer = self._table.row
        if offer is None:
            return
        self.query_one(Field).replace(offer.act if isinstance(offer.act, str) else offer.name)

    def action_step(self, by: int) -> None:
        self._table.action_cursor(by)

    def action_close(self) -> None:
        self.dismiss(None)
