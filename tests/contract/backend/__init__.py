"""What every Backend promises: written against the protocol, run by each Backend's own test module.

A subclass of BackendContract gives a `site` fixture: a real engine on an empty database, whose devices are this
machine, and new clients of it for any role.
"""

from __future__ import annotations

from tests.contract.backend.artifacts import ArtifactsContract
from tests.contract.backend.calendar import CalendarContract
from tests.contract.backend.credentials import CredentialsContract
from tests.contract.backend.devices import DevicesContract
from tests.contract.backend.downloads import DownloadsContract
from tests.contract.backend.engine import EngineContract
from tests.contract.backend.events import EventsContract
from tests.contract.backend.executions import ExecutionsContract
from tests.contract.backend.fetching import FetchingContract
from tests.contract.backend.file_tasks import FileTasksContract
from tests.contract.backend.groups import GroupsContract
from tests.contract.backend.imports import ImportsContract
from tests.contract.backend.packages import PackagesContract
from tests.contract.backend.parameters import ParametersContract
from tests.contract.backend.permissions import PermissionsContract
from tests.contract.backend.site import Site
from tests.contract.backend.tasks import TasksContract


class BackendContract(
    TasksContract,
    ExecutionsContract,
    DownloadsContract,
    DevicesContract,
    FetchingContract,
    GroupsContract,
    CredentialsContract,
    ArtifactsContract,
    FileTasksContract,
    PackagesContract,
    CalendarContract,
    EventsContract,
    EngineContract,
    ParametersContract,
    ImportsContract,
    PermissionsContract,
):
    """The whole of it."""


__all__ = ["BackendContract", "Site"]
