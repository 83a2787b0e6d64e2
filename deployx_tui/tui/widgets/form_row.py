"""A row of a form: its name, its fields, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from deployx_tui.errors import Problem
from deployx_tui.tui.render.line import Line, Span, line, span
from deployx_tui.tui.render.safe import SPACE, SafeText
from deployx_tui.tui.render.words import said
from deployx_tui.tui.widgets.base import Lines, LineWidget

LABEL = 17


class RowLabel(LineWidget):
    """`▌  timeout        `, with the cursor while one of the row's fields has it."""

    DEFAULT_CSS = f"RowLabel {{ width: {LABEL}; height: 1; }}"

    def __init__(self, name: str, *, required: bool) -> None:
        super().__init__()
        self._word, self._required = name, required
        self.is_here = False

    def line_at(self, y: int, width: int) -> Line:
        mark = Span(SafeText("▌"), "accent") if self.is_here else Span(SPACE)
        return line(mark, f"  {self._word}", span(" *" if self._required else "", "dim"))


class FormRow(Vertical):
    """Fields with ids that are the form's; hidden when the form has no use for it."""

    DEFAULT_CSS = """
    FormRow { height: auto; }
    FormRow > Horizontal { height: 1; }
    FormRow > Horizontal.-high { height: 6; }
    FormRow > Horizontal.-auto { height: auto; }
    FormRow > .wrong { height: auto; display: none; }
    FormRow Lines.word { height: 1; width: auto; }
    """

    def __init__(
        self,
        name: str,
        *fields: Widget | str,
        fields_of: Sequence[str] = (),
        high: bool = False,
        auto: bool = False,
        required: bool = False,
    ) -> None:
        """Strings between the fields are words of the row. `fields_of`: form fields whose problems stand here.

        `required` puts a quiet `*` behind the name: nothing is saved without it.

        The row has one line, with `high` those of a text to edit, with `auto` as many as its field has.
        """
        super().__init__()
        self.word = name
        self._is_required = required
        self._parts = fields
        self.fields_of = tuple(fields_of) or tuple(part.id or "" for part in fields if isinstance(part, Widget))
        self._classes_of_row = "-high" if high else "-auto" if auto else ""
        self.problems: tuple[Problem, ...] = ()

    def compose(self) -> ComposeResult:
        with Horizontal(classes=self._classes_of_row):
            yield RowLabel(self.word, required=self._is_required)
            for part in self._parts:
                if isinstance(part, Widget):
                    yield part
                else:
                    word = Lines((line(part),), classes="word")
                    word.styles.width = len(part)
                    yield word
        yield Lines((), classes="wrong")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._mark(True)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self._mark(False)

    def _mark(self, here: bool) -> None:
        label = self.query_one(RowLabel)
        label.is_here = here
        label.refresh()

    def set_problems(self, problems: Sequence[Problem]) -> None:
        """Say what is wrong under the fields, and how to mend it."""
        fresh = tuple(problems)
        if fresh == self.problems:
            return
        self.problems = fresh
        below = self.query_one(".wrong", Lines)
        width = max(30, self.size.width - LABEL)
        rows: list[Line] = []
        for problem in fresh:
            for part in said("✗", "bad", f"{problem.message}: {problem.remedy}", width - 1):
                rows.append((span(" " * LABEL), *(Span(each.text, each.style or "bad") for each in part)))
        below.set_lines(rows)
        below.display = bool(rows)
