"""Who acts, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deployx_tui.model.ids import UserId


class Permission(StrEnum):
    TASKS_READ = "tasks.read"
    TASKS_WRITE = "tasks.write"
    TASKS_RUN = "tasks.run"
    EXECUTIONS_READ = "executions.read"
    EXECUTIONS_CANCEL = "executions.cancel"
    OUTPUT_READ = "output.read"
    DEVICES_READ = "devices.read"
    DEVICES_WRITE = "devices.write"
    DEVICES_TEST = "devices.test"
    CREDENTIALS_READ = "credentials.read"  # what there is and where it goes; never a secret
    CREDENTIALS_WRITE = "credentials.write"
    SECRETS_USE = "secret.use"  # to say where a secret goes
    ARTIFACTS_READ = "artifacts.read"
    ARTIFACTS_WRITE = "artifacts.write"
    SOFTWARE_READ = "software.read"
    SOFTWARE_WRITE = "software.write"
    VAULT_CONTROL = "vault.control"
    CALENDAR_READ = "calendar.read"
    EVENTS_READ = "events.read"
    AUDIT_READ = "audit.read"
    ENGINE_READ = "engine.read"
    ENGINE_CONTROL = "engine.control"


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """On whose behalf a Backend acts. Every Backend is bound to one."""

    user_id: UserId
    name: str
    role: Role
    #: Unix account behind a socket; None: not known
    uid: int | None = None
    #: "socket pid 4127", "in process"; for the audit
    origin: str = ""
