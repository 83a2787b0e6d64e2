"""Options that more than one command takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

#: what a present value is taken away with
NONE = "none"

#: what click.option gives; it takes a function or a command
Decorator = Callable[[Any], Any]


def together(*options: Decorator) -> Decorator:
    """One decorator of several, in the order in which help shows them."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def listed(values: Sequence[str]) -> tuple[str, ...]:
    """What an option that was given several times says: `none`, or an empty word, alone says that there is nothing."""
    return () if len(values) == 1 and values[0] in (NONE, "") else tuple(values)
