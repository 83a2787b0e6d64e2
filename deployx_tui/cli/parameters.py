"""Parameters on the command line: their declarations, their values for a run, and both as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from deployx_tui.cli import printing
from deployx_tui.errors import InvalidInput

if TYPE_CHECKING:
    from deployx_tui.model.parameter import Parameter, Value

DECLARES = (
    "Declare a parameter, its name in capitals such as PORT; text unless its type says "
    "number, boolean, file or secret (a credential's name); "
    "NAME:choice:A,B=A for a choice. "
    "Without =DEFAULT each run must give it. Again for more."
)
GIVES = "A value for a parameter of the task, in place of its default; again for more."


def declared(
    texts: Sequence[str], about: Sequence[str] = (), dropped: Sequence[str] = (), base: Sequence[Parameter] = ()
) -> tuple[Parameter, ...]:
    """`base` with what was typed: declared anew or in addition, described, dropped. InvalidInput by field."""
    from dataclasses import replace

    from deployx_tui.model.parameter import parse_declaration
    from deployx_tui.model.parse import parse_assignment

    found = {each.name: each for each in base}
    for name in dropped:
        if found.pop(name, None) is None:
            raise InvalidInput.of("--no-param", f"there is no parameter {name[:80]}", _known(found))
    seen: set[str] = set()
    for text in texts:
        name = text.partition("=")[0].partition(":")[0]
        if name in seen:
            raise InvalidInput.of("--param", f"{name[:80]} is there twice", "leave one out")
        seen.add(name)
        found[name] = parse_declaration(text, found.get(name), "--param")
    for text in about:
        name, words = parse_assignment(text, "--param-help")
        if name not in found:
            raise InvalidInput.of("--param-help", f"there is no parameter {name[:80]}", _known(found))
        found[name] = replace(found[name], description=words)
    return tuple(found.values())


def _known(names: Iterable[str]) -> str:
    return f"it has {', '.join(names)}" if names else "declare it with --param"


def given(texts: Iterable[str]) -> dict[str, str]:
    """Values by name. InvalidInput by flag."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInput.of("--param", f"{text[:80]!r} is not NAME=VALUE", "say REGION=eu; a type has its task")
        if name in found:
            raise InvalidInput.of("--param", f"{name[:80]} is there twice", "leave one out")
        found[name] = value
    return found


def put_declared(parameters: Sequence[Parameter]) -> None:
    """What a run may give; nothing when there is nothing."""
    if not parameters:
        return
    printing.put_line()
    printing.put_table(
        ("PARAMETER", "TYPE", "DEFAULT", "ABOUT"),
        (
            (
                each.name,
                each.type.value + (f": {' | '.join(each.choices)}" if each.choices else ""),
                "(required)" if each.required else (each.default or "-"),
                each.description or "-",
            )
            for each in parameters
        ),
    )


def put_given(values: Sequence[Value]) -> None:
    """What a run gave to its command, and whether somebody chose it; nothing when it has no parameters."""
    from deployx_tui.model.parameter import value_words

    if not values:
        return
    printing.put_line()
    printing.put_table(
        ("PARAMETER", "VALUE", "FROM"),
        ((each.name, value_words(each), "default" if each.is_default else "given") for each in values),
    )
