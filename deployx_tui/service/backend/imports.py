"""Devices out of files of other programs: looked at first, then taken over as they were shown."""

from __future__ import annotations

from typing import Protocol

from deployx_tui.model.importing import HostSource, ImportChoice, ImportPlan
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


class Imports(Protocol):
    @needs(Permission.DEVICES_WRITE)
    async def plan(self, source: HostSource) -> ImportPlan:
        """What an import of everything would do; nothing is written.

        InvalidInput (`path`, `source`): the file is not there, not readable, or not what it should be; with the line.
        """
        ...

    @needs(Permission.DEVICES_WRITE)
    async def take(self, source: HostSource, choice: ImportChoice) -> ImportPlan:
        """Make the chosen devices and their groups, all of them or none; returns what was done.

        Conflict: the source says something else than what was looked at. InvalidInput: a name is not in it.
        """
        ...
