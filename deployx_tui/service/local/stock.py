"""What is there of the artifacts and packages that payloads name."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from deployx_tui.model.payloads import NO_STOCK, Payload, Stock


def stock_of(c: Connection, payloads: Iterable[Payload]) -> Stock:
    """One lookup for all of them. Nothing is stored of either yet, so that each id is unknown."""
    del c, payloads
    return NO_STOCK
