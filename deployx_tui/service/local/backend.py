"""The Backend of the engine's own process: the API serves it; tests and `--in-process` use it directly."""

from __future__ import annotations

import os
import pwd

from sqlalchemy import Connection

from deployx_tui.model.user import Actor, Role
from deployx_tui.service.local.artifacts import LocalArtifacts
from deployx_tui.service.local.calendar import LocalCalendar
from deployx_tui.service.local.credentials import LocalCredentials
from deployx_tui.service.local.devices import LocalDevices
from deployx_tui.service.local.door import Door, Premises
from deployx_tui.service.local.engine import LocalEngineControl
from deployx_tui.service.local.events import LocalEvents
from deployx_tui.service.local.executions import LocalExecutions
from deployx_tui.service.local.groups import LocalGroups
from deployx_tui.service.local.imports import LocalImports
from deployx_tui.service.local.packages import LocalPackages
from deployx_tui.service.local.questions import LocalQuestions
from deployx_tui.service.local.tasks import LocalTasks
from deployx_tui.service.local.vault import LocalVault
from deployx_tui.store import users
from deployx_tui.store.clock import now_ms


class LocalBackend:
    """One actor's view of the engine in this process. Cheap: make one for each caller over the same premises."""

    def __init__(self, premises: Premises, actor: Actor) -> None:
        door = Door(premises, actor)
        self._door = door
        self.tasks = LocalTasks(door)
        self.executions = LocalExecutions(door)
        self.devices = LocalDevices(door)
        self.groups = LocalGroups(door)
        self.credentials = LocalCredentials(door)
        self.artifacts = LocalArtifacts(door)
        self.packages = LocalPackages(door)
        self.vault = LocalVault(door)
        self.imports = LocalImports(door)
        self.questions = LocalQuestions(door)
        self.calendar = LocalCalendar(door)
        self.events = LocalEvents(door)
        self.engine = LocalEngineControl(door)

    @property
    def actor(self) -> Actor:
        return self._door.actor

    async def close(self) -> None:
        """Nothing of its own to let go: the premises are their owner's to close."""


def ensure_personal_user(c: Connection, origin: str = "in process") -> Actor:
    """The owner of the data folder, which is whoever runs this process: admin in personal mode.

    Call it in a `write`; the first time makes the user.
    """
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid-{uid}"  # an account without an entry, as in containers
    user, known_as = users.ensure(c, name, uid, Role.ADMIN, now_ms())
    return Actor(user_id=user, name=known_as, role=Role.ADMIN, uid=uid, origin=origin)
