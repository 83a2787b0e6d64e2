"""The editor's form as a value: what stands in its fields, to and from a draft. Pure.

Fields have the ids of the form; problems come with the wire's field names and are brought to the form's by
`field_of`.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.files import FilePayload
from deployx_tui.model.parameter import Parameter
from deployx_tui.model.parse import (
    WEEKDAYS,
    format_duration,
    format_run_as,
    format_times,
    format_umask,
    parse_assignment,
    parse_duration,
    parse_instant,
    parse_monthly,
    parse_run_as,
    parse_success_codes,
    parse_times,
    parse_umask,
    zone_of,
)
from deployx_tui.model.payload import CommandPayload, Commands, Line, Reboot, RunAs, Script, Shell
from deployx_tui.model.payloads import NO_STOCK, Payload, Stock
from deployx_tui.model.schedule import (
    Cron,
    Daily,
    Fold,
    Gap,
    Monthly,
    Once,
    Overlap,
    OverlapKind,
    Recurrence,
    Schedule,
    ShortMonth,
    Weekly,
)
from deployx_tui.model.software import SoftwarePayload
from deployx_tui.model.task import TaskDraft
from deployx_tui.tui.field_reader import FieldReader, replace_field
from deployx_tui.tui.file_forms import FILE_WIRE, FilesForm, file_payload_of, files_form_of, named_problem
from deployx_tui.tui.software_forms import SOFTWARE_WIRE, SoftwareForm, software_form_of, software_payload_of

#: what a task does on its targets
Does = Literal["command", "files", "software"]
Kind = Literal["line", "script", "commands"]
Repeat = Literal["once", "daily", "weekly", "monthly", "cron"]
#: what becomes of a command whose connection is cut; "restarts": it restarts the target itself
CutOff = Literal["lost", "goes on", "restarts"]
#: wire names by the form's, longest first where one begins with another
_WIRE: tuple[tuple[str, str], ...] = (
    ("task_name", "name"),
    ("name", "name"),
    ("command_payload.environment", "environment"),
    ("command_payload.working_directory", "directory"),
    ("command_payload.success_codes", "codes"),
    ("command_payload.run_as", "runas"),
    ("command_payload.umask", "umask"),
    ("command_payload.tty", "tty"),
    ("command_payload.shell", "shell"),
    ("command_payload.stop_on_failure", "stop"),
    ("command_payload.durable", "cut_off"),
    ("command_payload.reboot", "cut_off"),
    ("command_payload.command", "text"),
    ("command_payload.script", "text"),
    ("command_payload", "text"),
    *FILE_WIRE,
    *SOFTWARE_WIRE,
    ("parameters", "parameters"),
    ("selector", "targets"),
    ("device_ids", "targets"),
    ("group_ids", "targets"),
    ("recurrence_config.days_of_week", "weekdays"),
    ("recurrence_config.day_of_month", "monthdays"),
    ("recurrence_config.days", "monthdays"),
    ("recurrence_config.time", "times"),
    ("recurrence_config.times", "times"),
    ("recurrence_config.cron_expression", "cron"),
    ("recurrence_config.end_date", "end"),
    ("scheduled_time", "at"),
    ("start", "start"),
    ("end", "end"),
    ("timezone", "zone"),
    ("gap", "gap"),
    ("fold", "fold"),
    ("short_month", "short"),
    ("overlap", "parallel"),
    ("grace_seconds", "grace"),
    ("timeout_seconds", "timeout"),
    ("tags", "tags"),
    ("description", "about"),
)

#: fields that a schedule is made from: with a problem in one of them there are no next runs to show
SCHEDULE_FIELDS = frozenset({"at", "times", "weekdays", "monthdays", "cron", "zone", "start", "end"})


_NO_FILES, _NO_SOFTWARE = FilesForm(), SoftwareForm()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What stands in the fields."""

    name: str = ""
    does: Does = "command"
    kind: Kind = "line"
    line: str = ""
    #: script or commands, a line each
    text: str = ""
    stop: bool = True
    shell: Shell = Shell.SH
    directory: str = ""
    environment: str = ""
    codes: str = "0"
    runas: str = ""
    umask: str = ""
    tty: bool = False
    targets: str = ""
    repeat: Repeat = "daily"
    at: str = ""
    weekdays: frozenset[int] = frozenset({0})
    monthdays: str = "1"
    times: str = "03:00"
    cron: str = ""
    zone: str = "UTC"
    gap: Gap = Gap.SHIFT
    fold: Fold = Fold.FIRST
    short: ShortMonth = ShortMonth.SKIP
    start: str = ""
    end: str = ""
    timeout: str = ""
    cut_off: CutOff = "lost"
    overlap: OverlapKind = OverlapKind.SKIP
    parallel: str = "3"
    grace: str = "1h"
    tags: str = ""
    about: str = ""
    parameters: tuple[Parameter, ...] = ()
    files: FilesForm = _NO_FILES
    software: SoftwareForm = _NO_SOFTWARE


def form_of(draft: TaskDraft, stock: Stock = NO_STOCK) -> Form:
    """The fields that give this draft again. `stock` has the names of what it puts on devices."""
    schedule = draft.schedule
    form = Form(
        name=draft.name,
        targets=draft.selector,
        zone=schedule.zone,
        gap=schedule.gap,
        fold=schedule.fold,
        start=_instant_text(schedule.start, schedule.zone),
        end=_instant_text(schedule.end, schedule.zone),
        timeout="" if draft.timeout is None else format_duration(draft.timeout),
        overlap=draft.overlap.kind,
        parallel=str(draft.overlap.limit) if draft.overlap.kind is OverlapKind.PARALLEL else "3",
        grace=format_duration(draft.grace),
        tags=" ".join(sorted(draft.tags)),
        about=draft.description,
        parameters=draft.payload.parameters,
        runas="" if draft.payload.run_as is None else format_run_as(draft.payload.run_as),
    )
    match draft.payload:
        case CommandPayload():
            form = _with_command(form, draft.payload)
        case FilePayload():
            form = replace(form, does="files", files=files_form_of(draft.payload, stock.artifacts))
        case SoftwarePayload():
            form = replace(form, does="software", software=software_form_of(draft.payload, stock.packages))
        case RollbackPayload():
            raise TypeError("what takes a run back is started from the run, and is no task")
        case _:
            assert_never(draft.payload)
    match schedule.recurrence:
        case Once(at):
            form = replace(form, repeat="once", at=_instant_text(at, schedule.zone))
        case Daily(times):
            form = replace(form, repeat="daily", times=format_times(times))
        case Weekly(days, times):
            form = replace(form, repeat="weekly", weekdays=frozenset(days), times=format_times(times))
        case Monthly(days, times, short):
            form = replace(
                form,
                repeat="monthly",
                monthdays=",".join(str(day) for day in days),
                times=format_times(times),
                short=short,
            )
        case Cron(expression):
            form = replace(form, repeat="cron", cron=expression)
    return form


def _with_command(form: Form, payload: CommandPayload) -> Form:
    form = replace(
        form,
        shell=payload.shell,
        directory=payload.working_directory or "",
        environment=" ".join(shlex.quote(f"{name}={value}") for name, value in payload.environment),
        codes=",".join(str(code) for code in sorted(payload.success_codes)),
        umask="" if payload.umask is None else format_umask(payload.umask),
        tty=payload.tty,
        cut_off="restarts" if payload.reboot is Reboot.EXPECTED else "goes on" if payload.durable else "lost",
    )
    match payload.body:
        case Line(command):
            return replace(form, kind="line", line=command)
        case Script(text):
            return replace(form, kind="script", text=text)
        case Commands(commands, stop_on_failure):
            return replace(form, kind="commands", text="\n".join(commands), stop=stop_on_failure)


def _instant_text(at: datetime | None, zone: str) -> str:
    if at is None:
        return ""
    try:
        local = at.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        local = at.astimezone(UTC)
    wall = local.replace(tzinfo=None)
    plain = f"{wall:%Y-%m-%dT%H:%M}" if not wall.second else f"{wall:%Y-%m-%dT%H:%M:%S}"
    # the second pass of a time that comes twice needs its offset, or it would be read as the first
    return plain if local.fold == 0 else f"{plain}{local:%z}"


def field_of(wire: str) -> str:
    """The form's field that a wire name means; "" for the whole."""
    return next((field for name, field in _WIRE if wire == name or wire.startswith((f"{name}.", f"{name}["))), "")


def problem_in(form: Form, problem: Problem) -> Problem:
    """A problem of the wire as this form tells it: under its own field, of an item with the item's name."""
    return replace_field(named_problem(problem, form.files.items), field_of(problem.field))


def draft_of(form: Form, base: TaskDraft | None = None) -> tuple[TaskDraft, tuple[Problem, ...]]:
    """The draft that the fields say, and what is wrong with them (fields by the form's names).

    A field that is wrong is stood in for by its default, so that the rest can be previewed. `base` gives what the
    form has no field for: targets given by id.
    """
    reader = FieldReader()
    zone = reader.read("zone", lambda: zone_of(form.zone.strip()).key, "UTC")
    schedule = Schedule(
        recurrence=_recurrence(form, zone, reader),
        zone=zone,
        gap=form.gap,
        fold=form.fold,
        start=_optional_instant("start", form.start, zone, reader),
        end=_optional_instant("end", form.end, zone, reader),
    )
    payload = _payload(form, reader, base.payload if base is not None else None)
    default = TaskDraft(name="", schedule=schedule, payload=payload)
    timeout = form.timeout.strip()
    draft = TaskDraft(
        name=form.name.strip(),
        schedule=schedule,
        payload=payload,
        selector=form.targets.strip(),
        device_ids=base.device_ids if base is not None else (),
        group_ids=base.group_ids if base is not None else (),
        description=form.about.strip(),
        tags=frozenset(form.tags.replace(",", " ").split()),
        overlap=reader.read("parallel", lambda: _overlap(form), default.overlap),
        grace=reader.read("grace", lambda: parse_duration(form.grace, "grace"), default.grace),
        timeout=reader.read("timeout", lambda: parse_duration(timeout, "timeout"), None) if timeout else None,
    )
    return draft, tuple(reader.problems)


def _payload(form: Form, reader: FieldReader, base: Payload | None) -> Payload:
    runas = form.runas.strip()
    run_as = reader.read("runas", lambda: parse_run_as(runas), None) if runas else None
    match form.does:
        case "command":
            return _command(form, reader, run_as)
        case "files":
            files = file_payload_of(form.files, reader, base if isinstance(base, FilePayload) else None)
            return replace(files, run_as=run_as, parameters=form.parameters)
        case "software":
            software = software_payload_of(form.software, base if isinstance(base, SoftwarePayload) else None)
            return replace(software, run_as=run_as, parameters=form.parameters)


def _command(form: Form, reader: FieldReader, run_as: RunAs | None) -> CommandPayload:
    umask = form.umask.strip()
    return CommandPayload(
        body=_body(form),
        shell=form.shell,
        environment=reader.read("environment", lambda: _environment(form.environment), ()),
        working_directory=form.directory.strip() or None,
        success_codes=reader.read("codes", lambda: parse_success_codes(form.codes), frozenset({0})),
        parameters=form.parameters,
        durable=form.cut_off != "lost",
        reboot=Reboot.EXPECTED if form.cut_off == "restarts" else Reboot.NEVER,
        run_as=run_as,
        umask=reader.read("umask", lambda: parse_umask(umask), None) if umask else None,
        tty=form.tty,
    )


def _body(form: Form) -> Line | Script | Commands:
    match form.kind:
        case "line":
            return Line(form.line)
        case "script":
            return Script(form.text)
        case "commands":
            return Commands(tuple(each for each in form.text.split("\n") if each.strip()), form.stop)


def _recurrence(form: Form, zone: str, reader: FieldReader) -> Recurrence:
    times: tuple[time, ...] = ()
    if form.repeat in ("daily", "weekly", "monthly"):
        times = reader.read("times", lambda: parse_times(form.times), (time(3, 0),))
    match form.repeat:
        case "once":
            far = datetime(2100, 1, 1, tzinfo=UTC)
            return Once(reader.read("at", lambda: parse_instant(form.at, zone), far))
        case "daily":
            return Daily(times)
        case "weekly":
            if not form.weekdays:
                reader.problems.append(
                    Problem(
                        field="weekdays", message="no day is chosen", remedy=f"space chooses: {', '.join(WEEKDAYS)}"
                    )
                )
            return Weekly(tuple(sorted(form.weekdays)) or (0,), times)
        case "monthly":
            first: tuple[int | Literal["last"], ...] = (1,)
            days = reader.read("monthdays", lambda: parse_monthly(f"{form.monthdays.strip() or '-'}@00:00").days, first)
            return Monthly(days, times, form.short)
        case "cron":
            return Cron(form.cron.strip())


def _optional_instant(field: str, text: str, zone: str, reader: FieldReader) -> datetime | None:
    if not text.strip():
        return None
    return reader.read(field, lambda: parse_instant(text, zone), None)


def _environment(text: str) -> tuple[tuple[str, str], ...]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidInput.of("environment", "a quote is not closed", "LEVEL=debug 'GREETING=two words'") from error
    return tuple(parse_assignment(word) for word in words)


def _overlap(form: Form) -> Overlap:
    if form.overlap is OverlapKind.SKIP:
        return Overlap()
    typed = form.parallel.strip()
    if not (typed.isascii() and typed.isdigit() and 2 <= int(typed[:5]) <= 1000):
        raise InvalidInput.of("overlap", f"{typed!r} is no number of runs", "write 2 to 1000, or choose skip")
    return Overlap(OverlapKind.PARALLEL, int(typed))
