"""The filter line of the history: words, `status:` and `on:`. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.outcome_words import run_named
from deployx_tui.tui.render.history import FAILURES

_S = ExecutionStatus
#: words that people write beside those of the states
_ALIASES: dict[str, frozenset[ExecutionStatus]] = {
    "good": frozenset({_S.SUCCEEDED}),
    "bad": FAILURES,
    "alive": frozenset({_S.QUEUED, _S.WAITING, _S.AWAITING_APPROVAL, _S.RUNNING}),
}


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What the line says."""

    text: str = ""
    statuses: frozenset[ExecutionStatus] = frozenset()
    #: a device's name
    on: str | None = None
    #: what could not be read, a sentence; "" when all could
    problem: str = ""


def parse_run_filter(text: str) -> RunFilter:
    """Read the line; a term whose value is not complete yet filters nothing."""
    words: list[str] = []
    statuses: frozenset[ExecutionStatus] = frozenset()
    on: str | None = None
    problem = ""
    for term in text.split():
        name, colon, value = term.partition(":")
        if not colon or name not in ("status", "on"):
            words.append(term)
        elif name == "on":
            on = value or on
        elif value in _ALIASES:
            statuses |= _ALIASES[value]
        elif (status := run_named(value)) is not None:
            statuses |= {status}
        elif value:
            problem = f"status:{value} is none: succeeded partly failed bad cancelled missed skipped lost alive"
    return RunFilter(" ".join(words), statuses, on, problem)
