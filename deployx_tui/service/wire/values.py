"""Small values both ways: instants, words, ids, and strict reading of what an engine sent.

Reading here is of our own engine's answers: anything odd means another version or another program, so it raises
`Garbled`, never InvalidInput. What people and foreign clients send is read by `model.codec` and `requests.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from deployx_tui.errors import InvalidInput, VersionMismatch
from deployx_tui.model.json_reader import JSON
from deployx_tui.model.page import Page

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

Json = dict[str, JSON]


class Garbled(VersionMismatch):
    """The other side answered something that this version does not understand."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the engine's answer can't be read ({what}): it is of another version; end it and start again"
        )


# ---- writing


def instant(at: datetime | None, zone: str | None = None) -> str | None:
    """ISO 8601 with offset, of `zone` (None: UTC)."""
    if at is None:
        return None
    return at.astimezone(UTC if zone is None else ZoneInfo(zone)).isoformat()


def items(values: Iterable[JSON]) -> list[JSON]:
    return list(values)


# ---- reading


def page_from_json(data: JSON, key: str, decode: Callable[[JSON], T]) -> Page[T]:
    page = fields(data)
    return Page(each(page, key, decode), text_or_none(page, "next_cursor"), number_or_none(page, "total"))


def fields(data: JSON) -> Json:
    if not isinstance(data, dict):
        raise Garbled("not an object")
    return data


def get(data: Json, key: str) -> JSON:
    try:
        return data[key]
    except KeyError:
        raise Garbled(f"no {key}") from None


def text(data: Json, key: str) -> str:
    value = get(data, key)
    if not isinstance(value, str):
        raise Garbled(f"{key} is no text")
    return value


def text_or_none(data: Json, key: str) -> str | None:
    return None if data.get(key) is None else text(data, key)


def number(data: Json, key: str) -> int:
    value = get(data, key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Garbled(f"{key} is no number")
    return value


def number_or_none(data: Json, key: str) -> int | None:
    return None if data.get(key) is None else number(data, key)


def flag(data: Json, key: str) -> bool:
    value = get(data, key)
    if not isinstance(value, bool):
        raise Garbled(f"{key} is neither true nor false")
    return value


def when(data: Json, key: str) -> datetime:
    """An instant, aware UTC."""
    try:
        at = datetime.fromisoformat(text(data, key))
    except ValueError:
        raise Garbled(f"{key} is no time") from None
    if at.tzinfo is None:
        raise Garbled(f"{key} has no offset")
    return at.astimezone(UTC)


def when_or_none(data: Json, key: str) -> datetime | None:
    return None if data.get(key) is None else when(data, key)


def day(data: Json, key: str) -> date:
    try:
        return date.fromisoformat(text(data, key))
    except ValueError:
        raise Garbled(f"{key} is no date") from None


def word(data: Json, key: str, words: type[E]) -> E:
    try:
        return words(text(data, key))
    except ValueError:
        raise Garbled(f"{key}: {data[key]!r} is new to this version") from None


def word_or_none(data: Json, key: str, words: type[E]) -> E | None:
    return None if data.get(key) is None else word(data, key, words)


def each(data: Json, key: str, decode: Callable[[JSON], T]) -> tuple[T, ...]:
    value = get(data, key)
    if not isinstance(value, list):
        raise Garbled(f"{key} is no list")
    return tuple(decode(item) for item in value)


def texts(data: Json, key: str) -> tuple[str, ...]:
    return each(data, key, _text)


def numbers(data: Json, key: str) -> tuple[int, ...]:
    return each(data, key, _number)


def row(value: JSON, length: int) -> list[JSON]:
    """A fixed-length list."""
    if not isinstance(value, list) or len(value) != length:
        raise Garbled("a row of another length")
    return value


def _text(value: JSON) -> str:
    if not isinstance(value, str):
        raise Garbled("no text in a list of texts")
    return value


def _number(value: JSON) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Garbled("no number in a list of numbers")
    return value


def theirs(what: str, read: Callable[[], T]) -> T:
    """What a reader of people's input makes of an engine's answer. Garbled, where it would refuse a person."""
    try:
        return read()
    except InvalidInput as error:
        raise Garbled(f"{what}: {error}") from error
