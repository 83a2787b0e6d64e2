"""How a benchmark says what was wanted and what was found. Never an assertion: the machine may be busy."""

from __future__ import annotations


def say_goal(what: str, found: float, *, at_most: float | None = None, at_least: float | None = None) -> None:
    """One line: the goal, the figure, and whether it was met in this run."""
    if at_most is not None:
        print(f"  goal: {what} at most {at_most:g}: {found:.2f} {_verdict(found <= at_most)}")
    if at_least is not None:
        print(f"  goal: {what} at least {at_least:g}: {found:.2f} {_verdict(found >= at_least)}")


def _verdict(met: bool) -> str:
    return "(met)" if met else "(MISSED)"
