"""Artifacts: a row for each version under each name. Their contents lie in a folder, `store/contents`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from deployx_tui.store.schema.base import Ms, id_column, metadata

artifacts = Table(
    "artifacts",
    metadata,
    id_column(),
    Column("artifact_name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),  # file | tree
    Column("sha256", Text, nullable=False),  # hex
    Column("size", BigInteger, nullable=False),
    Column("files", Integer, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("metadata", Text, nullable=False, server_default="[]"),  # JSON: pairs of texts
    Column("owner_id", ForeignKey("users.id"), nullable=False),
    Column("created_at", Ms, nullable=False),
    Column("deleted_at", Ms),  # its number is never given again
    UniqueConstraint("artifact_name", "version", name="ux_artifacts_version"),
    Index("ix_artifacts_sha256", "sha256"),
    sqlite_autoincrement=True,
)
