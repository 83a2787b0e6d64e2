"""Reading a form's fields one after the other, with every problem kept. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from deployx_tui.errors import InvalidInput, Problem

T = TypeVar("T")


class FieldReader:
    """Reads field after field, keeps every problem, and goes on with what stands in for a field that is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, field: str, read: Callable[[], T], instead: T) -> T:
        try:
            return read()
        except InvalidInput as error:
            self.problems.extend(replace_field(problem, field) for problem in error.problems)
            return instead

    def number(self, field: str, text: str, most: int, instead: int) -> int:
        """A whole number from 0 on."""
        typed = text.strip()
        if typed.isascii() and typed.isdigit() and len(typed) <= 9 and int(typed) <= most:
            return int(typed)
        self.problems.append(Problem(field=field, message=f"{typed!r} is no number here", remedy=f"write 0 to {most}"))
        return instead


def replace_field(problem: Problem, field: str) -> Problem:
    """The problem under the form's own field name."""
    return Problem(field=field, message=problem.message, remedy=problem.remedy)
