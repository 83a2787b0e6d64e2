"""Instants as the tables keep them: integer epoch milliseconds, UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


def to_ms(instant: datetime) -> int:
    """Of an aware instant; exact (a float would be off by one now and then), rounded down to the millisecond."""
    return (instant - _EPOCH) // _MILLISECOND


def from_ms(value: int) -> datetime:
    """Aware, UTC."""
    return _EPOCH + value * _MILLISECOND
