"""Cursors: where a page ended, by key. Opaque to everyone else, and only good for the query that gave them."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TypeAlias

from deployx_tui.errors import InvalidInput

#: what a cursor holds: the values of the order's columns
Key: TypeAlias = "tuple[int | str | None, ...]"

#: the most that a page holds, whatever was asked
MOST = 1000


def cursor_of(order: str, key: Key) -> str:
    """`order` names the query's order; a cursor of another one is refused."""
    plain = json.dumps([order, *key], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(plain).decode().rstrip("=")


def key_of(cursor: str, order: str, length: int) -> Key:
    """What `cursor_of` was given; InvalidInput (field `cursor`) when it is none, or of another order."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        values = None
    if (
        not isinstance(values, list)
        or len(values) != length + 1
        or values[0] != order
        or not all(value is None or (isinstance(value, int | str) and value is not True) for value in values)
    ):
        raise InvalidInput.of("cursor", "it is not a cursor of this list", "take next_cursor of the page before")
    return tuple(values[1:])


def checked_limit(limit: int) -> int:
    """`limit` itself; InvalidInput when it is not 1 to 1000."""
    if not 1 <= limit <= MOST:
        raise InvalidInput.of("limit", f"{limit} is out of range", f"give 1 to {MOST}")
    return limit
