"""What a server asks while it lets somebody in, such as a one-time code, over whatever place is seen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from deployx_tui.model.question import Question
from deployx_tui.model.secret import Secret
from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.render.words import said
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.card import Card
from deployx_tui.tui.widgets.field import Field

#: cells that the server's words have in a row
_WIDTH = 66


def question_lines(question: Question) -> tuple[Line, ...]:
    """Who asks, and the server's own words."""
    asked = question.asked
    way = "" if asked.host == asked.device else f", on the way to {asked.device}"
    rows: list[Line] = [line(span(f"{asked.host} asks {asked.user}", "title")), line(span(f"to let it in{way}", "dim"))]
    if asked.again:
        rows += [BLANK, line(span(" ! ", "warn"), span("what was answered before was refused"))]
    for words in (asked.title, asked.instructions):
        for row in filter(None, map(str.strip, words.splitlines())):
            rows += said(" ", "", row, _WIDTH)
    return (*rows, BLANK)


class ServerQuestion(Card[tuple[Secret, ...] | None]):
    """One field a prompt. None comes back where it is declined, or needs no answer any more (`is_gone`)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "decline", show=False),
        Binding("tab,down", "app.focus_next", show=False),
        Binding("shift+tab,up", "app.focus_previous", show=False),
    ]
    #: seconds in which keys that were meant for the place below do nothing
    DEAF: ClassVar[float] = 0.3
    AUTO_FOCUS = ""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question
        self.is_gone = False
        self._is_ready = False

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Lines(question_lines(self.question))
            for number, prompt in enumerate(self.question.asked.prompts):
                yield Lines((line(span(prompt.text.strip() or "?")),))
                yield Field(framed=True, secret=not prompt.echo, id=f"answer{number}")
            keys = (span("enter ", "key"), "answer  ", span("tab ", "key"), "field  ", span("esc ", "key"), "decline")
            yield Lines((BLANK, line(*keys)))

    def on_mount(self) -> None:
        self.set_timer(self.DEAF, self._listen)

    def _listen(self) -> None:
        self._is_ready = True
        self.query_one("#answer0", Field).focus()

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        fields = list(self.query(Field))
        after = fields.index(message.field) + 1
        if after < len(fields):
            fields[after].focus()
        else:
            self.dismiss(tuple(Secret.of(field.value) for field in fields))

    def action_decline(self) -> None:
        if self._is_ready:
            self.dismiss(None)

    def withdraw(self) -> None:
        """It needs no answer any more."""
        self.is_gone = True
        self.dismiss(None)
