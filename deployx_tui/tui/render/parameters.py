"""Parameters as lines: what a task declares, what a run gives. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from deployx_tui.model.parameter import Parameter, ParameterType, Value, value_words
from deployx_tui.tui.render.line import Line, line, span, spread

#: of names, before a list is only counted
_NAMED = 4


def kind_words(parameter: Parameter) -> str:
    """`choice of eu, us`."""
    if parameter.type is ParameterType.CHOICE:
        return f"choice of {', '.join(parameter.choices)}"
    return parameter.type.value


def default_words(parameter: Parameter) -> str:
    """What a run takes that is not told otherwise."""
    if parameter.required:
        return "each run gives it"
    if parameter.default is None:
        return "= false" if parameter.type is ParameterType.BOOLEAN else "= nothing"
    return f"= {parameter.default}"


def declared_line(parameter: Parameter) -> Line:
    """One declaration on one line."""
    return line(
        span(parameter.name, "bold"),
        "  ",
        span(default_words(parameter), "warn" if parameter.required else ""),
        "  ",
        span(kind_words(parameter), "dim"),
        *((span(f"  {parameter.description}", "dim"),) if parameter.description else ()),
    )


def declared_words(parameters: Sequence[Parameter]) -> str:
    """All of them on one line, for a table of facts."""
    return ", ".join(f"{each.name} {default_words(each)}" for each in parameters)


def value_lines(values: Sequence[Value], width: int, most: int = 6) -> tuple[Line, ...]:
    """What a run gave to its command, a line each: what somebody chose first; of many the first."""
    chosen_first = sorted(values, key=lambda each: each.is_default)
    rows = [
        spread(
            line("  ", span(each.name, "bold"), f" = {value_words(each) or '(nothing)'}"),
            line(span(" default " if each.is_default else " given ", "dim")),
            width,
        )
        for each in chosen_first[:most]
    ]
    left = len(values) - most
    return tuple(rows) if left <= 0 else (*rows, line(span(f"  … {left} more: deployx execution show", "dim")))


def given_lines(given: Iterable[tuple[str, str]]) -> tuple[Line, ...]:
    """What is given in place of defaults, a line each; of many the first."""
    rows = [line("  ", span(name, "bold"), f" = {value}") for name, value in given]
    more = len(rows) - _NAMED
    return tuple(rows) if more <= 0 else (*rows[:_NAMED], line(f"  and {more} more values"))
