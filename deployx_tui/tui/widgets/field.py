"""A one-line field. Our own, because what stands in it may come from outside and must be seen as it is.

The value is kept as it was given; only its picture goes through the door: a control or bidi character in a stored
command is visible and can be deleted.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from deployx_tui.tui.render.line import Line, Span, StyleName
from deployx_tui.tui.render.safe import EMPTY, SPACE, SafeText, cells, fit, show
from deployx_tui.tui.widgets.base import LineWidget

_LIMIT = 8192
#: what is seen of each character of a secret
_DOT = SafeText("•")


class Field(LineWidget, can_focus=True):
    """What is typed, with a cursor. Framed it looks like `[value   ]`."""

    DEFAULT_CSS = "Field { height: 1; width: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", show=False),
        Binding("right", "step(1)", show=False),
        Binding("home", "end_of(-1)", show=False),
        Binding("end,ctrl+e", "end_of(1)", show=False),
        Binding("backspace,ctrl+h", "erase(-1)", show=False),
        Binding("delete", "erase(1)", show=False),
        Binding("ctrl+w", "erase_word", show=False),
        Binding("ctrl+u", "erase_line(-1)", show=False),
        Binding("ctrl+k", "erase_line(1)", show=False),
        Binding("enter", "submit", show=False),
    ]

    class Edited(Message):
        """The value changed by a person."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

        @property
        def control(self) -> Field:
            return self.field

    class Submitted(Edited):
        """Enter."""

    def __init__(
        self,
        value: str = "",
        *,
        hint: str = "",
        prompt: str = "",
        framed: bool = False,
        secret: bool = False,
        id: str | None = None,  # noqa: A002 - the framework's word
    ) -> None:
        """`hint` is seen while it is empty, `prompt` stands before it. `secret`: what is typed is not shown, and what
        is pasted keeps its lines."""
        super().__init__(id=id)
        self._value = value
        self._at = len(value)
        self._hint = show(hint)
        self._prompt = show(prompt)
        self.framed = framed
        self._is_secret = secret
        self._left = 0
        #: all of it is chosen: what is typed takes its place
        self._is_chosen = False

    @property
    def value(self) -> str:
        return self._value

    def set_value(self, value: str) -> None:
        """Put another value in, as the program; no `Edited` is sent."""
        self._value, self._at, self._left = value, len(value), 0
        self._is_chosen = False
        self.refresh()

    def choose_all(self) -> None:
        """The next thing typed takes the place of the value; any other key leaves it."""
        self._at = len(self._value)
        self._is_chosen = bool(self._value)
        self.refresh()

    def replace(self, value: str) -> None:
        """Put another value in, as if it was typed."""
        self._left = 0
        self._edit(value, len(value))

    def _edit(self, value: str, at: int) -> None:
        self._value, self._at = value[:_LIMIT], min(at, _LIMIT)
        self._is_chosen = False
        self.refresh()
        self.post_message(self.Edited(self))

    def insert(self, text: str) -> None:
        """At the cursor; line breaks become spaces, but for a secret's."""
        if not self._is_secret:
            text = " ".join(text.splitlines()) if len(text) > 1 else text
        if self._is_chosen:
            self._edit(text, len(text))
            return
        self._edit(self._value[: self._at] + text + self._value[self._at :], self._at + len(text))

    async def _on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character is not None:
            event.stop()
            event.prevent_default()
            self.insert(event.character)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.insert(event.text)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self._is_chosen = False
        self.refresh()

    def action_step(self, by: int) -> None:
        self._is_chosen = False
        self._at = min(max(0, self._at + by), len(self._value))
        self.refresh()

    def action_end_of(self, side: int) -> None:
        self._is_chosen = False
        self._at = 0 if side < 0 else len(self._value)
        self.refresh()

    def action_erase(self, side: int) -> None:
        if self._is_chosen:
            self._edit("", 0)
            return
        low, high = (self._at - 1, self._at) if side < 0 else (self._at, self._at + 1)
        if low >= 0 and high <= len(self._value):
            self._edit(self._value[:low] + self._value[high:], low)

    def action_erase_word(self) -> None:
        kept = self._value[: self._at].rstrip()
        kept = kept[: kept.rfind(" ") + 1]
        self._edit(kept + self._value[self._at :], len(kept))

    def action_erase_line(self, side: int) -> None:
        if side < 0:
            self._edit(self._value[self._at :], 0)
        else:
            self._edit(self._value[: self._at], self._at)

    def action_submit(self) -> None:
        self.post_message(self.Submitted(self))

    def on_click(self, event: events.Click) -> None:
        used = cells(self._prompt) + (1 if self.framed else 0)
        for index, character in enumerate(self._value[self._left :], start=self._left):
            used += 1 if self._is_secret else cells(show(character))
            if used > event.x:
                self._at = index
                break
        else:
            self._at = len(self._value)
        self.refresh()

    def line_at(self, y: int, width: int) -> Line:
        edge = 1 if self.framed else 0
        room = max(2, width - cells(self._prompt) - 2 * edge)
        parts: list[Span] = []
        if self._prompt:
            parts.append(Span(self._prompt, "key"))
        if self.framed:
            parts.append(Span(SafeText("["), "accent" if self.has_focus else "dim"))
        parts.extend(self._window(room))
        if self.framed:
            parts.append(Span(SafeText("]"), "accent" if self.has_focus else "dim"))
        return tuple(parts)

    def _window(self, room: int) -> Line:
        if not self._value:
            hint = fit(self._hint, room)
            if not self.has_focus:
                return (Span(hint, "dim"),)
            # the hint stays where it stood; the cursor lies on its first character
            first = _take_one(hint)
            return (Span(first, "reverse"), Span(fit(SafeText(hint[len(first) :]), room - cells(first)), "dim"))
        pieces = [_DOT if self._is_secret else show(character) for character in self._value]
        # the cursor stays in sight, with its own cell behind the last character
        self._left = min(self._left, self._at)
        while self._left < self._at and sum(map(cells, pieces[self._left : self._at])) + 1 > room:
            self._left += 1
        shown: list[Span] = []
        used = 0
        for index in range(self._left, len(pieces)):
            size = cells(pieces[index])
            if used + size > room:
                break
            shown.append(Span(pieces[index], self._style(index)))
            used += size
        if self._at == len(pieces) and used < room:
            shown.append(Span(SPACE, self._style(self._at)))
            used += 1
        shown.append(Span(fit(EMPTY, room - used)))
        return tuple(shown)

    def _style(self, index: int) -> StyleName:
        return "reverse" if self.has_focus and (index == self._at or self._is_chosen) else ""


def _take_one(text: SafeText) -> SafeText:
    """The first character; hints are ours and have no marks."""
    return SafeText(text[:1])
