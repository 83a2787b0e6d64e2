"""The calendar: exact counts to come beside what was."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from deployx_tui.model.calendar import AgendaEntry, Month
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


class Calendar(Protocol):
    @needs(Permission.CALENDAR_READ)
    async def month(self, year: int, month: int, zone: str) -> Month: ...

    @needs(Permission.CALENDAR_READ)
    async def day(self, day: date, zone: str, limit: int = 500) -> tuple[AgendaEntry, ...]:
        """Executions of the day and fires still to come, by time; frequent tasks folded."""
        ...
