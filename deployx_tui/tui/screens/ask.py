"""A question for one line of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.widgets.base import Prose
from deployx_tui.tui.widgets.card import Card
from deployx_tui.tui.widgets.field import Field


class Ask(Card[str | None]):
    """A title, some lines, a field. None comes back for cancel."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        *,
        value: str = "",
        prompt: str = "",
        word: str = "go",
        may_be_empty: bool = False,
    ) -> None:
        """An empty line means cancel, unless it `may_be_empty`: then "" comes back."""
        super().__init__()
        self._may_be_empty = may_be_empty
        self._title, self._lines, self._value, self._prompt, self._word = title, tuple(lines), value, prompt, word

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Prose((line(span(self._title, "title")), BLANK, *self._lines, BLANK))
            yield Field(self._value, prompt=self._prompt, framed=True)
            yield Prose((BLANK, line(span("enter ", "key"), f"{self._word}  ", span("esc ", "key"), "cancel")))

    def on_mount(self) -> None:
        self.query_one(Field).focus()

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        typed = message.field.value.strip()
        self.dismiss(typed if typed or self._may_be_empty else None)

    def action_cancel(self) -> None:
        self.dismiss(None)
