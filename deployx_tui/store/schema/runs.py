"""Executions, their batches, targets, attempts, small outputs, and what was changed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from deployx_tui.store.schema.base import Id, Ms, id_column, metadata, partial_index

executions = Table(
    "scheduled_task_executions",
    metadata,
    id_column(),
    Column("task_id", ForeignKey("scheduled_tasks.id")),  # NULL: ad hoc
    Column("task_version", Integer),
    Column("task_name", Text, nullable=False),
    Column("summary", Text, nullable=False, server_default=""),
    Column("fire_key", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("wait_reason", Text),
    Column("owner_id", ForeignKey("users.id"), nullable=False),  # on whose permissions it runs
    Column("started_by", Text, nullable=False),
    Column("scheduled_for", Ms),
    Column("due_at", Ms, nullable=False),
    Column("created_at", Ms, nullable=False),
    Column("execution_time", Ms),  # first start
    Column("completed_time", Ms),
    Column("engine_id", Text),  # the engine that claimed it
    Column("cancel_requested", Integer, nullable=False, server_default="0"),
    Column("draft", Text, nullable=False),  # canonical JSON: what runs, also for ad hoc runs
    Column("plan", Text),  # canonical JSON; NULL before it is planned
    Column("plan_sha256", Text),
    Column("result", Text),  # JSON counts of targets by state
    Column("error_message", Text, nullable=False, server_default=""),
    UniqueConstraint("task_id", "fire_key", name="ux_executions_fire"),
    # newest first is by (created_at, id), whatever the filter
    Index("ix_executions_task", "task_id", "created_at", "id"),
    Index("ix_executions_status", "status", "created_at", "id"),
    # NULLs are distinct in a uniqueness rule: ad-hoc runs need their own
    partial_index("ux_executions_ad_hoc", "fire_key", unique=True, where="task_id IS NULL"),
    # how many runs of a task are alive: the overlap rule asks at each claim
    partial_index(
        "ix_executions_task_alive", "task_id", where="status IN ('queued','waiting','awaiting_approval','running')"
    ),
    Index("ix_executions_created", "created_at", "id"),
    Index("ix_executions_due", "due_at", "status"),
    partial_index(
        "ix_executions_alive", "engine_id", "id", where="status IN ('queued','waiting','awaiting_approval','running')"
    ),
    sqlite_autoincrement=True,
)

execution_batches = Table(
    "execution_batches",
    metadata,
    id_column(),
    Column("execution_id", ForeignKey("scheduled_task_executions.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),  # 1, 2, ...
    Column("site", Text, nullable=False, server_default="local"),
    Column("job_ref", Text),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("status", Text, nullable=False),  # queued | running | done
    UniqueConstraint("execution_id", "number", name="ux_batches_number"),
    sqlite_autoincrement=True,
)

execution_targets = Table(
    "execution_targets",
    metadata,
    id_column(),
    Column("execution_id", ForeignKey("scheduled_task_executions.id", ondelete="CASCADE"), nullable=False),
    Column("batch_id", ForeignKey("execution_batches.id", ondelete="CASCADE"), nullable=False),
    Column("batch", Integer, nullable=False),
    Column("device_id", ForeignKey("devices.id"), nullable=False),
    Column("device_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("owner", Text),  # engine id
    Column("claim", Text),  # token of the start
    Column("cancel_requested", Integer, nullable=False, server_default="0"),
    Column("remote_handle", Text),
    Column("exit_code", BigInteger),
    Column("signal", Text),
    Column("cause", Text),
    Column("changed", Integer),
    Column("kill_verdict", Text),
    Column("kill_pids", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("started_at", Ms),
    Column("finished_at", Ms),
    Column("stdout_bytes", BigInteger, nullable=False, server_default="0"),
    Column("stderr_bytes", BigInteger, nullable=False, server_default="0"),
    Column("output_cut", Integer, nullable=False, server_default="0"),
    Column("output_sha256", Text),  # of stdout then stderr; equal outputs group by it
    Column("transfer_done", BigInteger),  # bytes of files that are over; NULL: none are moved
    Column("transfer_total", BigInteger),
    Column("transfer_rate", BigInteger),  # bytes a second
    Column("error_message", Text, nullable=False, server_default=""),
    UniqueConstraint("execution_id", "device_id", name="ux_targets_device"),
    Index("ix_targets_execution_state", "execution_id", "state", "id"),
    Index("ix_targets_device", "device_id", "execution_id"),
    Index("ix_targets_batch", "batch_id", "state"),
    partial_index("ix_targets_running", "owner", "id", where="state = 'running'"),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    id_column(),
    Column("target_id", ForeignKey("execution_targets.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("started_at", Ms, nullable=False),
    Column("finished_at", Ms),
    Column("state", Text, nullable=False),
    Column("exit_code", BigInteger),
    Column("signal", Text),
    Column("cause", Text),
    Column("error_message", Text, nullable=False, server_default=""),
    UniqueConstraint("target_id", "number", name="ux_attempts_number"),
    sqlite_autoincrement=True,
)

#: outputs up to 8 KiB; larger ones lie in the execution's segment file
outputs = Table(
    "outputs",
    metadata,
    Column("target_id", ForeignKey("execution_targets.id", ondelete="CASCADE"), primary_key=True),
    Column("frames", LargeBinary, nullable=False),  # output/frames.py's encoding
    sqlite_with_rowid=False,
)

#: what a run changed on a target, of those where it changed something: what a rollback needs
target_changes = Table(
    "target_changes",
    metadata,
    Column("target_id", ForeignKey("execution_targets.id", ondelete="CASCADE"), primary_key=True),
    Column("count", Integer, nullable=False),
    # the execution that took it back; no reference: that one may be forgotten first. NULL: none did
    Column("rolled_back_by", Id),
    # last: SQLite reads the others without it. JSON of model/change_json.py, packed with zlib
    Column("changes", LargeBinary, nullable=False),
)
