"""Things of a form that are several: a line each, and below them the lines that add one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from deployx_tui.tui.render.line import Line, Span, line, span
from deployx_tui.tui.widgets.base import LineWidget
from deployx_tui.tui.widgets.choices import Chosen

T = TypeVar("T")


class Wanted(Message):
    """One of a list is to be edited, or (`index` None) a new one to be chosen, by the adding line of that number."""

    def __init__(self, shown: LineWidget, index: int | None, add: int) -> None:
        super().__init__()
        self.shown, self.index, self.add = shown, index, add

    @property
    def control(self) -> LineWidget:
        return self.shown


class ValueList(LineWidget, Generic[T], can_focus=True):
    """Enter edits the one under the cursor, delete drops it; arrows leave the list at its ends.

    The subclass says how one looks.
    """

    DEFAULT_CSS = "ValueList { height: auto; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("enter,space", "edit", show=False),
        Binding("delete,backspace", "drop", show=False),
    ]
    #: what stands on the lines that add, while the list is empty or the cursor is on one; and else
    adds: ClassVar[tuple[tuple[str, str], ...]] = (("enter adds one", "one more"),)
    #: said on the last line while the cursor is on a value
    edits: ClassVar[str] = "enter edits, delete drops it"

    def __init__(self, values: Sequence[T], *, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._values = tuple(values)
        self._at = 0

    def spans_of(self, value: T) -> Line:
        """Its line; the first span has the cursor."""
        raise NotImplementedError

    @property
    def value(self) -> tuple[T, ...]:
        return self._values

    def put(self, index: int | None, value: T) -> None:
        """Take it in place of one, or (None) behind the last, as if it was typed here."""
        at = len(self._values) if index is None else index
        self._change((*self._values[:at], value, *self._values[at + 1 :]), at)

    def _change(self, values: tuple[T, ...], at: int) -> None:
        self._values = values
        self._at = min(at, len(values))
        self.refresh(layout=True)
        self.post_message(Chosen(self))

    @property
    def _rows(self) -> int:
        return len(self._values) + len(self.adds)

    def action_move(self, by: int) -> None:
        if 0 <= self._at + by < self._rows:
            self._at += by
            self.refresh()
        elif by > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()

    def action_edit(self) -> None:
        add = self._at - len(self._values)
        self.post_message(Wanted(self, None if add >= 0 else self._at, max(0, add)))

    def action_drop(self) -> None:
        at = self._at
        if at < len(self._values):
            self._change((*self._values[:at], *self._values[at + 1 :]), at)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable()

    async def _on_key(self, event: events.Key) -> None:
        """In a form letters type; here there is nothing to type, and they must not act elsewhere."""
        if event.is_printable and event.character != " ":
            event.stop()
            event.prevent_default()

    def on_click(self, event: events.Click) -> None:
        if event.y < self._rows:
            self._at = event.y
            self.action_edit()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return self._rows

    def line_at(self, y: int, width: int) -> Line:
        here = self.has_focus and y == self._at
        if y < len(self._values):
            first, *rest = self.spans_of(self._values[y])
            return (Span(first.text, "reverse" if here else first.style), *rest)
        alone, more = self.adds[y - len(self._values)]
        if here or not self._values:
            words = alone
        else:
            words = self.edits if self.has_focus and self._at < len(self._values) and y == self._rows - 1 else more
        return line(span(words, "reverse" if here else "dim"))
