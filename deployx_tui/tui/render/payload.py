"""What a task does on a target, whole, and as whom and how. Pure; the command line says it in the same words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from deployx_tui.model.artifact import ArtifactKind
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.files import Existing, FileItem, FilePayload, LineEndings
from deployx_tui.model.parse import format_mode, format_umask
from deployx_tui.model.payload import CommandPayload, Commands, Reboot, RunAs, Script
from deployx_tui.model.payload import Line as CommandLine
from deployx_tui.model.payloads import Payload, Stock, artifact_name, software_names
from deployx_tui.model.software import RebootPolicy, SoftwarePayload
from deployx_tui.model.words import counted, size_words
from deployx_tui.tui.render.line import Line, Span, line, span
from deployx_tui.tui.render.safe import SafeText, show, show_lines
from deployx_tui.tui.render.words import wrap

Rows = tuple[tuple[str, str], ...]


def payload_kind(payload: Payload) -> str:
    """What it is, in a few words."""
    match payload:
        case CommandPayload():
            return f"{_body_kind(payload)}, {payload.shell.value}"
        case FilePayload():
            return f"{counted(len(payload.items), 'artifact')}, {'only checked' if payload.check else 'put there'}"
        case SoftwarePayload():
            count = len(payload.packages) + (payload.custom is not None)
            return f"{counted(count, 'package')}, {payload.action.value}"
        case RollbackPayload():
            return "rollback"
    assert_never(payload)


def _body_kind(payload: CommandPayload) -> str:
    match payload.body:
        case CommandLine():
            return "one line"
        case Script(text):
            lines = len(text.rstrip("\n").split("\n"))
            return f"script of {counted(lines, 'line')}"
        case Commands(commands):
            return counted(len(commands), "command")


def exact_heading(payload: Payload) -> str:
    match payload:
        case CommandPayload():
            return "EXACT COMMAND"
        case FilePayload():
            count = counted(len(payload.items), "artifact").upper()
            return f"{'COMPARES' if payload.check else 'PLACES'} {count}"
        case SoftwarePayload():
            return "EXACT PACKAGES"
        case RollbackPayload():
            return "EXACT ROLLBACK"
    assert_never(payload)


def payload_text(payload: Payload, stock: Stock, width: int) -> tuple[Line, ...]:
    """The exact text or what is sent where, wrapped by cells; nothing of it is left out."""
    match payload:
        case CommandPayload():
            return _body_text(payload, width)
        case FilePayload() | SoftwarePayload() | RollbackPayload():
            return tuple(
                line(" ", Span(piece)) for each in what_lines(payload, stock) for piece in wrap(show(each), width - 1)
            )
    assert_never(payload)


def _body_text(payload: CommandPayload, width: int) -> tuple[Line, ...]:
    match payload.body:
        case CommandLine(command):
            return tuple(line(" ", Span(piece)) for piece in wrap(show(command), width - 1))
        case Script(text):
            return _numbered(show_lines(text.rstrip("\n")), width)
        case Commands(commands):
            return _numbered([show(command) for command in commands], width)


def _numbered(texts: Iterable[SafeText], width: int) -> tuple[Line, ...]:
    rows: list[Line] = []
    for number, text in enumerate(texts, start=1):
        for index, piece in enumerate(wrap(text, width - 5)):
            rows.append(line(span(f"{number if index == 0 else '':>3}  ", "dim"), Span(piece)))
    return tuple(rows)


def what_lines(payload: Payload, stock: Stock) -> tuple[str, ...]:
    """What is run, sent or installed, a line each."""
    match payload:
        case CommandPayload():
            return _body_lines(payload)
        case FilePayload():
            return tuple(_item(item, payload, stock) for item in payload.items)
        case SoftwarePayload():
            return software_names(payload, stock)
        case RollbackPayload():
            where = "also where it was changed since" if payload.force else "where nobody changed it since"
            return (f"what run {payload.execution} changed, on the targets where it changed something, {where}",)
    assert_never(payload)


def _body_lines(payload: CommandPayload) -> tuple[str, ...]:
    match payload.body:
        case CommandLine(command):
            return (command,)
        case Script(text):
            return tuple(text.splitlines())
        case Commands(commands):
            return commands


def _item(item: FileItem, payload: FilePayload, stock: Stock) -> str:
    """ "nginx.conf v3, 1.2 KiB, mode 0644 to /etc/nginx/nginx.conf"."""
    artifact = stock.artifacts.get(item.artifact)
    parts = [artifact_name(item.artifact, stock)]
    if artifact is not None:
        parts[0] += f" v{artifact.version}" if artifact.version else " new"
        parts += ["a folder"] if artifact.kind is ArtifactKind.TREE else []
        parts.append(size_words(artifact.size))
    parts += ["or its newest version then"] if item.newest else []
    parts += [] if item.mode is None else [f"mode {format_mode(item.mode)}"]
    parts += [] if item.line_endings is LineEndings.AS_IS else [f"line endings {item.line_endings.value}"]
    parts += ["${...} filled in"] if item.substitute else []
    return f"{', '.join(parts)} to {_destination(item, payload, stock)}"


def _destination(item: FileItem, payload: FilePayload, stock: Stock) -> str:
    artifact, path = stock.artifacts.get(item.artifact), payload.target_path
    is_tree = artifact is not None and artifact.kind is ArtifactKind.TREE
    if (is_tree and item.name is None) or not (path.endswith("/") or len(payload.items) > 1 or is_tree):
        return path
    return f"{path.rstrip('/')}/{item.name or artifact_name(item.artifact, stock)}"


def disconnected_words(payload: CommandPayload) -> str:
    """What becomes of a command whose connection breaks, in the words of the editor."""
    if payload.reboot is Reboot.EXPECTED:
        return "reboot expected"
    return "goes on (durable)" if payload.durable else "lost"


def manner(payload: Payload) -> Rows:
    """(what, how) of what was asked for, where it is not the account that logs in and the usual way."""
    match payload:
        case CommandPayload():
            rows = _of_command(payload)
        case FilePayload():
            rows = _of_files(payload)
        case SoftwarePayload():
            rows = _of_software(payload)
        case RollbackPayload():
            rows = ()
        case _:
            assert_never(payload)
    return (*_as(payload.run_as), *rows)


def _as(run_as: RunAs | None) -> Rows:
    return () if run_as is None else (("as", f"{run_as.user}, by {run_as.method}"),)


def _of_command(payload: CommandPayload) -> Rows:
    rows = [] if payload.umask is None else [("umask", format_umask(payload.umask))]
    if payload.tty:
        rows.append(("tty", "a terminal: its two streams come as one"))
    return tuple(rows)


def _of_files(payload: FilePayload) -> Rows:
    rows = [(f"on {word}", path) for word, path in payload.platform_paths]
    if payload.mode is not None:
        rows.append(("mode", format_mode(payload.mode)))
    if payload.owner is not None or payload.group is not None:
        rows.append(("owner", f"{payload.owner or ''}:{payload.group or ''}".removesuffix(":")))
    if not payload.create_folders:
        rows.append(("folders", "must be there"))
    if payload.existing is not Existing.REPLACE:
        kept = payload.existing is Existing.KEEP
        rows.append(("existing", "a file with another content is kept" if kept else "another content fails the target"))
    if payload.backups != 1:
        rows.append(("backups", str(payload.backups) if payload.backups else "none, and no rollback"))
    if payload.pre_check is not None:
        rows.append(("before", payload.pre_check))
    if payload.post_command is not None:
        failing = "; when it fails the files are taken back" if payload.rollback_on_failure else ""
        rows.append(("after", f"{payload.post_command}{failing}"))
    if payload.delete_extra:
        rows.append(("extra", f"is removed, at most {payload.most_deletions} %"))
    if payload.protected:
        rows.append(("protected", " ".join(payload.protected)))
    if payload.swap:
        rows.append(("swap", "the whole folder at once, by a symbolic link"))
    if payload.quick:
        rows.append(("quick", "equal size and time of change count as equal"))
    if payload.check:
        rows.append(("check", "nothing is changed; a difference fails the target"))
    return tuple(rows)


def _of_software(payload: SoftwarePayload) -> Rows:
    rows = []
    if payload.all_or_nothing:
        rows.append(("failing", "takes back what was changed on the target"))
    if payload.reboot is not RebootPolicy.NEVER:
        rows.append(("restart", "always" if payload.reboot is RebootPolicy.ALWAYS else "if needed"))
    if payload.repair:
        rows.append(("repair", "a half-configured package database first"))
    return tuple(rows)


def payload_rules(payload: Payload) -> Rows:
    """(what, how) of everything that stands beside the text, in the order of the editor."""
    if not isinstance(payload, CommandPayload):
        return manner(payload)
    rows: list[tuple[str, str]] = []
    if isinstance(payload.body, Commands):
        rows.append(("failing", "ends the target" if payload.body.stop_on_failure else "goes on with the next"))
    if payload.durable:
        rows.append(("disconnected", disconnected_words(payload)))
    if payload.reboot is Reboot.EXPECTED:
        rows.append(("restart", "by the first command; the rest waits for it"))
    rows.extend(manner(payload))
    if payload.working_directory:
        rows.append(("in", payload.working_directory))
    if payload.environment:
        rows.append(("env", " ".join(f"{name}={value}" for name, value in payload.environment)))
    return tuple(rows)
