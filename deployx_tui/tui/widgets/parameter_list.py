"""The parameters that a task declares, a line each, and a last line that adds one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from deployx_tui.model.parameter import Parameter
from deployx_tui.tui.render.line import Line, Span, line, span
from deployx_tui.tui.render.parameters import declared_line
from deployx_tui.tui.widgets.base import LineWidget
from deployx_tui.tui.widgets.choices import Chosen


class ParameterList(LineWidget, can_focus=True):
    """Enter edits the one under the cursor, delete drops it; arrows leave the list at its ends."""

    DEFAULT_CSS = "ParameterList { height: auto; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("enter,space", "edit", show=False),
        Binding("delete,backspace", "drop", show=False),
    ]

    class Wanted(Message):
        """A declaration is to be typed: in place of one, or (None) a new one."""

        def __init__(self, shown: ParameterList, index: int | None) -> None:
            super().__init__()
            self.shown, self.index = shown, index

        @property
        def control(self) -> ParameterList:
            return self.shown

    def __init__(self, parameters: Sequence[Parameter], *, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._parameters = tuple(parameters)
        self._at = 0

    @property
    def value(self) -> tuple[Parameter, ...]:
        return self._parameters

    def put(self, index: int | None, parameter: Parameter) -> None:
        """Take it in place of one, or (None) behind the last, as if it was typed here."""
        at = len(self._parameters) if index is None else index
        self._change((*self._parameters[:at], parameter, *self._parameters[at + 1 :]), at)

    def _change(self, parameters: tuple[Parameter, ...], at: int) -> None:
        self._parameters = parameters
        self._at = min(at, len(parameters))
        self.refresh(layout=True)
        self.post_message(Chosen(self))

    def action_move(self, by: int) -> None:
        if 0 <= self._at + by <= len(self._parameters):
            self._at += by
            self.refresh()
        elif by > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()

    def action_edit(self) -> None:
        self.post_message(self.Wanted(self, self._at if self._at < len(self._parameters) else None))

    def action_drop(self) -> None:
        at = self._at
        if at < len(self._parameters):
            self._change((*self._parameters[:at], *self._parameters[at + 1 :]), at)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable()

    async def _on_key(self, event: events.Key) -> None:
        """In a form letters type; here there is nothing to type, and they must not act elsewhere."""
        if event.is_printable and event.character != " ":
            event.stop()
            event.prevent_default()

    def on_click(self, event: events.Click) -> None:
        if event.y <= len(self._parameters):
            self._at = event.y
            self.action_edit()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self._parameters) + 1

    def line_at(self, y: int, width: int) -> Line:
        here = self.has_focus and y == self._at
        if y < len(self._parameters):
            name, *rest = declared_line(self._parameters[y])
            return (Span(name.text, "reverse" if here else name.style), *rest)
        if here or not self._parameters:
            words = "enter adds one"
        else:
            words = "enter edits, delete drops it" if self.has_focus else "one more"
        return line(span(words, "reverse" if here else "dim"))
