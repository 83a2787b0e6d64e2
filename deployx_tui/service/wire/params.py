"""Query parameters: read strictly, every problem told, and written for the same reader."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from deployx_tui.errors import MOST_PROBLEMS, InvalidInput, Problem, told
from deployx_tui.model.execution import ExecutionQuery, ExecutionStatus
from deployx_tui.model.ids import DeviceId, GroupId, TaskId, id_of
from deployx_tui.model.parse import parse_instant
from deployx_tui.model.payload import TaskType
from deployx_tui.model.task import TaskQuery, TaskSort, TaskState
from deployx_tui.service.wire import values
from deployx_tui.service.wire.executions import execution_word
from deployx_tui.service.wire.tasks import TASK_WORDS

E = TypeVar("E", bound=StrEnum)

Params = list[tuple[str, str]]

MAX_LIMIT = 1000

_SPACE_FOR_PLUS = re.compile(r"(T\d\d:\d\d(?::[\d.]+)?) (\d\d:?\d\d)$")


class ParamReader:
    """The parameters of one request; `finish` raises InvalidInput with every problem (fields are `?name`)."""

    def __init__(self, given: Iterable[tuple[str, str]]) -> None:
        self._given: dict[str, list[str]] = {}
        for name, value in given:
            self._given.setdefault(name, []).append(value)
        self._asked: set[str] = set()
        self._problems: list[Problem] = []

    def has(self, name: str) -> bool:
        self._asked.add(name)
        return name in self._given

    def problem(self, name: str, message: str, remedy: str) -> None:
        self._problems.append(Problem(field=f"?{name}", message=message, remedy=remedy))

    def text(self, name: str) -> str | None:
        self._asked.add(name)
        found = self._given.get(name)
        if found is None:
            return None
        if len(found) > 1:
            self.problem(name, "it is there more than once", "give it once")
        return found[-1]

    def number(self, name: str, default: int, low: int, high: int) -> int:
        found = self.number_or_none(name, low, high)
        return default if found is None else found

    def number_or_none(self, name: str, low: int = 1, high: int = 2**63 - 1) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        digits = value.removeprefix("-") if low < 0 else value
        if digits.isascii() and digits.isdigit() and len(digits) < 20 and low <= int(value) <= high:
            return int(value)
        self.problem(name, f"{value[:40]!r} is not allowed", f"give a whole number from {low} to {high}")
        return None

    def id(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        found = id_of(value)
        if found is None:
            self.problem(name, f"{value[:40]!r} is not an id", "give a positive whole number, digits only")
        return found

    def flag(self, name: str) -> bool:
        value = self.text(name)
        if value not in (None, "true", "false", "1", "0"):
            self.problem(name, f"{value[:40]!r} is neither true nor false", "say true or false")
        return value in ("true", "1")

    def seconds(self, name: str, high: float) -> float | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if 0 <= seconds <= high:
            return seconds
        self.problem(name, f"{value[:40]!r} is not allowed", f"give seconds from 0 to {high:g}")
        return None

    def choice(self, name: str, words: tuple[str, ...]) -> str | None:
        value = self.text(name)
        return None if value is None else self._one(name, value, words)

    def choices(self, name: str, words: tuple[str, ...]) -> tuple[str, ...]:
        """The parameter any number of times."""
        self._asked.add(name)
        found = (self._one(name, value, words) for value in self._given.get(name, []))
        return tuple(word for word in found if word is not None)

    def word(self, name: str, words: type[E]) -> E | None:
        chosen = self.choice(name, tuple(member.value for member in words))
        return None if chosen is None else words(chosen)

    def words(self, name: str, words: type[E]) -> frozenset[E]:
        return frozenset(words(chosen) for chosen in self.choices(name, tuple(member.value for member in words)))

    def instant(self, name: str) -> datetime | None:
        """ISO 8601; naive is UTC."""
        value = self.text(name)
        if value is None:
            return None
        try:
            # a plus sign that a client forgot to escape arrives as a space
            return parse_instant(_SPACE_FOR_PLUS.sub(r"\1+\2", value), "UTC", f"?{name}")
        except InvalidInput as error:
            self._problems += error.problems
            return None

    def day(self, name: str) -> date | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.problem(name, f"{value[:40]!r} is not a date", "say YYYY-MM-DD")
            return None

    def finish(self) -> None:
        known = ", ".join(sorted(self._asked)) or "none here"
        for name in (name[:80] for name in self._given if name not in self._asked):
            near = self._near(name, self._asked)
            remedy = f"did you mean {near}?" if near else f"known parameters: {known}"
            self.problem(name, "there is no such parameter", remedy)
        if self._problems:
            raise InvalidInput(told(self._problems))

    def _one(self, name: str, value: str, words: tuple[str, ...]) -> str | None:
        if value in words:
            return value
        near = self._near(value[:80], words)
        self.problem(
            name,
            f"{value[:40]!r} is not one of its words",
            f"did you mean {near}?" if near else f"say {', '.join(words)}",
        )
        return None

    def _near(self, typed: str, words: Iterable[str]) -> str | None:
        """What was meant; not looked for beyond the problems that are told."""
        if len(self._problems) >= MOST_PROBLEMS:
            return None
        return next(iter(difflib.get_close_matches(typed, [*words], n=1)), None)


# ---- which tasks


def task_query_to_params(query: TaskQuery) -> Params:
    return _present(
        ("q", query.text or None),
        ("state", query.state),
        ("last_outcome", query.last_status),
        ("owner", query.owner),
        ("device_id", query.device_id),
        ("group_id", query.group_id),
        ("tag", query.tag),
        ("due_before", values.instant(query.due_before)),
        ("sort", query.sort),
        ("descending", "true" if query.descending else "false"),
        ("limit", query.limit),
        ("cursor", query.cursor),
    )


def task_query_from_params(reader: ParamReader) -> tuple[TaskQuery, str | None, TaskType | None]:
    """The query, and two filters that the door does not have: the contract's `status` word and `task_type`.

    Without `sort` the newest comes first, as the contract says.
    """
    sort = reader.word("sort", TaskSort)
    device, group = reader.id("device_id"), reader.id("group_id")
    query = TaskQuery(
        text=reader.text("q") or "",
        state=reader.word("state", TaskState),
        last_status=reader.word("last_outcome", ExecutionStatus),
        owner=reader.text("owner"),
        device_id=None if device is None else DeviceId(device),
        group_id=None if group is None else GroupId(group),
        tag=reader.text("tag"),
        due_before=reader.instant("due_before"),
        sort=TaskSort.CREATED if sort is None else sort,
        descending=reader.flag("descending") if reader.has("descending") else sort is None,
        limit=reader.number("limit", 100, 1, MAX_LIMIT),
        cursor=reader.text("cursor"),
    )
    return query, reader.choice("status", TASK_WORDS), reader.word("task_type", TaskType)


# ---- which executions


def execution_query_to_params(query: ExecutionQuery) -> Params:
    return [
        *_present(
            ("task_id", query.task_id),
            ("device_id", query.device_id),
            ("since", values.instant(query.since)),
            ("until", values.instant(query.until)),
            ("q", query.text or None),
            ("limit", query.limit),
            ("cursor", query.cursor),
        ),
        *(("outcome", status.value) for status in sorted(query.statuses)),
    ]


def execution_query_from_params(
    reader: ParamReader, *, task: TaskId | None = None, default_limit: int = 100
) -> ExecutionQuery:
    """`status` takes the contract's words, `outcome` the exact ones; both may be there several times."""
    number = None if task is not None else reader.id("task_id")
    device = reader.id("device_id")
    words = reader.choices("status", EXECUTION_WORDS)
    return ExecutionQuery(
        task_id=task if number is None else TaskId(number),
        statuses=reader.words("outcome", ExecutionStatus) | statuses_of(words),
        device_id=None if device is None else DeviceId(device),
        since=reader.instant("since"),
        until=reader.instant("until"),
        text=reader.text("q") or "",
        limit=reader.number("limit", default_limit, 1, MAX_LIMIT),
        cursor=reader.text("cursor"),
    )


EXECUTION_WORDS = ("pending", "running", "completed", "failed", "cancelled")


def statuses_of(words: Iterable[str]) -> frozenset[ExecutionStatus]:
    """Every exact status that reads as one of these words for an execution that has not started, or has."""
    wanted = frozenset(words)
    return frozenset(
        status
        for status in ExecutionStatus
        if wanted & {execution_word(status, started=False), execution_word(status, started=True)}
    )


def _present(*pairs: tuple[str, object]) -> Params:
    return [(name, str(value)) for name, value in pairs if value is not None]
