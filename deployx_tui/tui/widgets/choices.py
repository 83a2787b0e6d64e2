"""One of several words, or any of several, in a row: `once  daily  (weekly)  monthly`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from deployx_tui.tui.render.line import Line, Span, StyleName
from deployx_tui.tui.render.safe import SPACE, SafeText, cells, show
from deployx_tui.tui.widgets.base import LineWidget


class Chosen(Message):
    """A person chose."""

    def __init__(self, widget: LineWidget) -> None:
        super().__init__()
        self.widget = widget

    @property
    def control(self) -> LineWidget:
        return self.widget


class Choices(LineWidget, can_focus=True):
    """Exactly one is chosen; left and right choose, and the first letter does."""

    DEFAULT_CSS = "Choices { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", show=False),
        Binding("right,space", "step(1)", show=False),
    ]

    def __init__(self, values: Sequence[str], value: str, *, words: Sequence[str] = (), id: str | None = None) -> None:  # noqa: A002 - the framework's word
        """`words` are what is seen, when it is not the values."""
        super().__init__(id=id)
        self._values = tuple(values)
        self._words = tuple(words) or self._values
        self._value = value

    @property
    def value(self) -> str:
        return self._value

    def set_value(self, value: str) -> None:
        self._value = value
        self.refresh()

    def _choose(self, index: int) -> None:
        value = self._values[index % len(self._values)]
        if value != self._value:
            self._value = value
            self.refresh()
            self.post_message(Chosen(self))

    def action_step(self, by: int) -> None:
        self._choose(self._values.index(self._value) + by)

    async def _on_key(self, event: events.Key) -> None:
        if event.character is None or not event.is_printable or event.character == " ":
            return
        event.stop()
        event.prevent_default()
        here = self._values.index(self._value)
        for step in range(1, len(self._values) + 1):
            index = (here + step) % len(self._values)
            if self._words[index].startswith(event.character.lower()):
                self._choose(index)
                return

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable()

    def on_click(self, event: events.Click) -> None:
        if not self._fits(self.size.width):
            self.action_step(1)
            return
        at = 0
        for index, word in enumerate(self._words):
            at += cells(show(word)) + 2
            if event.x < at:
                self._choose(index)
                return

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def line_at(self, y: int, width: int) -> Line:
        parts: list[Span] = []
        if not self._fits(width):
            at = self._values.index(self._value)
            style: StyleName = "reverse" if self.has_focus else "bold"
            count = Span(SafeText(f"  {at + 1} of {len(self._values)}, arrows turn"), "dim")
            return (Span(SafeText(f"({show(self._words[at])})"), style), count)
        for value, word in zip(self._values, self._words, strict=True):
            if value == self._value:
                style = "reverse" if self.has_focus else "bold"
                parts.append(Span(SafeText(f"({show(word)})"), style))
            else:
                parts.append(Span(SafeText(f" {show(word)} "), "dim"))
        return tuple(parts)

    def _fits(self, width: int) -> bool:
        return sum(cells(show(word)) + 2 for word in self._words) <= width


class AnyOf(LineWidget, can_focus=True):
    """Any of them; left and right move, space chooses."""

    DEFAULT_CSS = "AnyOf { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", show=False),
        Binding("right", "step(1)", show=False),
        Binding("space", "choose", show=False),
    ]

    def __init__(self, words: Sequence[str], chosen: frozenset[int], *, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._words = tuple(words)
        self._chosen = chosen
        self._at = min(chosen, default=0)

    @property
    def chosen(self) -> frozenset[int]:
        """Indexes of the chosen words."""
        return self._chosen

    def action_step(self, by: int) -> None:
        self._at = (self._at + by) % len(self._words)
        self.refresh()

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable()

    async def _on_key(self, event: events.Key) -> None:
        """In a form letters type; here there is nothing to type, and they must not act elsewhere."""
        if event.is_printable and event.character != " ":
            event.stop()
            event.prevent_default()

    def action_choose(self) -> None:
        self._chosen = self._chosen ^ {self._at}
        self.refresh()
        self.post_message(Chosen(self))

    def on_click(self, event: events.Click) -> None:
        self._at = min(len(self._words) - 1, event.x // 6)
        self.action_choose()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def line_at(self, y: int, width: int) -> Line:
        parts: list[Span] = []
        for index, word in enumerate(self._words):
            is_in = index in self._chosen
            text = SafeText(f"({show(word)})" if is_in else f" {show(word)} ")
            style: StyleName = "bold" if is_in else "dim"
            if self.has_focus and index == self._at:
                style = "reverse"
            parts.extend((Span(text, style), Span(SPACE)))
        return tuple(parts)
