"""One thing that a task puts on devices: which version, under which name, with which mode, what is changed in it."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.files import LineEndings
from deployx_tui.model.parse import format_mode, parse_mode
from deployx_tui.model.words import size_words
from deployx_tui.tui.file_forms import ShownItem
from deployx_tui.tui.render.line import BLANK, line, span
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.card import Card
from deployx_tui.tui.widgets.choices import Choices, Chosen
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.form_row import FormRow

_KEYS = line(
    span("enter ", "key"), "next  ", span("ctrl+s ", "key"), "takes it  ", span("esc ", "key"), "leaves it as it was"
)


class ItemForm(Card[ShownItem | None]):
    """None comes back for leaving it as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("tab,down", "app.focus_next", show=False),
        Binding("shift+tab,up", "app.focus_previous", show=False),
        Binding("ctrl+s", "take", show=False),
        Binding("enter", "app.focus_next", show=False),
    ]

    def __init__(self, shown: ShownItem) -> None:
        super().__init__()
        self._first = shown

    def compose(self) -> ComposeResult:
        shown, item = self._first, self._first.item
        what = f"{'folder, ' if shown.is_tree else ''}{size_words(shown.size)}"
        version = "" if shown.version is None else f" v{shown.version}"
        endings = Choices(
            [each.value for each in LineEndings],
            item.line_endings.value,
            words=("as they are", "LF", "CRLF"),
            id="endings",
        )
        lies = "its content lies in the target itself" if shown.is_tree else shown.name
        with Vertical():
            yield Lines((line(span(f"{shown.name}{version}", "title"), span(f"  {what}", "dim")), BLANK))
            yield FormRow(
                "version",
                Choices(("this", "newest"), "newest" if item.newest else "this", words=("this one", "the newest then"),
                        id="newest"),
            )  # fmt: skip
            yield FormRow("lies there as", Field(item.name or "", framed=True, hint=lies, id="as"))
            mode = "" if item.mode is None else format_mode(item.mode)
            yield FormRow("mode", Field(mode, framed=True, hint="as the task says", id="mode"))
            if not shown.is_tree:
                yield FormRow("line ends", endings)
                yield FormRow(
                    "${name} in it",
                    Choices(("no", "yes"), "yes" if item.substitute else "no", words=("stays so", "is filled in"),
                            id="fill"),
                )  # fmt: skip
            yield Lines((BLANK, _KEYS))

    def on_mount(self) -> None:
        self.query_one("#newest", Choices).focus()

    def on_chosen(self, message: Chosen) -> None:
        message.stop()

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        for row in self.query(FormRow):
            if message.field.id in row.fields_of:
                row.set_problems(())

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        self.focus_next()

    def action_take(self) -> None:
        mode = self.query_one("#mode", Field).value.strip()
        try:
            bits = parse_mode(mode) if mode else None
        except InvalidInput as error:
            self._tell("mode", error.problems)
            return
        item = replace(
            self._first.item,
            newest=self.query_one("#newest", Choices).value == "newest",
            name=self.query_one("#as", Field).value.strip() or None,
            mode=bits,
        )
        if not self._first.is_tree:
            item = replace(
                item,
                line_endings=LineEndings(self.query_one("#endings", Choices).value),
                substitute=self.query_one("#fill", Choices).value == "yes",
            )
        self.dismiss(replace(self._first, item=item))

    def _tell(self, field: str, problems: tuple[Problem, ...]) -> None:
        for row in self.query(FormRow):
            if field in row.fields_of:
                row.set_problems(problems)
        self.query_one(f"#{field}").focus()

    def action_cancel(self) -> None:
        self.dismiss(None)
