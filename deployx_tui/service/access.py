"""Who may do what: the table of roles, and whose tasks a role sees. Asked in one place, `local/door.py`.

In personal mode the owner of the data folder is admin; roles bind where a service account owns the database.
"""

from __future__ import annotations

from collections.abc import Mapping

from deployx_tui.errors import NotPermitted
from deployx_tui.model.ids import UserId
from deployx_tui.model.user import Actor, Permission, Role

_READS = frozenset(
    {
        Permission.TASKS_READ,
        Permission.EXECUTIONS_READ,
        Permission.DEVICES_READ,
        Permission.CREDENTIALS_READ,
        Permission.ARTIFACTS_READ,
        Permission.SOFTWARE_READ,
        Permission.CALENDAR_READ,
        Permission.EVENTS_READ,
        Permission.ENGINE_READ,
    }
)
_WORKS = frozenset(
    {
        Permission.TASKS_WRITE,
        Permission.TASKS_RUN,
        Permission.EXECUTIONS_CANCEL,
        Permission.OUTPUT_READ,
        Permission.ARTIFACTS_WRITE,
    }
)

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _READS,
    Role.OPERATOR: _READS | _WORKS,
    Role.APPROVER: _READS | {Permission.AUDIT_READ},
    Role.ADMIN: frozenset(Permission),
}

#: they see every task and run; the others their own
_SEES_ALL = frozenset({Role.APPROVER, Role.ADMIN})


def require(actor: Actor, permission: Permission) -> None:
    """NotPermitted when the actor's role lacks the permission."""
    if permission not in PERMISSIONS[actor.role]:
        raise NotPermitted(f"{actor.name} is {actor.role.value} and lacks {permission.value}")


def only_own(actor: Actor) -> UserId | None:
    """The owner whose tasks and runs alone the actor meets; None: everybody's."""
    return None if actor.role in _SEES_ALL else actor.user_id
