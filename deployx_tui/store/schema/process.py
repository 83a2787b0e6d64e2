"""Engines, who serves this database, the numbered events, and settings kept in the database."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text

from deployx_tui.store.schema.base import Id, Ms, metadata

engines = Table(
    "engines",
    metadata,
    Column("id", Text, primary_key=True),
    Column("boot_id", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_start", BigInteger),  # of that pid, in the system's own count; NULL where it does not tell
    Column("started_at", Ms, nullable=False),
    Column("beat", BigInteger, nullable=False),  # grows by one at each beat; compared, never subtracted from now
    Column("beat_at", Ms, nullable=False),
    Column("sites", Text, nullable=False, server_default="local"),
    sqlite_with_rowid=False,
)

#: on SQLite: who serves this database; one row
holder = Table(
    "holder",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("engine_id", Text, nullable=False),
    Column("socket", Text, nullable=False),
    Column("since", Ms, nullable=False),
    CheckConstraint("id = 1", name="one_holder"),
)

events = Table(
    "events",
    metadata,
    Column("number", Id, primary_key=True, autoincrement=True),
    Column("type", Text, nullable=False),
    Column("at", Ms, nullable=False),
    Column("task_id", BigInteger),
    Column("execution_id", BigInteger),
    Column("facts", Text, nullable=False, server_default="[]"),
    Index("ix_events_at", "at"),
    sqlite_autoincrement=True,
)

#: one row: the uuid of this database's event stream
event_stream = Table(
    "event_stream",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", Text, nullable=False),
    CheckConstraint("id = 1", name="one_stream"),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
