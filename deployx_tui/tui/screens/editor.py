"""The editor of a task: a form at the left, what saving would mean at the right, 150 ms after the last key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from textual import events, work
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import TextArea

from deployx_tui.errors import Conflict, DeployxError, InvalidInput, Problem, Unavailable
from deployx_tui.model.artifact import Artifact
from deployx_tui.model.ids import TaskId
from deployx_tui.model.payloads import NO_STOCK, Stock
from deployx_tui.model.task import Task, TaskDraft, TaskPreview
from deployx_tui.model.words import counted
from deployx_tui.tui.file_forms import FilesForm, shown_of
from deployx_tui.tui.forms import SCHEDULE_FIELDS, Form, draft_of, form_of, problem_in
from deployx_tui.tui.keymap import EDITOR, Key, bindings
from deployx_tui.tui.render.line import line
from deployx_tui.tui.render.preview import preview_lines
from deployx_tui.tui.render.when import ahead
from deployx_tui.tui.screens.dialogs import confirm
from deployx_tui.tui.screens.editor_form import FormColumn
from deployx_tui.tui.screens.editor_lists import edit_value
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.base import Pane
from deployx_tui.tui.widgets.choices import Chosen
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.form_row import FormRow
from deployx_tui.tui.widgets.value_list import Wanted

#: after the last key
DEBOUNCE = 0.15


class Editor(Place):
    tab = "tasks"
    keys = "editor"
    has_table = False
    has_fields = True
    AUTO_FOCUS = "#name"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(EDITOR)]
    DEFAULT_CSS = """
    Editor #body { height: 1fr; }
    Editor #preview { width: 1fr; height: 1fr; border-left: solid $dim; }
    Editor.-narrow FormColumn { width: 1fr; }
    Editor.-narrow #preview { display: none; border-left: none; }
    Editor.-narrow.-previewing #preview { display: block; }
    Editor.-narrow.-previewing #form { display: none; }
    """

    def __init__(
        self,
        task: Task | None,
        *,
        draft: TaskDraft | None = None,
        stock: Stock = NO_STOCK,
        put: Artifact | None = None,
        saved: Callable[[TaskId], None] = lambda _: None,
    ) -> None:
        """Edit `task`; None: a new one, from `draft` when one is given (`stock` has the names of what it puts on
        devices), or one that puts this artifact there."""
        super().__init__()
        self._edited = task
        self._stock = task.stock if task is not None else stock
        self._put = put
        self._base = task.draft if task is not None else draft
        self._saved = saved
        self._touched: set[str] = set()
        self._problems: tuple[Problem, ...] = ()
        self._preview: TaskPreview | None = None
        self._timer: Timer | None = None

    @property
    def _draft_key(self) -> TaskId | None:
        return None if self._edited is None else self._edited.id

    def _first_form(self) -> Form:
        kept = self.deployx.drafts.get(self._draft_key)
        if kept is not None and self._put is None and (self._edited is not None or self._base is None):
            return kept
        return self._clean_form()

    def _clean_form(self) -> Form:
        if self._base is not None:
            return form_of(self._base, self._stock)
        status = self.bridge.standing.status
        zone = status.zone if status is not None else str(self.bridge.zone)
        tomorrow = self.bridge.now().astimezone(self.bridge.zone) + timedelta(days=1)
        form = Form(zone=zone, at=f"{tomorrow:%Y-%m-%d}T03:00")
        if self._put is not None:
            return replace(form, does="files", files=FilesForm(items=(shown_of(self._put),)))
        return form

    def body(self) -> Iterable[Widget]:
        self._clean = self._clean_form()
        self._is_kept_draft = self._first_form() != self._clean
        yield Horizontal(FormColumn(self._first_form()), Pane(id="preview"), id="body")

    @property
    def _column(self) -> FormColumn:
        return self.query_one(FormColumn)

    # what changes

    def on_mount(self) -> None:
        super().on_mount()
        if self._edited is not None:
            self._touched.update(Form.__dataclass_fields__)
        self._say()
        self._recompute()

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        if message.field.id == "post":
            self._column.show_rows()  # what becomes of a failure is asked where there is a command
        self._edited_field(message.field.id)

    def on_chosen(self, message: Chosen) -> None:
        message.stop()
        self._column.show_rows()
        self._edited_field(message.widget.id)

    @work(exclusive=True, group="act")
    async def on_wanted(self, message: Wanted) -> None:
        message.stop()
        await edit_value(self, message)

    def on_text_area_changed(self, message: TextArea.Changed) -> None:
        message.stop()
        self._edited_field(message.text_area.id)

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        self.focus_next()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """A field that was left may say what it lacks."""
        if event.widget.id and event.widget.id not in self._touched and self.is_attached:
            self._touched.add(event.widget.id)
            self._show_problems()
            self._say()
            self.refresh_frame()

    def _edited_field(self, field: str | None) -> None:
        if field is None:
            return
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(DEBOUNCE, self._recompute)

    def reload(self) -> None:
        self._recompute()

    def changed(self, change: object) -> None:
        """Targets may have changed under the form; the next key asks anew."""

    def tick(self) -> None:
        self._draw_preview()

    @work(exclusive=True, group="preview")
    async def _recompute(self) -> None:
        form = self._column.form()
        draft, problems = draft_of(form, self._base)
        try:
            preview = await self.bridge.backend.tasks.preview(draft, 10, self._draft_key)
        except Unavailable:
            self._take(problems, None)
        except DeployxError as error:
            self.tell_error(error)
        else:
            told = (Problem(field=p.field, message=p.message, remedy=p.remedy) for p in preview.problems)
            found = (problem_in(form, each) for each in told)
            wrong = {problem.field for problem in problems}
            self._take((*problems, *(problem for problem in found if problem.field not in wrong)), preview)

    def _take(self, problems: tuple[Problem, ...], preview: TaskPreview | None) -> None:
        self._problems = problems
        self._preview = preview
        self._show_problems()
        self._draw_preview()
        self._say()
        self.refresh_frame()

    # what is seen

    @property
    def _told(self) -> tuple[Problem, ...]:
        """The problems that are said: of fields that were left, or all once saving was tried."""
        return tuple(problem for problem in self._problems if problem.field in self._touched)

    def _show_problems(self) -> None:
        self._column.show_problems(self._told)

    def _draw_preview(self) -> None:
        pane = self.query_one("#preview", Pane)
        width = max(30, (pane.size.width or self.size.width) - 3)
        if self._preview is None:
            waits = "the engine is not there" if not self.bridge.is_up else "asking the engine"
            pane.set_lines((line(f" {waits}: no preview"),))
            return
        draft, _ = draft_of(self._column.form(), self._base)
        wrong = {problem.field for problem in self._problems}
        pane.set_lines(
            preview_lines(
                draft,
                self._preview,
                self.bridge.now(),
                self.bridge.zone,
                width,
                schedule_is_read=not wrong & SCHEDULE_FIELDS,
                targets_are_read="targets" not in wrong,
            )
        )

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_preview)

    def _say(self) -> None:
        form = self._column.form()
        name = "new task" if self._edited is None else self._edited.name
        left = [f"Tasks ▸ {name}", f"{form.kind if form.does == 'command' else form.does}, {form.repeat}"]
        if self._is_kept_draft:
            left.append("your draft, not saved yet")
        if self._told:
            self.say_title(left, (f"✗ {_fields(self._told)} to mend, then ctrl+s saves",), "bad")
        elif self._problems:
            wanted = ", ".join(self._column.words_of(self._problems))
            self.say_title(left, (f"* wanted: {wanted}" if wanted else "○ not whole yet",))
        elif self._preview is None:
            self.say_title(left, ("○ not checked",), "warn")
        elif form == self._clean and self._edited is not None:
            self.say_title(left, ("nothing changed",))
        else:
            self.say_title(left, ("✓ ctrl+s saves",), "good")

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "save":
                return True  # what stands in its way is said when it is pressed
            case "next_error":
                return bool(self._problems)
            case "preview":
                return self.is_narrow
            case _:
                return super().check_action(action, parameters)

    def works(self, key: Key) -> bool:
        """The footer has the key that saves only when it would save, and the one to errors when one is shown."""
        if (key.action == "save" and not self._can_save()) or (key.action == "next_error" and not self._told):
            return False
        return super().works(key)

    def _can_save(self) -> bool:
        return self.bridge.is_up and not self._problems and self._preview is not None and not self._is_unchanged()

    def _is_unchanged(self) -> bool:
        return self._edited is not None and self._column.form() == self._clean

    def out_word(self) -> str:
        return "esc back"

    def action_field(self, by: int) -> None:
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def action_preview(self) -> None:
        self.toggle_class("-previewing")
        if self.has_class("-previewing"):
            self.query_one("#preview", Pane).focus()
        else:
            self._column.focus_field("name")
        self.call_after_refresh(self._draw_preview)

    def action_next_error(self) -> None:
        """To the next field, below the one with the cursor, that wants mending."""
        self._touched.update(problem.field for problem in self._problems)
        self._show_problems()
        self._say()
        self.refresh_frame()
        rows = self._rows_to_mend()
        if not rows:
            return
        every = list(self.query(FormRow))
        focused = self.focused
        here = next((i for i, row in enumerate(every) if focused is not None and row in focused.ancestors), -1)
        following = next((row for row in rows if every.index(row) > here), rows[0])
        self._column.focus_field(following.problems[0].field)

    def _rows_to_mend(self) -> list[FormRow]:
        return [row for row in self.query(FormRow) if row.problems and row.display]

    def _refuse(self, problems: tuple[Problem, ...]) -> None:
        """Not saved: every field that wants mending is marked, the first has the cursor, and it is said."""
        self._touched.update(problem.field for problem in problems)
        self._take(problems, self._preview)
        if rows := self._rows_to_mend():
            self._column.focus_field(rows[0].problems[0].field)
        self.tell(f"✗ not saved: {_fields(problems)} to mend", "bad")

    @work(exclusive=True, group="act")
    async def action_save(self) -> None:
        draft, problems = draft_of(self._column.form(), self._base)
        if problems:
            wrong = {problem.field for problem in problems}
            self._refuse((*problems, *(problem for problem in self._problems if problem.field not in wrong)))
            return
        if self._is_unchanged():
            self.tell("nothing changed, nothing to save", "")
            return
        try:
            task = await self._keep(draft)
        except InvalidInput as error:
            self._refuse(tuple(problem_in(self._column.form(), problem) for problem in error.problems))
            return
        except Unavailable as error:
            self.tell(f"✗ not saved: {error}; the draft stays", "bad")
            return
        except DeployxError as error:
            self.tell_error(error)
            return
        if task is None:
            return
        self.deployx.drafts.pop(self._draft_key, None)
        self._saved(task.id)
        self.app.pop_screen()
        if self.deployx.place is not None:
            coming = task.next_execution
            when = f"next run {ahead(coming, self.bridge.now(), self.bridge.zone)}" if coming else "it has no next run"
            self.deployx.place.tell(f"● {task.name} saved; {when}")

    async def _keep(self, draft: TaskDraft) -> Task | None:
        tasks = self.bridge.backend.tasks
        if self._edited is None:
            return await tasks.create(draft)
        try:
            return await tasks.update(self._edited.id, draft, self._edited.version)
        except Conflict as error:
            if not error.stale:
                raise
        newer = await tasks.get(self._edited.id)
        lines = (line(f"Version {newer.version} was saved while you edited version {self._edited.version}."),)
        if await self.app.push_screen_wait(confirm("It changed meanwhile", lines, "save mine", "over the newer one")):
            return await tasks.update(self._edited.id, draft, newer.version)
        return None

    def go_out(self) -> None:
        """Leave; what was typed stays as a draft until it is saved."""
        if self.has_class("-previewing"):
            self.action_preview()
            return
        form = self._column.form()
        place_says = ""
        if form == self._clean:
            self.deployx.drafts.pop(self._draft_key, None)
        else:
            self.deployx.drafts[self._draft_key] = form
            key = "n" if self._edited is None else "e"
            place_says = f"the draft stays until deployx ends; {key} opens it again"
        self.app.pop_screen()
        if place_says and self.deployx.place is not None:
            self.deployx.place.tell(place_says, "")

    @work(exclusive=True, group="act")
    async def action_discard(self) -> None:
        """Leave, and forget what was typed."""
        lines = (line("What was typed here is forgotten; what was saved stays."),)
        if self._column.form() != self._clean and not await self.app.push_screen_wait(
            confirm("Discard the draft", lines, "discard", "forget it")
        ):
            return
        self.deployx.drafts.pop(self._draft_key, None)
        self.app.pop_screen()


def _fields(problems: Sequence[Problem]) -> str:
    count = len({problem.field for problem in problems})
    return counted(count, "field")
