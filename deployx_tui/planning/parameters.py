"""Whether parameters can be meant as they are declared, and what a run gives for them. Pure.

A declaration's problems have fields such as `parameters.0.default`; those of what is given at a start
`parameters.NAME`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.parameter import (
    LARGEST_TOGETHER,
    Parameter,
    ParameterType,
    SecretRef,
    Value,
    parameter_name_problem,
    read_value,
    refuse_uncarriable,
)
from deployx_tui.model.parameter_json import MOST_PARAMETERS
from deployx_tui.model.payload import CommandPayload
from deployx_tui.model.payloads import Payload
from deployx_tui.planning.names import validate_name, validate_prose

#: a list that a person chooses from
MOST_CHOICES = 200
#: what separates choices and defaults where they are typed in one text
_SIGNS = (",", "=")


def validate_parameters(payload: Payload) -> tuple[Problem, ...]:
    """Problems of what is declared."""
    problems: list[Problem] = []
    if len(payload.parameters) > MOST_PARAMETERS:
        remedy = f"declare at most {MOST_PARAMETERS}"
        problems.append(_problem("parameters", f"there are {len(payload.parameters)} of them", remedy))
    taken = {name for name, _ in _environment(payload)}
    seen: set[str] = set()
    for number, each in enumerate(payload.parameters[:MOST_PARAMETERS]):
        field = f"parameters.{number}"
        if (found := parameter_name_problem(each.name)) is not None:
            problems.append(_problem(f"{field}.name", *found))
        elif each.name in seen:
            problems.append(_problem(f"{field}.name", f"{each.name} is there twice", "leave one out"))
        elif each.name in taken:
            problems.append(
                _problem(f"{field}.name", f"{each.name} is in the environment too", "leave it out of one of them")
            )
        seen.add(each.name)
        problems += _choices(each, field)
        problems += _default(each, field)
        problems += validate_prose(each.description, f"{field}.description", limit=400)
    return tuple(problems)


def _choices(parameter: Parameter, field: str) -> list[Problem]:
    field = f"{field}.choices"
    named = parameter.name[:80]
    if parameter.type is not ParameterType.CHOICE:
        if not parameter.choices:
            return []
        return [_problem(field, f"{named} is no choice", "leave them out, or make it a choice")]
    if not parameter.choices:
        return [_problem(field, f"{named} has nothing to choose from", "give for example blue,green")]
    if len(parameter.choices) > MOST_CHOICES:
        return [
            _problem(field, f"{named} has {len(parameter.choices)}", f"give at most {MOST_CHOICES}, or make it a text")
        ]
    if len(set(parameter.choices)) != len(parameter.choices):
        return [_problem(field, f"{named} has a choice twice", "leave one out")]
    problems = [problem for choice in parameter.choices for problem in validate_name(choice, field, limit=200)]
    if any(sign in choice for choice in parameter.choices for sign in _SIGNS):
        problems.append(_problem(field, f"a choice of {named} holds a comma or =", "make it a text"))
    return problems


def _default(parameter: Parameter, field: str) -> list[Problem]:
    if parameter.default is None:
        return []
    field = f"{field}.default"
    if parameter.required:
        message = f"{parameter.name[:80]} is required and has a default"
        return [_problem(field, message, "leave one out: a default is an answer")]
    try:
        read_value(parameter, parameter.default, field)
    except InvalidInput as error:
        return [
            _problem(field, f"{parameter.name[:80]}: {problem.message}", problem.remedy) for problem in error.problems
        ]
    return []


def unanswered(payload: Payload) -> tuple[str, ...]:
    """Names of parameters for which a run that nobody starts has no value."""
    return tuple(each.name for each in payload.parameters if each.required)


def takes_secret(payload: Payload, given: Mapping[str, str]) -> bool:
    """Whether a run gives a secret to its command."""
    return any(each.type is ParameterType.SECRET and given.get(each.name, each.default) for each in payload.parameters)


def files_of(payload: Payload, given: Mapping[str, str]) -> tuple[str, ...]:
    """The paths that `resolve_values` will ask for; what is given wrongly is told there."""
    paths = (given.get(each.name, each.default) for each in payload.parameters if each.type is ParameterType.FILE)
    return tuple(path for path in paths if path)


def resolve_values(
    payload: Payload,
    given: Mapping[str, str],
    read_file: Callable[[str], str],
    find_secret: Callable[[str], SecretRef],
) -> tuple[Value, ...]:
    """What a run gives for every declared parameter, in their order. InvalidInput lists every problem.

    `read_file`: the content of a file where the engine runs; `find_secret`: what a credential's name means now. Both
    raise InvalidInput with any field.
    """
    problems: list[Problem] = []
    values: list[Value] = []
    declared = {each.name: each for each in payload.parameters}
    for name in given:
        if name not in declared:
            near = difflib.get_close_matches(name[:80], declared, n=1)
            known = f"it has {', '.join(declared)}"[:400] if declared else "it has none: declare it with the task first"
            problems.append(
                _problem(_field(name), "there is no such parameter", f"did you mean {near[0]}?" if near else known)
            )
    for parameter in payload.parameters:
        try:
            values.append(_value(parameter, given.get(parameter.name), read_file, find_secret))
        except InvalidInput as error:
            problems += error.problems
    size = sum(len(each.value.encode()) for each in values) + sum(
        len(value.encode("utf-8", "replace")) for _, value in _environment(payload)
    )
    if size > LARGEST_TOGETHER and not problems:
        message = f"with the environment they have {size} bytes; {LARGEST_TOGETHER} are the limit"
        problems.append(_problem("parameters", message, "put large values into files on the targets"))
    if problems:
        raise InvalidInput(problems)
    return tuple(values)


def _value(
    parameter: Parameter,
    given: str | None,
    read_file: Callable[[str], str],
    find_secret: Callable[[str], SecretRef],
) -> Value:
    field, name, is_default = _field(parameter.name), parameter.name, given is None
    text = parameter.default if given is None else given
    if not text and parameter.required:
        raise InvalidInput.of(field, "it has no value", f"give one: --param {parameter.name}=VALUE")
    if text is None or (not text and parameter.type is ParameterType.TEXT):
        value = "false" if parameter.type is ParameterType.BOOLEAN else ""
        return Value(name=name, value=value, is_default=is_default)
    read = read_value(parameter, text, field)
    try:
        match parameter.type:
            case ParameterType.SECRET:
                return Value(name=name, value="", secret=find_secret(read), is_default=is_default)
            case ParameterType.FILE:
                content = read_file(read)
                refuse_uncarriable(content, field)
                return Value(name=name, value=content, file=read, is_default=is_default)
            case _:
                return Value(name=name, value=read, is_default=is_default)
    except InvalidInput as error:
        raise InvalidInput(_problem(field, problem.message, problem.remedy) for problem in error.problems) from error


def _environment(payload: Payload) -> tuple[tuple[str, str], ...]:
    return payload.environment if isinstance(payload, CommandPayload) else ()


def _field(name: str) -> str:
    return f"parameters.{name[:80]}"


def _problem(field: str, message: str, remedy: str) -> Problem:
    return Problem(field=field, message=message, remedy=remedy)
