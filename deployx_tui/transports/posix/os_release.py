"""os-release(5): a file of assignments that a shell could read. Pure.

A value is what sh would make of it, as far as the page allows: bare words, single and double quotes, backslashes before
what a shell treats specially. A line that only a shell could decide (an expansion, a list of commands) says nothing.
"""

from __future__ import annotations

import re

_LINE = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_]*)=(.*)")
#: in a bare word these expand, or end it and begin something else
_UNDECIDED = frozenset("$`;&|<>()~")
#: before these a backslash in double quotes is one; before others it stands for itself
_ESCAPED = frozenset('$`"\\')


def parse(text: str) -> dict[str, str]:
    """Name -> value; the last of several counts, as for a shell. Lines that are no assignment are left out."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        assigned = _LINE.match(line.rstrip("\r"))
        if assigned is None:
            continue
        value = _value(assigned[2])
        if value is None:
            # what it is now, only a shell knows
            found.pop(assigned[1], None)
        else:
            found[assigned[1]] = value
    return found


def _value(text: str) -> str | None:
    """What a shell would assign; None when this is not to be decided without one."""
    made: list[str] = []
    rest = text
    while rest:
        character, rest = rest[0], rest[1:]
        match character:
            case "'":
                inside, closed, rest = rest.partition("'")
                if not closed:
                    return None
                made.append(inside)
            case '"':
                quoted = _in_quotes(rest)
                if quoted is None:
                    return None
                inside, rest = quoted
                made.append(inside)
            case "\\":
                if not rest:
                    return None  # it goes on in the next line
                made.append(rest[0])
                rest = rest[1:]
            case " " | "\t":
                # what follows is a command, but for blanks and a comment
                left = rest.strip(" \t")
                return "".join(made) if not left or left.startswith("#") else None
            case _ if character in _UNDECIDED:
                return None
            case _:
                made.append(character)
    return "".join(made)


def _in_quotes(text: str) -> tuple[str, str] | None:
    """(what stands before the closing double quote, what follows it)."""
    made: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == '"':
            return "".join(made), text[at + 1 :]
        if character in "$`":
            return None
        if character == "\\":
            if at + 1 == len(text):
                return None
            following = text[at + 1]
            made.append(following if following in _ESCAPED else character + following)
            at += 2
            continue
        made.append(character)
        at += 1
    return None
