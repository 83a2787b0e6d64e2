"""What the forms of devices, groups and credentials do alike: what is wrong stands below its field, ctrl+s saves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.binding import BindingType

from deployx_tui.errors import DeployxError, InvalidInput, Problem
from deployx_tui.model.words import counted
from deployx_tui.tui.keymap import DEVICE_EDITOR, bindings
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.choices import Choices
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.form_row import FormRow

#: the wire's word for a field -> the form's
_ROWS = {
    "host_key_policy": "policy",
    "group_ids": "groups",
    "device_ids": "devices",
    "jump_id": "jump",
    "credential_ids": "credentials",
    "credential_name": "name",
}


class FormPlace(Place):
    """What both forms do alike."""

    tab = "devices"
    keys = "device_editor"
    has_table = False
    has_fields = True
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(DEVICE_EDITOR)]
    DEFAULT_CSS = """
    FormPlace #body { padding: 1 1 0 0; scrollbar-size: 0 0; }
    FormPlace Field { max-width: 64; }
    FormPlace #matches { height: auto; margin: 0 0 0 17; }
    """
    AUTO_FOCUS = "#name"

    def field(self, name: str) -> str:
        """What stands in a field, by its id."""
        widget = self.query_one(f"#{name}")
        if not isinstance(widget, Field | Choices):
            raise TypeError(f"#{name} is no field")
        return widget.value

    def on_mount(self) -> None:
        super().on_mount()
        self.say_title(self.words(), ("* wanted, ctrl+s saves",))

    def words(self) -> tuple[str, ...]:
        raise NotImplementedError

    async def save(self) -> str:
        """Save; gives what was saved, in words."""
        raise NotImplementedError

    @work(exclusive=True, group="act")
    async def action_save(self) -> None:
        try:
            said = await self.save()
        except InvalidInput as error:
            self._say_problems(error.problems)
            return
        except DeployxError as error:
            self.tell_error(error)
            return
        self.app.pop_screen()
        place = self.deployx.place
        if place is not None:
            place.tell(said)
            place.reload()

    def _say_problems(self, problems: Sequence[Problem]) -> None:
        left = list(problems)
        first: FormRow | None = None
        for row in self.query(FormRow):
            here = [each for each in left if _last(each.field) in row.fields_of]
            left = [each for each in left if each not in here]
            row.set_problems(here)
            if here and first is None:
                first = row
        count = len(problems)
        self.say_title(self.words(), (f"✗ {counted(count, 'field')} to mend",), "bad")
        if first is not None:
            first.query_one(f"#{first.fields_of[0]}").focus()
        if left:
            self.tell(f"✗ {left[0].message}: {left[0].remedy}", "bad")

    def can_go_out(self) -> bool:
        return True

    def out_word(self) -> str:
        return "esc back"  # q is a letter of the fields

    def action_next_field(self) -> None:
        self.focus_next()

    def action_before_field(self) -> None:
        self.focus_previous()

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        self.focus_next()


def _last(field: str) -> str:
    """The field's own name; the wire's words are those of the drafts."""
    name = field.rpartition(".")[2]
    return _ROWS.get(name, name)
