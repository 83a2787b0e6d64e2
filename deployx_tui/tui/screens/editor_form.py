"""The fields of the editor, and which of them a kind or a recurrence wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from deployx_tui.errors import Problem
from deployx_tui.model.parse import WEEKDAYS
from deployx_tui.model.payload import POSIX_SHELLS, Shell
from deployx_tui.model.schedule import Fold, Gap, OverlapKind, ShortMonth
from deployx_tui.tui.forms import CutOff, Does, Form, Kind, Repeat
from deployx_tui.tui.render.line import BLANK, line, span
from deployx_tui.tui.screens.file_rows import file_rows, files_in, software_in, software_rows, wanted_rows
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.choices import AnyOf, Choices
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.form_row import FormRow
from deployx_tui.tui.widgets.parameter_list import ParameterList
from deployx_tui.tui.widgets.script import ScriptArea

_DOES = ("command", "files", "software")
_KINDS = ("line", "script", "commands")
#: rows that only a command has a use for
_OF_COMMANDS = ("kind", "shell", "directory", "environment", "codes", "umask", "tty", "cut_off")
_REPEATS = ("once", "daily", "weekly", "monthly", "cron")


def _heading(text: str, *, first: bool = False) -> Lines:
    rows = (line(span(f" {text}", "head")),)
    return Lines(rows if first else (BLANK, *rows), classes="heading")


def _shells(present: Shell) -> list[str]:
    """Those that a target can start, and what the task has already."""
    return [each.value for each in Shell if each in POSIX_SHELLS or each is present]


class FormColumn(VerticalScroll):
    """WHAT, WHERE, WHEN, HOW, PARAMETERS. It knows fields, and no backend."""

    DEFAULT_CSS = """
    FormColumn { width: 61; height: 1fr; scrollbar-size: 0 0; padding-right: 1; }
    FormColumn .heading { height: auto; }
    FormColumn #general { height: auto; display: none; }
    """
    can_focus = False

    def __init__(self, form: Form) -> None:
        super().__init__(id="form")
        self._form = form

    def compose(self) -> ComposeResult:
        form = self._form
        yield Lines((), id="general")
        yield _heading("WHAT", first=True)
        yield FormRow("name", Field(form.name, framed=True, hint="nightly-backup", id="name"), required=True)
        yield FormRow("does", Choices(_DOES, form.does, words=("a command", "files", "software"), id="does"))
        yield from file_rows(form.files)
        yield from software_rows(form.software)
        yield FormRow("kind", Choices(_KINDS, form.kind, words=("one line", "script", "commands"), id="kind"))
        yield FormRow(
            "command", Field(form.line, framed=True, hint="df -h /var", id="line"), fields_of=("line",), required=True
        )
        yield FormRow("lines", ScriptArea(form.text, id="text"), high=True, required=True)
        yield FormRow(
            "on failure", Choices(("stop", "go on"), "stop" if form.stop else "go on", id="stop"), fields_of=("stop",)
        )
        yield FormRow("shell", Choices(_shells(form.shell), form.shell.value, id="shell"))
        yield FormRow("directory", Field(form.directory, framed=True, hint="the login's home", id="directory"))
        yield FormRow(
            "environment", Field(form.environment, framed=True, hint="LEVEL=debug NAME='two words'", id="environment")
        )
        yield FormRow("success", Field(form.codes, framed=True, id="codes"), "  exit codes that are good")
        yield _heading("WHERE")
        yield FormRow(
            "targets", Field(form.targets, framed=True, hint="@web,tag:prod,!web07", id="targets"), required=True
        )
        yield _heading("WHEN")
        yield FormRow("repeat", Choices(_REPEATS, form.repeat, id="repeat"))
        yield FormRow("at", Field(form.at, framed=True, hint="2026-12-24T03:00", id="at"), required=True)
        yield FormRow("days", AnyOf(WEEKDAYS, form.weekdays, id="weekdays"), required=True)
        yield FormRow("days", Field(form.monthdays, framed=True, hint="1,15,last", id="monthdays"), required=True)
        yield FormRow(
            "short months",
            Choices([each.value for each in ShortMonth], form.short.value, words=("skip", "last day"), id="short"),
        )
        yield FormRow("time", Field(form.times, framed=True, hint="03:00 or 03:00,15:30", id="times"), required=True)
        yield FormRow("rule", Field(form.cron, framed=True, hint="*/15 8-18 * * 1-5", id="cron"), required=True)
        yield FormRow("zone", Field(form.zone, framed=True, hint="Europe/Berlin", id="zone"), required=True)
        yield FormRow(
            "lost hour",
            Choices([each.value for each in Gap], form.gap.value, words=("run after it", "leave out"), id="gap"),
        )
        yield FormRow(
            "doubled hour",
            Choices([each.value for each in Fold], form.fold.value, words=("first time", "both"), id="fold"),
        )
        yield FormRow("not before", Field(form.start, framed=True, hint="from now on", id="start"))
        yield FormRow("not after", Field(form.end, framed=True, hint="no end", id="end"))
        yield _heading("HOW")
        yield FormRow("run as", Field(form.runas, framed=True, hint="who logs in; root or su:app", id="runas"))
        yield FormRow("umask", Field(form.umask, framed=True, hint="the account's own", id="umask"))
        yield FormRow("terminal", Choices(("no", "yes"), "yes" if form.tty else "no", id="tty"))
        yield FormRow("timeout", Field(form.timeout, framed=True, hint="none", id="timeout"), "  per target")
        yield FormRow(
            "disconnected",
            Choices(
                ("lost", "goes on", "restarts"),
                form.cut_off,
                words=("lost", "goes on (durable)", "reboot expected"),
                id="cut_off",
            ),
            fields_of=("cut_off",),
        )
        overlap = Choices(
            [each.value for each in OverlapKind],
            form.overlap.value,
            words=("skip this run", "at once, up to"),
            id="overlap",
        )
        yield FormRow("overlap", overlap, Field(form.parallel, framed=True, id="parallel"))
        yield FormRow("downtime", "one late run, within ", Field(form.grace, framed=True, id="grace"))
        yield FormRow("tags", Field(form.tags, framed=True, hint="prod nightly", id="tags"))
        yield FormRow("about", Field(form.about, framed=True, hint="for whoever reads it at 3 a.m.", id="about"))
        yield _heading("PARAMETERS")
        yield FormRow("a run gives", ParameterList(form.parameters, id="parameters"), auto=True)

    def on_mount(self) -> None:
        self.query_one("#overlap").styles.width = 31
        self.show_rows()

    def form(self) -> Form:
        """What stands in the fields now."""

        def text(field: str) -> str:
            return self.query_one(f"#{field}", Field).value

        def choice(field: str) -> str:
            return self.query_one(f"#{field}", Choices).value

        return Form(
            name=text("name"),
            does=cast(Does, choice("does")),
            files=files_in(self),
            software=software_in(self),
            kind=cast(Kind, choice("kind")),
            line=text("line"),
            text=self.query_one("#text", ScriptArea).text,
            stop=choice("stop") == "stop",
            shell=Shell(choice("shell")),
            directory=text("directory"),
            environment=text("environment"),
            codes=text("codes"),
            runas=text("runas"),
            umask=text("umask"),
            tty=choice("tty") == "yes",
            targets=text("targets"),
            repeat=cast(Repeat, choice("repeat")),
            at=text("at"),
            weekdays=self.query_one("#weekdays", AnyOf).chosen,
            monthdays=text("monthdays"),
            times=text("times"),
            cron=text("cron"),
            zone=text("zone"),
            gap=Gap(choice("gap")),
            fold=Fold(choice("fold")),
            short=ShortMonth(choice("short")),
            start=text("start"),
            end=text("end"),
            timeout=text("timeout"),
            cut_off=cast(CutOff, choice("cut_off")),
            overlap=OverlapKind(choice("overlap")),
            parallel=text("parallel"),
            grace=text("grace"),
            tags=text("tags"),
            about=text("about"),
            parameters=self.query_one("#parameters", ParameterList).value,
        )

    def show_rows(self) -> None:
        """Only what the kind and the recurrence have a use for."""
        does = self.query_one("#does", Choices).value
        kind = self.query_one("#kind", Choices).value if does == "command" else ""
        repeat = self.query_one("#repeat", Choices).value
        wanted = {
            **wanted_rows(self, does),
            **dict.fromkeys(_OF_COMMANDS, does == "command"),
            "line": kind == "line",
            "text": kind not in ("line", ""),
            "stop": kind == "commands",
            "at": repeat == "once",
            "weekdays": repeat == "weekly",
            "monthdays": repeat == "monthly",
            "short": repeat == "monthly",
            "times": repeat in ("daily", "weekly", "monthly"),
            "cron": repeat == "cron",
            "gap": repeat != "once",
            "fold": repeat != "once",
            "start": repeat != "once",
            "end": repeat != "once",
        }
        for row in self.query(FormRow):
            row.display = wanted.get(row.fields_of[0], True)
        self.query_one("#parallel").display = self.query_one("#overlap", Choices).value == "parallel"

    def words_of(self, problems: Sequence[Problem]) -> tuple[str, ...]:
        """What their rows are called, in the form's order."""
        wrong = {problem.field for problem in problems}
        # a command's text is one field of the draft and two of the form: a line, or an area
        wrong |= {"line", "text"} if wrong & {"line", "text"} else set()
        return tuple(row.word for row in self.query(FormRow) if row.display and wrong.intersection(row.fields_of))

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Each under its field; what belongs to none stands at the top."""
        placed: set[Problem] = set()
        for row in self.query(FormRow):
            mine = [p for p in problems if p.field in row.fields_of or (p.field == "text" and "line" in row.fields_of)]
            row.set_problems(mine)
            placed.update(mine)
        general = self.query_one("#general", Lines)
        rest = [problem for problem in problems if problem not in placed]
        general.set_lines([line(span(f" ✗ {problem.message}: {problem.remedy}", "bad")) for problem in rest])
        general.display = bool(rest)

    def focus_field(self, field: str) -> None:
        """The cursor into a field, which comes into sight with what is wrong with it."""
        if field == "text" and self.query_one("#kind", Choices).value == "line":
            field = "line"
        if any(not row.display for row in self.query(FormRow) if field in row.fields_of):
            # it is folded away, and wants mending all the same
            self.query_one("#more", Choices).set_value("open")
            self.show_rows()
        for found in self.query(f"#{field}") if field else ():
            found.focus()
            row = next(each for each in found.ancestors if isinstance(each, FormRow))
            # the error below the field takes its rows first
            self.call_after_refresh(row.scroll_visible, animate=False)
