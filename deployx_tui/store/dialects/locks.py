"""Locks that one transaction holds, by name."""

from __future__ import annotations

import zlib

from sqlalchemy import Connection, text


def try_lock(c: Connection, name: str) -> bool:
    """Whether this transaction has the lock of that name now. A SQLite write transaction excludes all others anyway."""
    if c.dialect.name == "sqlite":
        return True
    key = zlib.crc32(name.encode())
    return bool(c.scalar(text("SELECT pg_try_advisory_xact_lock(x'64707800'::int, :key)"), {"key": key - (1 << 31)}))
