"""One declaration of a parameter, typed; and the values that a run gives, each in a field of its type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget

from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.parameter import Parameter, ParameterType, parameter_name_problem, read_value
from deployx_tui.tui.render.line import BLANK, line, span
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.card import Card
from deployx_tui.tui.widgets.choices import Choices, Chosen
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.form_row import LABEL, FormRow, RowLabel

_KEYS = line(
    span("enter ", "key"), "next  ", span("ctrl+s ", "key"), "takes it  ", span("esc ", "key"), "leaves it as it was"
)
_TELLS = "! whoever writes the command can read its secret"
#: cells of the longest name that is seen whole
_LONGEST_NAME = 30


class ParameterForm(Card[Parameter | None]):
    """A declaration; None comes back for leaving it as it was."""

    DEFAULT_CSS = """
    ParameterForm > Vertical { width: 84; max-width: 98%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("tab,down", "app.focus_next", show=False),
        Binding("shift+tab,up", "app.focus_previous", show=False),
        Binding("ctrl+s", "take", show=False),
        Binding("enter", "app.focus_next", show=False),
    ]

    def __init__(self, parameter: Parameter | None, taken: Sequence[str]) -> None:
        """`parameter`: None for a new one. `taken`: names of the others."""
        super().__init__()
        self._first = parameter
        self._taken = frozenset(taken)

    def compose(self) -> ComposeResult:
        shown = self._first or Parameter(name="")
        answered = ("optional", "required")
        with Vertical():
            yield Lines((line(span(shown.name or "A parameter", "title")), BLANK))
            yield FormRow("name", Field(shown.name, framed=True, hint="REGION", id="name"), required=True)
            yield FormRow("type", Choices([each.value for each in ParameterType], shown.type.value, id="type"))
            yield FormRow("choices", Field(",".join(shown.choices), framed=True, hint="eu,us", id="choices"))
            yield FormRow(
                "not given",
                Choices(answered, answered[shown.required], words=("has a default", "nothing starts"), id="required"),
            )
            yield FormRow("default", Field(shown.default or "", framed=True, hint="nothing", id="default"))
            yield Lines((line(" " * LABEL, span(_TELLS, "warn")),), id="tells")
            yield FormRow(
                "about", Field(shown.description, framed=True, hint="what a form says of it", id="description")
            )
            yield Lines((BLANK, _KEYS))

    def on_mount(self) -> None:
        self.query_one("#name", Field).focus()
        self._show_rows()

    def on_chosen(self, message: Chosen) -> None:
        message.stop()
        self._show_rows()

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        for row in self.query(FormRow):
            if message.field.id in row.fields_of:
                row.set_problems(())

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        if message.field.id == "description":
            self.action_take()
        else:
            self.focus_next()

    def _show_rows(self) -> None:
        parameter = self._parameter()
        for row in self.query(FormRow):
            if "choices" in row.fields_of:
                row.display = parameter.type is ParameterType.CHOICE
            if "default" in row.fields_of:
                row.display = not parameter.required
        self.query_one("#tells", Lines).display = parameter.type is ParameterType.SECRET

    def _parameter(self) -> Parameter:
        def text(field: str) -> str:
            return self.query_one(f"#{field}", Field).value.strip()

        kind = ParameterType(self.query_one("#type", Choices).value)
        required = self.query_one("#required", Choices).value == "required"
        choices = tuple(part.strip() for part in text("choices").split(",") if part.strip())
        return Parameter(
            name=text("name"),
            type=kind,
            # a default may begin with blanks, and what is empty is none
            default=None if required else self.query_one("#default", Field).value or None,
            choices=choices if kind is ParameterType.CHOICE else (),
            required=required,
            description=text("description"),
        )

    def _problems(self, parameter: Parameter) -> Iterator[Problem]:
        if (found := parameter_name_problem(parameter.name)) is not None:
            yield Problem(field="name", message=found[0], remedy=found[1])
        elif parameter.name in self._taken:
            yield Problem(field="name", message=f"{parameter.name} is there already", remedy="choose another name")
        if parameter.type is ParameterType.CHOICE and not parameter.choices:
            yield Problem(field="choices", message="there is nothing to choose from", remedy="give for example eu,us")
        if parameter.default is not None:
            try:
                read_value(parameter, parameter.default, "default")
            except InvalidInput as error:
                yield from error.problems

    def action_take(self) -> None:
        parameter = self._parameter()
        problems = tuple(self._problems(parameter))
        _show(self, problems)
        if not problems:
            self.dismiss(parameter)

    def action_cancel(self) -> None:
        self.dismiss(None)


class GiveParameters(Card[Mapping[str, str] | None]):
    """Values for a run, by name: those that differ from the defaults. None comes back for cancel."""

    DEFAULT_CSS = """
    GiveParameters > Vertical { width: 84; max-width: 98%; max-height: 98%; }
    GiveParameters VerticalScroll { height: auto; max-height: 18; scrollbar-size: 1 1; }
    GiveParameters VerticalScroll.-low { max-height: 14; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("tab,down", "app.focus_next", show=False),
        Binding("shift+tab,up", "app.focus_previous", show=False),
        Binding("ctrl+s", "take", show=False),
        Binding("enter", "next", show=False),
    ]

    def __init__(
        self,
        title: str,
        parameters: Sequence[Parameter],
        given: Mapping[str, str],
        problems: Sequence[Problem] = (),
        secrets: Sequence[str] = (),
    ) -> None:
        """`given`: what was typed before, `problems` what was wrong with it (fields `parameters.NAME`).

        `secrets`: names of the credentials to choose from; none: the name is typed.
        """
        super().__init__()
        self._title, self._parameters, self._given = title, tuple(parameters), dict(given)
        self._secrets = tuple(secrets)
        self._label = max(LABEL, min(_LONGEST_NAME, max(len(each.name) for each in self._parameters)) + 5)
        self._problems = tuple(
            Problem(field=problem.field.removeprefix("parameters."), message=problem.message, remedy=problem.remedy)
            for problem in problems
        )

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Lines((line(span(self._title, "title")), BLANK))
            with VerticalScroll(classes="-low" if self.app.size.height < 30 else "", can_focus=False):
                for each in self._parameters:
                    yield FormRow(each.name, self._field(each))
                    if each.description:
                        yield Lines((line(" " * (self._label - 1), span(each.description, "dim")),))
            yield Lines((), id="general")
            keys = (span("enter ", "key"), "next, then go on  ", span("ctrl+s ", "key"), "go on  ")
            yield Lines((BLANK, line(*keys, span("esc ", "key"), "cancel")))

    def _field(self, parameter: Parameter) -> Widget:
        value = self._given.get(parameter.name, _usual(parameter))
        hint = "has to be given" if parameter.required else ""
        match parameter.type:
            case ParameterType.BOOLEAN:
                unsaid = ("",) if parameter.required else ()
                words = ("not said", "true", "false")[-2 - len(unsaid) :]
                return Choices((*unsaid, "true", "false"), value, words=words, id=parameter.name)
            case ParameterType.CHOICE:
                unsaid = ("",) if not parameter.default else ()
                words = (*(("none",) if unsaid else ()), *parameter.choices)
                return Choices((*unsaid, *parameter.choices), value, words=words, id=parameter.name)
            case ParameterType.NUMBER:
                hint = hint or "a number"
            case ParameterType.FILE:
                hint = hint or "/a/file where the engine runs"
            case ParameterType.SECRET if self._secrets:
                names = [*self._secrets, *([value] if value and value not in self._secrets else [])]
                unsaid = ("",) if not parameter.default else ()
                words = (*(("none",) if unsaid else ()), *names)
                return Choices((*unsaid, *names), value, words=words, id=parameter.name)
            case ParameterType.SECRET:
                hint = hint or "the name of a credential"
            case ParameterType.TEXT:
                pass
        return Field(value, framed=True, hint=hint, id=parameter.name)

    def on_mount(self) -> None:
        for label in self.query(RowLabel):
            label.styles.width = self._label
        self.query(FormRow).first().query_one(f"#{self._parameters[0].name}").focus()
        self.call_after_refresh(self._tell, self._problems)

    def on_chosen(self, message: Chosen) -> None:
        message.stop()
        self._forget(message.widget.id)

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        self._forget(message.field.id)

    def _forget(self, field: str | None) -> None:
        for row in self.query(FormRow):
            if field in row.fields_of:
                row.set_problems(())

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        self.action_next()

    def action_next(self) -> None:
        """To the next field; from the last one on."""
        if self.focused is not None and self.focused.id == self._parameters[-1].name:
            self.action_take()
        else:
            self.focus_next()

    def _values(self) -> dict[str, str]:
        """What differs from the default."""
        found: dict[str, str] = {}
        for each in self._parameters:
            field = self.query_one(f"#{each.name}")
            value = field.value if isinstance(field, Field | Choices) else ""
            if value != _usual(each):
                found[each.name] = value
        return found

    def action_take(self) -> None:
        values = self._values()
        problems: list[Problem] = []
        for each in self._parameters:
            value = values.get(each.name, each.default or "")
            if not value and each.required:
                problems.append(Problem(field=each.name, message="it has no value", remedy="give one"))
            elif value:
                try:
                    read_value(each, value, each.name)
                except InvalidInput as error:
                    problems += error.problems
        self._tell(problems)
        if not problems:
            self.dismiss(values)

    def _tell(self, problems: Sequence[Problem]) -> None:
        names = {each.name for each in self._parameters}
        _show(self, problems)
        rest = [problem for problem in problems if problem.field not in names]
        general = self.query_one("#general", Lines)
        general.set_lines([line(span(f"✗ {problem.message}: {problem.remedy}", "bad")) for problem in rest])

    def action_cancel(self) -> None:
        self.dismiss(None)


def _usual(parameter: Parameter) -> str:
    """What its field shows before anybody typed."""
    if parameter.type is not ParameterType.BOOLEAN:
        return parameter.default or ""
    if parameter.default:
        return read_value(parameter, parameter.default, "")
    return "" if parameter.required else "false"


def _show(form: Card[Parameter | None] | Card[Mapping[str, str] | None], found: Sequence[Problem]) -> None:
    """Each problem under its field; the first one has the cursor."""
    first: FormRow | None = None
    for row in form.query(FormRow):
        row.set_problems([problem for problem in found if problem.field in row.fields_of])
        if row.problems and first is None and row.display:
            first = row
    if first is not None:
        form.query_one(f"#{first.problems[0].field}").focus()
