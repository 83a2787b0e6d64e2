"""Tasks: when they fire next, what on, and every version that was."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from deployx_tui.store.schema.base import Ms, id_column, metadata, partial_index

scheduled_tasks = Table(
    "scheduled_tasks",
    metadata,
    id_column(),
    Column("task_name", Text, nullable=False),
    Column("task_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("scheduled_time", Ms),  # the schedule's start (Once: its instant)
    Column("end_at", Ms),
    Column("recurrence_type", Text, nullable=False),
    Column("recurrence_config", Text),  # JSON
    Column("zone", Text, nullable=False),
    Column("gap", Text, nullable=False),
    Column("fold", Text, nullable=False),
    Column("selector", Text, nullable=False, server_default=""),
    Column("payload", Text, nullable=False),  # JSON
    Column("overlap", Text, nullable=False),  # skip | parallel
    Column("overlap_limit", Integer, nullable=False),
    Column("grace_ms", Ms, nullable=False),
    Column("timeout_ms", Ms),
    Column("owner_id", ForeignKey("users.id"), nullable=False),
    Column("created_at", Ms, nullable=False),
    Column("updated_at", Ms, nullable=False),
    Column("deleted_at", Ms),
    Column("last_execution", Ms),
    Column("last_execution_id", BigInteger),
    Column("next_execution", Ms),
    Column("execution_count", Integer, nullable=False, server_default="0"),
    Column("version", Integer, nullable=False, server_default="1"),
    partial_index("ix_scheduled_tasks_due", "next_execution", "id", where="next_execution IS NOT NULL"),
    # a list in the order of `next`: those that fire by ix_scheduled_tasks_due, then those that do not
    partial_index("ix_scheduled_tasks_idle", "id", where="next_execution IS NULL AND deleted_at IS NULL"),
    partial_index(
        "ix_scheduled_tasks_ran", "last_execution", "id", where="last_execution IS NOT NULL AND deleted_at IS NULL"
    ),
    partial_index("ix_scheduled_tasks_never_ran", "id", where="last_execution IS NULL AND deleted_at IS NULL"),
    partial_index("ix_scheduled_tasks_name", "task_name", "id", where="deleted_at IS NULL"),
    partial_index("ix_scheduled_tasks_created", "created_at", "id", where="deleted_at IS NULL"),
    partial_index("ix_scheduled_tasks_at_rest", "state", "id", where="state <> 'active' AND deleted_at IS NULL"),
    partial_index("ix_scheduled_tasks_selector", "selector", where="selector <> '' AND deleted_at IS NULL"),
    sqlite_autoincrement=True,
)

task_tags = Table(
    "task_tags",
    metadata,
    Column("task_id", ForeignKey("scheduled_tasks.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Index("ix_task_tags_tag", "tag", "task_id"),
    sqlite_with_rowid=False,
)

task_devices = Table(
    "task_devices",
    metadata,
    Column("task_id", ForeignKey("scheduled_tasks.id", ondelete="CASCADE"), primary_key=True),
    Column("device_id", ForeignKey("devices.id"), primary_key=True),
    Index("ix_task_devices_device", "device_id", "task_id"),
    sqlite_with_rowid=False,
)

task_groups = Table(
    "task_groups",
    metadata,
    Column("task_id", ForeignKey("scheduled_tasks.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", ForeignKey("device_groups.id"), primary_key=True),
    Index("ix_task_groups_group", "group_id", "task_id"),
    sqlite_with_rowid=False,
)

task_versions = Table(
    "task_versions",
    metadata,
    Column("task_id", ForeignKey("scheduled_tasks.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("draft", Text, nullable=False),  # canonical JSON of the whole TaskDraft
    Column("editor_id", ForeignKey("users.id"), nullable=False),
    Column("created_at", Ms, nullable=False),
    sqlite_with_rowid=False,
)
