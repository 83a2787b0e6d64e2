"""The door: an async protocol in facets, one file each. The UI, the command line and the API know this only.

Every Backend is bound to one Actor; every method names its permission (`needs`); every change writes its audit
row in its transaction. Methods raise the tree of `errors.py`: InvalidInput, NotFound, NotPermitted, Conflict,
Unavailable.
"""

from __future__ import annotations

from typing import Protocol

from deployx_tui.model.user import Actor
from deployx_tui.service.backend.artifacts import Artifacts
from deployx_tui.service.backend.calendar import Calendar
from deployx_tui.service.backend.credentials import Credentials
from deployx_tui.service.backend.devices import Devices
from deployx_tui.service.backend.engine import EngineControl
from deployx_tui.service.backend.events import Events
from deployx_tui.service.backend.executions import Executions
from deployx_tui.service.backend.groups import Groups
from deployx_tui.service.backend.imports import Imports
from deployx_tui.service.backend.packages import Packages
from deployx_tui.service.backend.questions import Questions
from deployx_tui.service.backend.tasks import Tasks
from deployx_tui.service.backend.vault import VaultControl


class Backend(Protocol):
    """One actor's view of one engine."""

    @property
    def actor(self) -> Actor: ...
    @property
    def tasks(self) -> Tasks: ...
    @property
    def executions(self) -> Executions: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def groups(self) -> Groups: ...
    @property
    def imports(self) -> Imports: ...
    @property
    def questions(self) -> Questions: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def artifacts(self) -> Artifacts: ...
    @property
    def packages(self) -> Packages: ...
    @property
    def vault(self) -> VaultControl: ...
    @property
    def calendar(self) -> Calendar: ...
    @property
    def events(self) -> Events: ...
    @property
    def engine(self) -> EngineControl: ...

    async def close(self) -> None: ...


FACETS: dict[str, type] = {
    "tasks": Tasks,
    "executions": Executions,
    "devices": Devices,
    "groups": Groups,
    "imports": Imports,
    "questions": Questions,
    "credentials": Credentials,
    "artifacts": Artifacts,
    "packages": Packages,
    "vault": VaultControl,
    "calendar": Calendar,
    "events": Events,
    "engine": EngineControl,
}
