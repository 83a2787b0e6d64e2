"""Every table, once, for both databases. Migrations are made from it; nothing else describes a column.

Times are integer epoch milliseconds (UTC); durations are integer milliseconds and end in `_ms`; ids are never
reused; JSON is text written by our own codec. Table and column names of the original are kept where they fit.
"""

from __future__ import annotations

from deployx_tui.store.schema.artifacts import artifacts
from deployx_tui.store.schema.base import complete, metadata
from deployx_tui.store.schema.inventory import (
    device_facts,
    device_group_map,
    device_groups,
    device_tags,
    devices,
    group_group_map,
)
from deployx_tui.store.schema.people import audit, users
from deployx_tui.store.schema.process import engines, event_stream, events, holder, settings
from deployx_tui.store.schema.runs import (
    attempts,
    execution_batches,
    execution_targets,
    executions,
    outputs,
    target_changes,
)
from deployx_tui.store.schema.schedule import scheduled_tasks, task_devices, task_groups, task_tags, task_versions
from deployx_tui.store.schema.secrets import (
    credential_groups,
    credential_secrets,
    credentials,
    device_credentials,
    vault,
)
from deployx_tui.store.schema.software import installed_packages, packages

__all__ = [
    "artifacts",
    "attempts",
    "audit",
    "complete",
    "credential_groups",
    "credential_secrets",
    "credentials",
    "device_credentials",
    "device_facts",
    "device_group_map",
    "device_groups",
    "device_tags",
    "devices",
    "engines",
    "event_stream",
    "events",
    "execution_batches",
    "execution_targets",
    "executions",
    "group_group_map",
    "holder",
    "installed_packages",
    "metadata",
    "outputs",
    "packages",
    "scheduled_tasks",
    "settings",
    "target_changes",
    "task_devices",
    "task_groups",
    "task_tags",
    "task_versions",
    "users",
    "vault",
]
