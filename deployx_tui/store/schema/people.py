"""Who calls: accounts, and what they did."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from deployx_tui.store.schema.base import Id, Ms, id_column, metadata

users = Table(
    "users",
    metadata,
    id_column(),
    Column("username", Text, nullable=False, unique=True),
    Column("uid", Integer, unique=True),  # NULL: not a Unix account
    Column("role", Text, nullable=False),
    Column("disabled", Integer, nullable=False, server_default="0"),
    Column("created_at", Ms, nullable=False),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", Id, primary_key=True, autoincrement=True),
    Column("at", Ms, nullable=False),
    Column("engine_id", Text, nullable=False),
    Column("actor_id", BigInteger),
    Column("actor", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("noun", Text, nullable=False),
    Column("object_id", BigInteger),
    Column("outcome", Text, nullable=False),
    Column("changed", Text, nullable=False, server_default="[]"),  # JSON list of field names
    Column("detail", Text),  # JSON before and after; can be pruned
    Column("detail_sha256", Text),
    Column("request_id", Text, nullable=False),
    Index("ix_audit_object", "noun", "object_id", "sequence"),
    sqlite_autoincrement=True,
)
