"""How a run on one target ends before its end: raised by any step in this package, caught by its two entries."""

from __future__ import annotations

from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.fact_words import sized as large
from deployx_tui.model.words import counted
from deployx_tui.runners.command import RunFacts

#: characters of a target's own words in a message
MOST_WORDS = 400
#: paths that a message names
MOST_PATHS = 5


class Stopped(Exception):
    """`changed` of its facts is not known here: the entry fills it in."""

    def __init__(self, facts: RunFacts) -> None:
        super().__init__(facts.message)
        self.facts = facts
        #: what the target had answered to the script that was stopped
        self.heard: list[list[str]] = []
        #: what becomes of what was changed before, behind its count; "": nothing more is said
        self.left = ""
        #: nobody can tell whether the change was made at which it stopped
        self.is_unsure = False


def failed(cause: Cause, message: str) -> Stopped:
    return Stopped(RunFacts(state=TargetState.FAILED, cause=cause, message=message))


def bounded(text: str, most: int = MOST_WORDS) -> str:
    """A target's words, as much as a message holds, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def listed(paths: list[str]) -> str:
    """The first of them, and how many more there are."""
    shown = ", ".join(bounded(path, 200) for path in paths[:MOST_PATHS])
    more = len(paths) - MOST_PATHS
    return f"{shown} and {more} more" if more > 0 else shown


def sized(count: int) -> str:
    """ "812 bytes", "3.9 GiB"."""
    return large(count) if count >= 1024 else counted(count, "byte")
