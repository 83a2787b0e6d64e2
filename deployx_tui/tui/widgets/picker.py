"""A card in which one of many is found by typing and taken."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from textual.binding import Binding, BindingType

from deployx_tui.tui.widgets.card import Card
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.line_table import LineTable

T = TypeVar("T")


class Picker(Card[T | None]):
    """A field over a table, which `compose` makes: what is typed narrows the table, the arrows move in it, enter takes.
    None comes back for cancel."""

    DEFAULT_CSS = """
    Picker > Vertical { width: 84; max-width: 98%; height: 20; }
    Picker LineTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("down", "step(1)", show=False, priority=True),
        Binding("up", "step(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
    ]

    def typed(self) -> None:
        """The field has other words."""
        raise NotImplementedError

    def take(self) -> None:
        """The row under the cursor is meant."""
        raise NotImplementedError

    @property
    def _rows(self) -> LineTable[Any]:
        return self.query_one(LineTable)

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        self.typed()

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        self.take()

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        message.stop()
        self.take()

    def on_line_table_moved(self, message: LineTable.Moved) -> None:
        message.stop()

    def action_step(self, by: int) -> None:
        self._rows.action_cursor(by)

    def action_page(self, by: int) -> None:
        self._rows.action_page(by)

    def action_cancel(self) -> None:
        self.dismiss(None)
