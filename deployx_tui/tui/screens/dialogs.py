"""Questions over a place. They default to cancel, are deaf for 300 ms, and want a word typed where much is at stake.

Where a word is wanted, whatever is typed goes into its field, and Enter without the word says what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.render.safe import show
from deployx_tui.tui.widgets.base import Prose
from deployx_tui.tui.widgets.card import Card
from deployx_tui.tui.widgets.field import Field

T = TypeVar("T")

#: names that a question shows before it counts the rest
NAMES = 6


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """One answer: what comes back, its word, and what it means."""

    value: T
    word: str
    says: str


class Question(Card[T | None], Generic[T]):
    """A title, some lines, answers. None comes back for cancel, which is where the cursor stands first."""

    #: seconds in which keys that were meant for the place below do nothing
    DEAF: ClassVar[float] = 0.3
    # the field is gone to when the deaf time is over, not before
    AUTO_FOCUS = ""

    DEFAULT_CSS = """
    Question Field { margin: 1 0 0 1; width: 24; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,tab", "step(1)", show=False),
        Binding("up,shift+tab", "step(-1)", show=False),
        Binding("enter", "choose", show=False),
        Binding("escape", "cancel", show=False),
    ]

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        choices: Sequence[Choice[T]],
        *,
        typed: str = "",
        cancel: str = "cancel",
        again: str = "",
    ) -> None:
        """With `typed`, an answer other than cancel counts only after that word was typed.

        `again` is the key that asked, for questions without risk: pressed again it takes the first answer.
        """
        super().__init__()
        self._title = title
        self._lines = tuple(lines)
        self._choices = tuple(choices)
        self._typed = typed
        self._cancel = cancel
        if again:
            self._bindings.bind(again, "first", show=False)
        if not typed:  # where a word is typed, letters are of the word
            self._bindings.bind("j", "step(1)", show=False)
            self._bindings.bind("k", "step(-1)", show=False)
        #: the answer with the cursor; None: the cursor is in the field
        self._at: int | None = None if typed else len(self._choices)
        self._is_missed = False
        self.is_ready = False

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Prose((line(span(self._title, "title")), BLANK, *self._lines))
            if self._typed:
                yield Field(prompt=f"type {self._typed}  ", framed=True)
            yield Prose(id="choices")
            yield Prose((BLANK, self._keys()))

    def _keys(self) -> Line:
        out = (span("esc ", "key"), span(self._cancel))
        if self._typed:
            word = self._choices[0].word
            return line(span(f"type {self._typed}", "key"), ", then ", span("enter ", "key"), f"{word}  ", *out)
        return line(span("arrows ", "key"), "choose  ", span("enter ", "key"), "takes it  ", *out)

    def on_mount(self) -> None:
        self._draw()
        self.set_timer(self.DEAF, self._listen)

    def _listen(self) -> None:
        self.is_ready = True
        if self._typed:
            self.query_one(Field).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("step", "choose", "cancel", "first"):
            return self.is_ready
        return super().check_action(action, parameters)

    def _is_typed(self) -> bool:
        return not self._typed or self.query_one(Field).value.strip() == self._typed

    def _draw(self) -> None:
        missing = line(span(" ! ", "warn"), f"nothing is done before {self._typed} is typed; esc leaves")
        rows: list[Line] = [missing if self._is_missed else BLANK]
        words = [*((c.word, c.says) for c in self._choices), (self._cancel, "nothing happens")]
        size = max(len(word) for word, _ in words)
        for index, (word, says) in enumerate(words):
            here = index == self._at
            blocked = index < len(self._choices) and not self._is_typed()
            mark = span("▌ ", "accent") if here else span("  ")
            note = f"after {self._typed} is typed" if blocked else says
            rows.append(line(mark, span(word.ljust(size + 3), "dim" if blocked else "bold"), span(note, "dim")))
        # what an answer means goes on below itself, not below the answer's word
        self.query_one("#choices", Prose).tell(rows, hang=2 + size + 3)

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        # the word typed is a decision: the cursor goes to the answer that it opens
        self._at = 0 if self._is_typed() else None
        self._is_missed = False
        self._draw()

    async def on_key(self, event: events.Key) -> None:
        """What is typed beside the field, after a click elsewhere, goes into it all the same."""
        if self._typed and self.is_ready and event.is_printable and event.character is not None:
            event.stop()
            field = self.query_one(Field)
            field.focus()
            field.insert(event.character)

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        self.action_choose()

    def action_step(self, by: int) -> None:
        cancel = len(self._choices)
        # out of the field the first step goes to cancel, in either direction
        self._at = cancel if self._at is None else (self._at + by) % (cancel + 1)
        self._draw()

    def action_choose(self) -> None:
        if self._at == len(self._choices):
            self.dismiss(None)
        elif self._at is not None and self._is_typed():
            self.dismiss(self._choices[self._at].value)
        else:
            self._is_missed = True
            self._draw()

    def action_first(self) -> None:
        self._at = 0
        self.action_choose()

    def action_cancel(self) -> None:
        self.dismiss(None)


def names_line(names: Sequence[str]) -> Line:
    """The first names, and how many more."""
    first = ", ".join(names[:NAMES])
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return line(f"  {show(first)}{more}")


def confirm(title: str, lines: Sequence[Line], word: str, says: str, *, typed: str = "") -> Question[bool]:
    """Do it, or cancel."""
    return Question(title, lines, (Choice(True, word, says),), typed=typed)
