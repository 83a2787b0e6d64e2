"""Every table, once, for both databases. Migrations are made from it; nothing else describes a column.

Times are integer epoch milliseconds (UTC); durations are integer milliseconds and end in `_ms`; ids are never
reused; JSON is text written by our own codec. Table and column names of the original are kept where they fit.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from deployx_tui.store.dialects import search

metadata = MetaData()

#: SQLite's rowid needs INTEGER; PostgreSQL's needs 64 bits
Id = BigInteger().with_variant(Integer, "sqlite")
Ms = BigInteger


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows for which `where` holds, on both databases."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), info={"where": where})


def complete(made: MetaData = metadata, /, *_: object, **__: object) -> None:
    """Say what PostgreSQL's partial indexes hold, before tables are made or compared.

    Not in `_partial`: an option of PostgreSQL loads its dialect, which a start on SQLite need not pay for.
    """
    for table in made.tables.values():
        for index in table.indexes:
            if (where := index.info.get("where")) is not None:
                index.dialect_kwargs["postgresql_where"] = text(where)


event.listen(metadata, "before_create", complete)


users = Table(
    "users",
    metadata,
    _id(),
    Column("username", Text, nullable=False, unique=True),
    Column("uid", Integer, unique=True),  # NULL: not a Unix account
    Column("role", Text, nullable=False),
    Column("disabled", Integer, nullable=False, server_default="0"),
    Column("created_at", Ms, nullable=False),
    sqlite_autoincrement=True,
)

devices = Table(
    "devices",
    metadata,
    _id(),
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
    _partial("ux_devices_name", "device_name", where="deleted_at IS NULL", unique=True),
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
    _id(),
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
    _partial("ux_device_groups_name", "group_name", where="deleted_at IS NULL", unique=True),
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

credentials = Table(
    "credentials",
    metadata,
    _id(),
    Column("credential_name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("login", Text),
    Column("description", Text, nullable=False, server_default=""),
    Column("secret_version", Integer, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("owner_id", ForeignKey("users.id"), nullable=False),
    Column("created_at", Ms, nullable=False),
    Column("updated_at", Ms, nullable=False),
    Column("rotated_at", Ms, nullable=False),
    Column("last_used_at", Ms),
    Column("deleted_at", Ms),  # its name stays for the audit; its secrets are gone
    _partial("ux_credentials_name", "credential_name", where="deleted_at IS NULL", unique=True),
    sqlite_autoincrement=True,
)

#: what vault/envelope.py sealed; opens in its own row only
credential_secrets = Table(
    "credential_secrets",
    metadata,
    Column("credential_id", ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("field", Text, primary_key=True),  # value | passphrase
    Column("key_id", Text, nullable=False),  # of the master key
    Column("wrapped", LargeBinary, nullable=False),  # the data key
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Ms, nullable=False),
    Column("superseded_at", Ms),  # NULL: the present version
    sqlite_with_rowid=False,
)

credential_groups = Table(
    "credential_groups",
    metadata,
    Column("credential_id", ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True),
    # no cascade: a credential that lost its groups would be bound to none, and go anywhere
    Column("group_id", ForeignKey("device_groups.id"), primary_key=True),
    Index("ix_credential_groups_group", "group_id", "credential_id"),
    sqlite_with_rowid=False,
)

device_credentials = Table(
    "device_credentials",
    metadata,
    Column("device_id", ForeignKey("devices.id", ondelete="CASCADE"), primary_key=True),
    Column("credential_id", ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_device_credentials_credential", "credential_id", "device_id"),
    sqlite_with_rowid=False,
)

#: one row, made with the first secret: which master key opens them
vault = Table(
    "vault",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("check_value", LargeBinary, nullable=False),  # opens under the right key alone
    Column("salt", LargeBinary),  # of a passphrase; NULL: the key is no passphrase's
    Column("made_at", Ms, nullable=False),
    CheckConstraint("id = 1", name="one_vault"),
)

scheduled_tasks = Table(
    "scheduled_tasks",
    metadata,
    _id(),
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
    _partial("ix_scheduled_tasks_due", "next_execution", "id", where="next_execution IS NOT NULL"),
    # a list in the order of `next`: those that fire by ix_scheduled_tasks_due, then those that do not
    _partial("ix_scheduled_tasks_idle", "id", where="next_execution IS NULL AND deleted_at IS NULL"),
    _partial(
        "ix_scheduled_tasks_ran", "last_execution", "id", where="last_execution IS NOT NULL AND deleted_at IS NULL"
    ),
    _partial("ix_scheduled_tasks_never_ran", "id", where="last_execution IS NULL AND deleted_at IS NULL"),
    _partial("ix_scheduled_tasks_name", "task_name", "id", where="deleted_at IS NULL"),
    _partial("ix_scheduled_tasks_created", "created_at", "id", where="deleted_at IS NULL"),
    _partial("ix_scheduled_tasks_at_rest", "state", "id", where="state <> 'active' AND deleted_at IS NULL"),
    _partial("ix_scheduled_tasks_selector", "selector", where="selector <> '' AND deleted_at IS NULL"),
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

executions = Table(
    "scheduled_task_executions",
    metadata,
    _id(),
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
    _partial("ux_executions_ad_hoc", "fire_key", unique=True, where="task_id IS NULL"),
    # how many runs of a task are alive: the overlap rule asks at each claim
    _partial(
        "ix_executions_task_alive", "task_id", where="status IN ('queued','waiting','awaiting_approval','running')"
    ),
    Index("ix_executions_created", "created_at", "id"),
    Index("ix_executions_due", "due_at", "status"),
    _partial(
        "ix_executions_alive", "engine_id", "id", where="status IN ('queued','waiting','awaiting_approval','running')"
    ),
    sqlite_autoincrement=True,
)

execution_batches = Table(
    "execution_batches",
    metadata,
    _id(),
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
    _id(),
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
    Column("error_message", Text, nullable=False, server_default=""),
    UniqueConstraint("execution_id", "device_id", name="ux_targets_device"),
    Index("ix_targets_execution_state", "execution_id", "state", "id"),
    Index("ix_targets_device", "device_id", "execution_id"),
    Index("ix_targets_batch", "batch_id", "state"),
    _partial("ix_targets_running", "owner", "id", where="state = 'running'"),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    _id(),
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

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

#: full-text search has no common DDL
event.listen(metadata, "after_create", search.create)
