"""The options of a task, and what they mean together: for `task add`, `task edit` and `task next`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli.completion import Name
from deployx_tui.cli.file_options import file_options, files_of, typed_files
from deployx_tui.cli.flags import RECURRENCES
from deployx_tui.cli.options import NONE, listed, together
from deployx_tui.cli.parameters import DECLARES, declared
from deployx_tui.cli.software_options import software_options, typed_software, with_software_options
from deployx_tui.cli.standard_input import standard_input
from deployx_tui.errors import InvalidInput
from deployx_tui.plain_file import NotPlain, read_plain, text_of, why_not

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from deployx_tui.model.files import FileItem
    from deployx_tui.model.payload import CommandPayload, RunAs
    from deployx_tui.model.payloads import Payload
    from deployx_tui.model.schedule import Recurrence, Schedule
    from deployx_tui.model.task import TaskDraft

_SCHEDULE = [
    click.option("--at", metavar="TIME", help="Once, such as 2026-12-24T03:00."),
    click.option("--daily", metavar="HH:MM", help="Each day, such as 03:00 or 03:00,15:00."),
    click.option("--weekly", metavar="DAYS@HH:MM", help="Such as mon,thu@03:00 or mon-fri@08:00."),
    click.option("--monthly", metavar="DAYS@HH:MM", help="Such as 1,15,last@03:00."),
    click.option("--cron", metavar="RULE", help="Five fields, such as '*/5 * * * *'; 0 and 7 are Sunday."),
    click.option("--zone", metavar="ZONE", help="IANA name, such as Europe/Berlin."),
    click.option("--start", metavar="TIME", help="No run before it."),
    click.option("--end", metavar="TIME", help="No run after it."),
    click.option("--gap", type=click.Choice(["shift", "skip"]), help="A time that a spring clock change skips."),
    click.option("--fold", type=click.Choice(["first", "both"]), help="A time that an autumn change repeats."),
    click.option("--short-month", type=click.Choice(["skip", "last"]), help="Day 29 to 31 in a month without it."),
]

_REST = [
    click.option("--on", "selector", metavar="SELECTOR", type=Name("selector"), help="Where; - reads names."),
    click.option(
        "--install", multiple=True, metavar="PACKAGE[=V]", type=Name("package"), help="What: a package; again for more."
    ),
    click.option(
        "--uninstall", multiple=True, metavar="PACKAGE", type=Name("package"), help="What: one that goes; again."
    ),
    click.option("--push", multiple=True, metavar="FILE", type=click.Path(), help="What: a file or folder; again."),
    click.option("--command", "commands", multiple=True, metavar="LINE", help="What; again for a list of commands."),
    click.option("--script", metavar="FILE", help="What: a script; - reads it from standard input."),
    click.option("--keep-going/--stop-on-failure", default=None, help="In a list of commands, after a failure."),
    click.option("--shell", metavar="S", help="sh, bash, zsh; default: sh."),
    click.option("--env", "environment", multiple=True, metavar="N=V", help="Environment; again for more."),
    click.option("--param", "parameters", multiple=True, metavar="N[:TYPE]=DEFAULT", help=DECLARES),
    click.option("--param-help", "parameter_help", multiple=True, metavar="N=TEXT", help="What a parameter is for."),
    click.option("--cwd", metavar="DIR", help="Working directory; default: the login's home."),
    click.option("--success-codes", metavar="0,3010", help="Exit codes that count as success."),
    click.option(
        "--durable/--not-durable",
        default=None,
        help="Disconnected, or without the engine, it goes on; else it is lost.",
    ),
    click.option("--reboot", type=click.Choice(["never", "expected"]), help="Whether the first command restarts it."),
    click.option("--sudo", is_flag=True, help="As root, by sudo."),
    click.option("--run-as", metavar="USER", help="As USER, by sudo; or su:USER, doas:USER; none: as who logs in."),
    click.option("--umask", metavar="027", help="Of the command; none: the account's own."),
    click.option("--tty/--no-tty", default=None, help="A terminal for the command; its two streams come as one."),
    click.option("--timeout", metavar="10m", help="Per target; then it is killed."),
    click.option("--overlap", metavar="RULE", help="While an earlier run is alive: skip, or parallel:3."),
    click.option("--grace", metavar="1h", help="After downtime of the engine: one late run, within this."),
    click.option("--tag", "tags", multiple=True, metavar="T", help="Tag; again for more; none: without tags."),
    click.option("--description", metavar="TEXT"),
]


schedule_options = together(*_SCHEDULE)
task_options = together(
    *_SCHEDULE,
    *_REST,
    software_options,
    file_options,
    click.option("--check/--no-check", default=None, help="Only look whether the files are as they should be."),
)

#: of commands only, as a command line gets them
_COMMANDS = (
    "commands", "script", "keep_going", "shell", "environment", "cwd", "success_codes", "durable", "reboot", "umask",
    "tty",
)  # fmt: skip


# ---- schedules


def schedule_of(fields: Mapping[str, Any], default_zone: str, base: Schedule | None = None) -> Schedule:
    """The schedule that was typed; what was not typed comes from `base`. InvalidInput by wire field."""
    from deployx_tui.model.schedule import Fold, Gap, Monthly, Schedule, ShortMonth

    zone = fields["zone"]
    if zone is None:
        zone = default_zone if base is None else base.zone
    rule = _recurrence(fields, zone, base)
    short_month = fields["short_month"]
    if short_month is not None:
        if not isinstance(rule, Monthly):
            raise InvalidInput.of(
                "short_month", "it belongs to a monthly rule", "use it with --monthly, or leave it out"
            )
        rule = replace(rule, short_month=ShortMonth(short_month))
    gap, fold = fields["gap"], fields["fold"]
    return Schedule(
        recurrence=rule,
        zone=zone,
        gap=Gap(gap) if gap is not None else (base.gap if base is not None else Gap.SHIFT),
        fold=Fold(fold) if fold is not None else (base.fold if base is not None else Fold.FIRST),
        start=_bound(fields["start"], zone, "start", None if base is None else base.start),
        end=_bound(fields["end"], zone, "end", None if base is None else base.end),
    )


def _recurrence(fields: Mapping[str, Any], zone: str, base: Schedule | None) -> Recurrence:
    from deployx_tui.model import parse
    from deployx_tui.model.schedule import Cron, Monthly, Once

    typed = [name for name in RECURRENCES if fields[name] is not None]
    if len(typed) > 1:
        raise InvalidInput.of(f"--{typed[1]}", f"--{typed[0]} is there too", "give one rule")
    if not typed:
        if base is not None:
            return base.recurrence
        choices = " | ".join(f"--{name}" for name in RECURRENCES)
        raise InvalidInput.of("schedule", "it is not said when to run", f"give one of {choices}")
    text = fields[typed[0]]
    match typed[0]:
        case "at":
            return Once(parse.parse_instant(text, zone))
        case "daily":
            return parse.parse_daily(text)
        case "weekly":
            return parse.parse_weekly(text)
        case "monthly":
            kept = base.recurrence.short_month if base and isinstance(base.recurrence, Monthly) else None
            return parse.parse_monthly(text) if kept is None else parse.parse_monthly(text, kept)
        case _:
            return Cron(text)


def _bound(text: str | None, zone: str, field: str, present: datetime | None) -> datetime | None:
    from deployx_tui.model.parse import parse_instant

    if text is None:
        return present
    return None if text == NONE else parse_instant(text, zone, field)


# ---- drafts


def draft_of(
    name: str,
    fields: Mapping[str, Any],
    default_zone: str,
    base: TaskDraft | None = None,
    items: Sequence[FileItem] | None = None,
) -> TaskDraft:
    """The draft that was typed; what was not typed comes from `base`. InvalidInput by wire field.

    `items`: what is to be sent; None: none was typed.
    """
    from deployx_tui.model import parse
    from deployx_tui.model.task import TaskDraft

    schedule = schedule_of(fields, default_zone, None if base is None else base.schedule)
    payload = payload_of(fields, None if base is None else base.payload, items)
    draft = (
        TaskDraft(name=name, schedule=schedule, payload=payload)
        if base is None
        else replace(base, name=name, schedule=schedule, payload=payload)
    )
    changes: dict[str, Any] = {}
    if fields["selector"] is not None:
        # what was chosen by ids is replaced as a whole, as everything that is typed
        changes |= {"selector": _selector(fields["selector"]), "device_ids": (), "group_ids": ()}
    if fields["timeout"] is not None:
        changes["timeout"] = _duration_or_none(fields["timeout"], "timeout_seconds")
    if fields["grace"] is not None:
        changes["grace"] = parse.parse_duration(fields["grace"], "grace_seconds")
    if fields["overlap"] is not None:
        changes["overlap"] = parse.parse_overlap(fields["overlap"])
    if fields["tags"]:
        changes["tags"] = frozenset(listed(fields["tags"]))
    if fields["description"] is not None:
        changes["description"] = fields["description"]
    return replace(draft, **changes)


def _selector(text: str) -> str:
    if text != "-":
        return text
    from deployx_tui.cli.run import named_on_standard_input

    return named_on_standard_input()


def _duration_or_none(text: str, field: str) -> timedelta | None:
    from deployx_tui.model.parse import parse_duration

    return None if text == NONE else parse_duration(text, field)


def payload_of(fields: Mapping[str, Any], base: Payload | None, items: Sequence[FileItem] | None) -> Payload:
    """What is to be done, of the kind that `base` is; else of the kind that was typed."""
    from deployx_tui.model.files import FilePayload
    from deployx_tui.model.payload import CommandPayload
    from deployx_tui.model.software import SoftwarePayload

    typed: dict[type[Payload], tuple[str, ...]] = {
        FilePayload: typed_files(fields),
        SoftwarePayload: typed_software(fields),
        CommandPayload: _typed_commands(fields),
    }
    wanted = type(base) if base is not None else next((kind for kind, flags in typed.items() if flags), CommandPayload)
    stray = [flag for kind, flags in typed.items() if kind is not wanted for flag in flags]
    if stray:
        message, remedy = "the task does something else", "leave it out, or make another task"
        if base is None:
            message = f"{typed[wanted][0]} is there too"
            remedy = "a task runs commands, sends files or installs packages: give one of them"
        raise InvalidInput.of(stray[0], message, remedy)
    payload: Payload
    if wanted is FilePayload:
        payload = files_of(fields, items, base if isinstance(base, FilePayload) else None)
    elif wanted is SoftwarePayload:
        payload = with_software_options(base if isinstance(base, SoftwarePayload) else SoftwarePayload(), fields)
    elif base is None or isinstance(base, CommandPayload):
        payload = _commands_of(fields, base)
    else:
        payload = base
    return _in_common(payload, fields)


def _typed_commands(fields: Mapping[str, Any]) -> tuple[str, ...]:
    flags = {"commands": "command", "environment": "env"}
    given = [name for name in _COMMANDS if fields[name] is not None and fields[name] != ()]
    return tuple(f"--{flags.get(name, name).replace('_', '-')}" for name in given)


def _in_common(payload: Payload, fields: Mapping[str, Any]) -> Payload:
    """With the parameters and the account that were typed, which every kind has."""
    from deployx_tui.model.changes import RollbackPayload
    from deployx_tui.model.payloads import with_parameters

    parameters = declared(fields["parameters"], fields["parameter_help"], fields.get("dropped", ()), payload.parameters)
    payload = with_parameters(payload, parameters)
    if isinstance(payload, RollbackPayload) or not (fields["sudo"] or fields["run_as"] is not None):
        return payload
    return replace(payload, run_as=run_as_of(fields["sudo"], fields["run_as"]))


def _commands_of(fields: Mapping[str, Any], base: CommandPayload | None) -> CommandPayload:
    """What is to run. InvalidInput by wire field."""
    from deployx_tui.model import parse
    from deployx_tui.model.payload import CommandPayload, Reboot

    body = _body(fields, base)
    payload = CommandPayload(body=body) if base is None else replace(base, body=body)
    changes: dict[str, Any] = {}
    if fields["shell"] is not None:
        changes["shell"] = parse.parse_shell(fields["shell"])
    if fields["environment"]:
        changes["environment"] = tuple(sorted(parse.parse_assignment(pair) for pair in fields["environment"]))
    if fields["cwd"] is not None:
        changes["working_directory"] = None if fields["cwd"] == NONE else fields["cwd"]
    if fields["success_codes"] is not None:
        changes["success_codes"] = parse.parse_success_codes(fields["success_codes"])
    if fields["durable"] is not None:
        changes["durable"] = fields["durable"]
    if fields["reboot"] is not None:
        changes["reboot"] = Reboot(fields["reboot"])
    if fields["umask"] is not None:
        changes["umask"] = None if fields["umask"] == NONE else parse.parse_umask(fields["umask"])
    if fields["tty"] is not None:
        changes["tty"] = fields["tty"]
    return replace(payload, **changes)


def run_as_of(sudo: bool, run_as: str | None) -> RunAs | None:
    """What `--sudo` and `--run-as` say together. None: neither is there, or `--run-as none`."""
    from deployx_tui.model.parse import parse_run_as
    from deployx_tui.model.payload import BecomeMethod, RunAs

    if run_as is None:
        return RunAs() if sudo else None
    if sudo and (run_as == NONE or parse_run_as(run_as).method is not BecomeMethod.SUDO):
        raise InvalidInput.of("--sudo", f"--run-as {run_as} says otherwise", "give one of them")
    return None if run_as == NONE else parse_run_as(run_as)


def _body(fields: Mapping[str, Any], base: CommandPayload | None) -> Any:
    from deployx_tui.model.payload import Commands, Line, Script

    commands, script, keep_going = fields["commands"], fields["script"], fields["keep_going"]
    if commands and script is not None:
        raise InvalidInput.of("--script", "--command is there too", "give one of them")
    body: Line | Script | Commands
    if script is not None:
        body = Script(script_of(script))
    elif len(commands) > 1:
        body = Commands(commands)
    elif commands:
        body = Line(commands[0])
    elif base is not None:
        body = base.body
    else:
        raise InvalidInput.of(
            "--command",
            "there is nothing to run",
            "give --command LINE, --script FILE, --push FILE --to PATH, --install PACKAGE or --uninstall PACKAGE",
        )
    if keep_going is None:
        return body
    if not isinstance(body, Commands):
        raise InvalidInput.of(
            "--keep-going", "there is one command only", "give --command several times, or leave it out"
        )
    return replace(body, stop_on_failure=not keep_going)


def script_of(path: str) -> str:
    """The text of a file, or of standard input (`-`). InvalidInput when it can't be read, or is not UTF-8."""
    if path == "-":
        return standard_input("--script")
    try:
        return text_of(read_plain(Path(path).expanduser(), pipe=True))
    except NotPlain as error:
        raise InvalidInput.of("--script", str(error), "give a text file, or -") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = why_not(error) if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInput.of("--script", f"{path} can't be read: {reason}", "give a text file, or -") from error
