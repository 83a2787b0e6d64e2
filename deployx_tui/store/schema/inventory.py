"""What tasks run on: devices, their tags and facts, groups and what belongs to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from deployx_tui.store.schema.base import Ms, id_column, metadata, partial_index

devices = Table(
    "devices",
    metadata,
    id_column(),
    Column("device_name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("port", Integer),
    Column("login", Text),
    Column("transport", Text, nullable=False),
    Column("key_file", Text),
    Column("jump_id", ForeignKey("devices.id")),
    Column("host_key_policy", Text),
    Column("description", Text, nullable=False, server_default=""),
    Column("contact", Text, nullable=False, server_default="never"),
    Column("contact_at", Ms),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("owner_id", ForeignKey("users.id"), nullable=False),
    Column("created_at", Ms, nullable=False),
    Column("updated_at", Ms, nullable=False),
    Column("deleted_at", Ms),
    partial_index("ux_devices_name", "device_name", where="deleted_at IS NULL", unique=True),
    sqlite_autoincrement=True,
)

device_tags = Table(
    "device_tags",
    metadata,
    Column("device_id", ForeignKey("devices.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Index("ix_device_tags_tag", "tag", "device_id"),
    sqlite_with_rowid=False,
)

#: what a device told of itself when it was last asked; NULL is unknown
device_facts = Table(
    "device_facts",
    metadata,
    Column("device_id", ForeignKey("devices.id", ondelete="CASCADE"), primary_key=True),
    Column("seen_at", Ms, nullable=False),
    Column("seen_by", Text, nullable=False),
    Column("kernel", Text),
    Column("kernel_release", Text),
    Column("os_id", Text),
    Column("os_like", Text, nullable=False, server_default=""),  # words
    Column("os_version", Text),
    Column("os_name", Text),
    Column("arch", Text),
    Column("login_shell", Text),
    Column("sh", Text),
    Column("boot_id", Text),
    Column("cpus", Integer),
    Column("memory", BigInteger),  # bytes, as are the disks
    Column("root_total", BigInteger),
    Column("root_free", BigInteger),
    Column("temporary_folder", Text),
    Column("temporary_total", BigInteger),
    Column("temporary_free", BigInteger),
    sqlite_with_rowid=False,
)

device_groups = Table(
    "device_groups",
    metadata,
    id_column(),
    Column("group_name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("color", Text, nullable=False),
    Column("selector", Text),  # NULL: static
    Column("protected", Integer, nullable=False, server_default="0"),
    Column("host_key_policy", Text),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("owner_id", ForeignKey("users.id"), nullable=False),
    Column("created_at", Ms, nullable=False),
    Column("updated_at", Ms, nullable=False),
    Column("deleted_at", Ms),
    partial_index("ux_device_groups_name", "group_name", where="deleted_at IS NULL", unique=True),
    sqlite_autoincrement=True,
)

device_group_map = Table(
    "device_group_map",
    metadata,
    Column("group_id", ForeignKey("device_groups.id", ondelete="CASCADE"), primary_key=True),
    Column("device_id", ForeignKey("devices.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_device_group_map_device", "device_id", "group_id"),
    sqlite_with_rowid=False,
)

group_group_map = Table(
    "group_group_map",
    metadata,
    Column("group_id", ForeignKey("device_groups.id", ondelete="CASCADE"), primary_key=True),
    Column("child_id", ForeignKey("device_groups.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_group_group_map_child", "child_id", "group_id"),
    sqlite_with_rowid=False,
)
