"""The catalogue of packages, and what devices were seen to have of them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from deployx_tui.store.schema.base import Ms, id_column, metadata, partial_index

packages = Table(
    "packages",
    metadata,
    id_column(),
    Column("package_name", Text, nullable=False),
    Column("version", Text),  # NULL: any
    Column("category", Text, nullable=False, server_default=""),
    Column("is_active", Integer, nullable=False, server_default="1"),
    Column("body", Text, nullable=False),  # JSON: the whole of it
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("owner_id", ForeignKey("users.id"), nullable=False),
    Column("created_at", Ms, nullable=False),
    Column("updated_at", Ms, nullable=False),
    Column("deleted_at", Ms),
    partial_index("ux_packages_name", "package_name", where="deleted_at IS NULL", unique=True),
    sqlite_autoincrement=True,
)

installed_packages = Table(
    "installed_packages",
    metadata,
    Column("device_id", ForeignKey("devices.id", ondelete="CASCADE"), primary_key=True),
    Column("package_name", Text, primary_key=True),
    Column("installer", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("seen_at", Ms, nullable=False),
    Column("seen_by", Text, nullable=False),
    Index("ix_installed_packages_name", "package_name", "device_id"),
    sqlite_with_rowid=False,
)
