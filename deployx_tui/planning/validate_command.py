"""Whether commands can be meant as they stand. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from deployx_tui.errors import Problem
from deployx_tui.model.parameter import LARGEST_VALUE, name_problem
from deployx_tui.model.payload import CommandPayload, Commands, Line, Reboot, Script
from deployx_tui.planning.parameters import validate_parameters
from deployx_tui.planning.problems import LONGEST_SCRIPT, problem_of, validate_plain, validate_run_as


def validate_command(payload: CommandPayload) -> tuple[Problem, ...]:
    """Problems of what is to run."""
    return (
        *_body(payload),
        *_environment(payload.environment),
        *_working_directory(payload.working_directory),
        *_success_codes(payload.success_codes),
        *validate_parameters(payload),
        *_reboot(payload),
        *validate_run_as(payload.run_as, "command_payload.run_as"),
        *_account(payload),
    )


def _reboot(payload: CommandPayload) -> list[Problem]:
    if payload.reboot is Reboot.NEVER or payload.durable:
        return []
    return [problem_of("command_payload.reboot", "only a durable command outlives a restart", "make it durable")]


def _body(payload: CommandPayload) -> list[Problem]:
    texts: tuple[str, ...]
    match payload.body:
        case Line(command):
            field, texts = "command_payload.command", (command,)
        case Script(text):
            field, texts = "command_payload.script", (text,)
        case Commands(commands):
            field, texts = "command_payload.commands", commands
    if not texts or any(not text.strip() for text in texts):
        return [problem_of(field, "there is nothing to run", "give a command")]
    if isinstance(payload.body, Line) and "\n" in payload.body.command.strip("\n"):
        return [problem_of(field, "it has several lines", "give it as a script")]
    if sum(len(text) for text in texts) > LONGEST_SCRIPT:
        return [problem_of(field, "it is longer than 512 KiB", "put it into a file on the targets")]
    return [problem for text in texts for problem in validate_plain(text, field)]


def _environment(environment: Iterable[tuple[str, str]]) -> list[Problem]:
    problems: list[Problem] = []
    seen: set[str] = set()
    for name, value in environment:
        field = "command_payload.environment"
        if (found := name_problem(name)) is not None:
            problems.append(problem_of(field, *found))
        if name in seen:
            problems.append(problem_of(field, f"{name[:80]} is there twice", "leave one out"))
        seen.add(name)
        problems.extend(validate_plain(value, field))
        if len(value.encode("utf-8", "replace")) > LARGEST_VALUE:
            problems.append(problem_of(field, f"the value of {name[:80]} is longer than 100 KiB", "put it into a file"))
    return problems


def _working_directory(folder: str | None) -> list[Problem]:
    field = "command_payload.working_directory"
    if folder is None:
        return []
    if not folder.strip():
        return [problem_of(field, "it is blank", "give a path, or leave it out for the login's home")]
    if len(folder) > 4096:
        return [problem_of(field, "it is longer than 4096 characters", "give a shorter path")]
    return validate_plain(folder, field)


def _account(payload: CommandPayload) -> list[Problem]:
    problems = []
    if payload.tty and payload.durable:
        problems.append(
            problem_of("command_payload.tty", "a durable run can have no terminal", "leave one of them out")
        )
    if payload.umask is not None and not 0 <= payload.umask <= 0o777:
        problems.append(problem_of("command_payload.umask", "it is no umask", "give three octal digits, such as 027"))
    return problems


def _success_codes(codes: frozenset[int]) -> list[Problem]:
    field = "command_payload.success_codes"
    if not codes:
        return [problem_of(field, "no exit code would be a success", "give at least one, such as 0")]
    if any(not 0 <= code < 2**32 for code in codes):
        return [problem_of(field, "an exit code is out of range", "give numbers from 0 to 4294967295")]
    return []
