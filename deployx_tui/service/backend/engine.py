"""The engine itself: how it is, and how it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from deployx_tui.model.engine import EngineStatus, StopAllReport
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


class EngineControl(Protocol):
    @needs(Permission.ENGINE_READ)
    async def status(self) -> EngineStatus: ...

    @needs(Permission.ENGINE_CONTROL)
    async def stay(self) -> None:
        """Leave it running when the last client goes: it becomes a background service."""
        ...

    @needs(Permission.ENGINE_CONTROL)
    async def shutdown(self, drain: timedelta) -> None:
        """Take no new starts, wait so long for what runs, then cancel it, then end the process."""
        ...

    @needs(Permission.EXECUTIONS_CANCEL)
    async def stop_all(self) -> StopAllReport:
        """Cancel everything that runs, waits or is queued."""
        ...
