"""Options that more than one command takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: what click.option gives; it takes a function or a command
Decorator = Callable[[Any], Any]


def together(*options: Decorator) -> Decorator:
    """One decorator of several, in the order in which help shows them."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
