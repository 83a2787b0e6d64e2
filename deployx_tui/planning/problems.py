"""What the rules of several nouns ask: texts, ids, accounts. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from deployx_tui.errors import Problem
from deployx_tui.model.hosts import is_login
from deployx_tui.model.payload import RunAs

#: one request of the API holds it, with room to spare
LONGEST_SCRIPT = 512 * 1024
#: what a path on a target may have, in characters
LONGEST_PATH = 4096

_LOGIN = ("it is not a login name", "use letters, digits, . _ @ + and -, up to 64")


def problem_of(field: str, message: str, remedy: str) -> Problem:
    return Problem(field=field, message=message, remedy=remedy)


def validate_plain(text: str, field: str) -> list[Problem]:
    """Text that can cross to a target: no NUL, nothing that UTF-8 can't hold."""
    if "\0" in text:
        return [problem_of(field, "it holds a NUL character", "take it out")]
    try:
        text.encode()
    except UnicodeEncodeError:
        return [problem_of(field, "it holds bytes that are not UTF-8", "give valid UTF-8 text")]
    return []


def validate_ids(field: str, given: Iterable[int], known: Iterable[int]) -> list[Problem]:
    """Ids of what is not there, or is not theirs to see: the same words for both."""
    unknown = sorted(set(given) - set(known))
    return [unknown_ids(field, unknown)] if unknown else []


def unknown_ids(field: str, unknown: Iterable[int]) -> Problem:
    return problem_of(field, f"there is none with id {', '.join(map(str, unknown))}", "leave out what is gone")


def validate_login(name: str | None, field: str) -> list[Problem]:
    """An account or a group of accounts on a target; None is none."""
    return [] if name is None or is_login(name) else [problem_of(field, *_LOGIN)]


def validate_run_as(run_as: RunAs | None, field: str) -> tuple[Problem, ...]:
    return () if run_as is None else tuple(validate_login(run_as.user, field))
