"""The scripts that a target is sent for files: the functions of files.sh and calls of them. Pure.

Everything given to a call is a quoted word, so nothing that a name holds is ever looked into by a shell.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable, Iterator
from functools import cache

from deployx_tui.transports.posix.wrapper import quote

#: what every line of an answer begins with
MARK = b"dxf "
#: bytes of calls in one script: with the functions, well below what a start can carry
_CALLS = 256 * 1024


@cache
def _functions() -> str:
    source = importlib.resources.files(__package__).joinpath("files.sh").read_text(encoding="utf-8")
    lines = [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(lines) + "\n"


def call(function: str, *words: str | int) -> str:
    """One line: a function of files.sh and what it is given."""
    return " ".join((function, *(quote(str(word)) for word in words))) + "\n"


def script(calls: str) -> str:
    return f"{_functions()}dx_begin\n{calls}printf 'dxf end\\n'\n"


def scripts(calls: Iterable[str]) -> Iterator[str]:
    """As few scripts as may carry them all, in order."""
    held: list[str] = []
    size = 0
    for line in calls:
        length = len(line.encode("utf-8", "surrogateescape"))
        if held and size + length > _CALLS:
            yield script("".join(held))
            held, size = [], 0
        held.append(line)
        size += length
    if held:
        yield script("".join(held))
