"""Reads a JSON object field by field and collects what is wrong, so that a person sees every problem at once."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias, TypeVar

from deployx_tui.errors import MOST_PROBLEMS, InvalidInput, Problem, told
from deployx_tui.model.ids import BIGGEST_ID, id_of
from deployx_tui.model.parse import instant_of, parse_instant

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


class Reader:
    """One JSON object. Readers of nested objects share the list of problems with their parent.

    A reading method returns None (or nothing) for an absent or null field, and also for a wrong one, after
    noting the problem; `finish` raises if there is any.
    """

    def __init__(self, data: JSON, path: str = "", problems: list[Problem] | None = None) -> None:
        self._path = path
        self._problems: list[Problem] = [] if problems is None else problems
        self._asked: set[str] = set()
        self._data: dict[str, JSON] = {}
        if isinstance(data, dict):
            self._data = data
        else:
            self.problem("", "it is not an object", "give a JSON object")

    def path(self, key: str) -> str:
        """The dotted wire name of a field of this object."""
        return ".".join(part for part in (self._path, key) if part)

    def problem(self, key: str, message: str, remedy: str) -> None:
        # a name may hold half of a surrogate pair, which no answer could be written with
        field = self.path(key).encode("utf-8", "backslashreplace").decode("utf-8")
        self._problems.append(Problem(field=field, message=message, remedy=remedy))

    def attempt(self, read: Callable[[], T], otherwise: T) -> T:
        """What `read` gives; `otherwise`, after noting its problems, when it raises InvalidInput."""
        try:
            return read()
        except InvalidInput as error:
            self._problems.extend(error.problems)
            return otherwise

    def close(self) -> None:
        """Note the fields that nobody asked for."""
        unknown = [key[:80] for key in self._data if key not in self._asked]
        known = f"known fields: {', '.join(sorted(self._asked))}"
        for number, key in enumerate(unknown):
            # finding what was meant takes a while, and nobody reads it of fields that are not told
            near = difflib.get_close_matches(key, self._asked, n=1) if number < MOST_PROBLEMS else []
            self.problem(key, "there is no such field", f"did you mean {near[0]}?" if near else known)

    def finish(self) -> None:
        """Close, then raise InvalidInput with every problem, if there is any."""
        self.close()
        if self._problems:
            # a nested reader may have been closed by its own caller before: each problem is told once
            raise InvalidInput(told(self._problems))

    # ---- fields

    def has(self, key: str) -> bool:
        return self._get(key) is not None

    def text(self, key: str, *, required: bool = False) -> str | None:
        value = self._get(key)
        if value is None and required:
            self.problem(key, "it is missing", "give a text")
        return value if value is None else self._text(key, value)

    def texts(self, key: str) -> list[str]:
        return [text for item in self.items(key) if (text := self._text(key, item)) is not None]

    def flag(self, key: str) -> bool | None:
        value = self._get(key)
        if value is None or isinstance(value, bool):
            return value
        self.problem(key, "it is not true or false", "give true or false")
        return None

    def number(self, key: str) -> int | None:
        value = self._get(key)
        return None if value is None else self._number(key, value)

    def numbers(self, key: str, *, required: bool = False) -> list[int]:
        if required and not self.has(key):
            self.problem(key, "it is missing", "give a list of whole numbers")
        return [number for item in self.items(key) if (number := self._number(key, item)) is not None]

    def ids(self, key: str) -> tuple[int, ...]:
        """Row ids, duplicates folded. Text of digits counts: clients of the original send it."""
        found = [number for item in self.items(key) if (number := self._id(key, item)) is not None]
        return tuple(dict.fromkeys(found))

    def id(self, key: str, what: str) -> int | None:
        """One row id that has to be there; `what` it is of, such as "an artifact"."""
        value = self._get(key)
        if value is None:
            self.problem(key, "it is missing", f"give the id of {what}")
            return None
        return self._id(key, value)

    def items(self, key: str) -> list[JSON]:
        value = self._get(key)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        self.problem(key, "it is not a list", "give a list")
        return []

    def mapping(self, key: str) -> dict[str, str]:
        value = self._get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.problem(key, "it is not an object", 'give {"NAME": "value"}')
            return {}
        result: dict[str, str] = {}
        for name, item in value.items():
            checked, text = self._text(key, name), self._text(f"{key}.{name[:80]}", item)
            if checked is not None and text is not None:
                result[checked] = text
        return result

    def object(self, key: str, *, required: bool = False) -> Reader | None:
        value = self._get(key)
        if value is None:
            if required:
                self.problem(key, "it is missing", "give an object")
            return None
        return Reader(value, self.path(key), self._problems)

    def nested(self, path: str, value: JSON) -> Reader:
        """A reader of one item of a list, `path` being its own below this object's."""
        return Reader(value, self.path(path), self._problems)

    def names(self) -> tuple[str, ...]:
        """Every field that is there, for an object whose names are a person's own."""
        return tuple(name for name in self._data if self._text(name[:80], name) is not None)

    def plain(self, key: str) -> str | None:
        """A text; a number or a boolean as the text that JSON has for it."""
        value = self._get(key)
        if value is None or isinstance(value, str):
            return value if value is None else self._text(key, value)
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        self.problem(key, "it is not a text", "give a text, a number, true or false")
        return None

    def seconds(self, key: str) -> timedelta | None:
        """A duration as a number of seconds, from 0 to ten years."""
        value = self._get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
            self.problem(key, "it is not a number of seconds", "give seconds, such as 3600")
            return None
        if not 0 <= value <= 3660 * 86400:
            self.problem(key, f"{_short(value)} is out of range", "give 0 to 316224000 seconds")
            return None
        return timedelta(seconds=value)

    def word(self, key: str, words: type[E], default: E) -> E:
        """A member of an enumeration."""
        chosen = self.choice(key, tuple(member.value for member in words))
        return default if chosen is None else words(chosen)

    def choice(self, key: str, words: tuple[str, ...]) -> str | None:
        value = self.text(key)
        if value is None or value in words:
            return value
        self.problem(key, f"{_short(value)} is not one of its words", f"say {', '.join(words)}")
        return None

    def instant(self, key: str, zone: str) -> datetime | None:
        """ISO 8601 (naive: wall time of `zone`), a bare date, or epoch seconds; aware UTC."""
        value = self._get(key)
        if value is None:
            return None
        field = self.path(key)
        if isinstance(value, str):
            return self.attempt(lambda: parse_instant(value, zone, field), None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return instant_of(datetime.fromtimestamp(value, UTC), zone, field)
            except (OverflowError, OSError, ValueError):
                self.problem(key, f"{_short(value)} is out of reach as epoch seconds", "give an ISO 8601 time")
                return None
            except InvalidInput as error:
                self._problems.extend(error.problems)
                return None
        self.problem(key, "it is not a time", "give ISO 8601, such as 2026-12-24T03:00:00+01:00")
        return None

    # ---- one value

    def _get(self, key: str) -> JSON:
        self._asked.add(key)
        return self._data.get(key)

    def _text(self, key: str, value: JSON) -> str | None:
        if not isinstance(value, str):
            self.problem(key, "it is not a text", "give a text")
            return None
        if any("\ud800" <= character <= "\udfff" for character in value):
            self.problem(key, "it holds bytes that are not UTF-8", "give valid UTF-8 text")
            return None
        if "\0" in value:
            self.problem(key, "it holds a NUL character", "leave the NUL out")
            return None
        return value

    def _id(self, key: str, value: JSON) -> int | None:
        number = id_of(value) if isinstance(value, str) else value
        if isinstance(number, int) and not isinstance(number, bool) and 0 < number <= BIGGEST_ID:
            return number
        self.problem(key, f"{_short(value)} is not an id", "give positive whole numbers")
        return None

    def _number(self, key: str, value: JSON) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= BIGGEST_ID:
            return value
        self.problem(key, f"{_short(value)} is not a whole number", "give whole numbers")
        return None


def _short(value: JSON) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
