"""A calendar of made-up counts, and an agenda of what is there."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from deployx_tui.model.calendar import AgendaEntry, CalendarDay, Month
from deployx_tui.model.execution import (
    ExecutionStatus,
)
from deployx_tui.model.task import TaskState
from tests.support.fake_backend.facet import Facet
from tests.support.fires import fires

_NONE = (0,) * 8


class FakeCalendar(Facet):
    async def month(self, year: int, month: int, zone: str) -> Month:
        await self.w.door("calendar.month")
        first = date(year, month, 1)
        start = first - timedelta(days=first.weekday())
        end = (first + timedelta(days=32)).replace(day=1)
        last = end + timedelta(days=(7 - end.weekday()) % 7)
        today = self.w.now().astimezone(ZoneInfo(zone)).date()
        days = []
        day = start
        while day < last:
            planned: tuple[int, ...] = (6, 9, 4, 9, 4, 9, 7, 6) if day.weekday() < 5 else (1, 7, 1, 1, 1, 1, 1, 1)
            done: tuple[tuple[ExecutionStatus, int], ...] = ()
            if day < today:
                done = ((ExecutionStatus.SUCCEEDED, sum(planned) - 1), (ExecutionStatus.FAILED, 1))
            elif day == today:
                done = ((ExecutionStatus.SUCCEEDED, 24), (ExecutionStatus.FAILED, 1), (ExecutionStatus.RUNNING, 2))
            change = "clock +1h" if day == date(2026, 3, 29) else ""
            ran, coming = (planned, _NONE) if day < today else (_NONE, planned)
            if day == today:
                ran, coming = (5, 5, 5, 5, 5, 2, 0, 0), self._left_of(today, ZoneInfo(zone))
            days.append(CalendarDay(day=day, done=done, ran=ran, coming=coming, clock_change=change))
            day += timedelta(days=1)
        return Month(year=year, month=month, zone=zone, days=tuple(days))

    def _left_of(self, day: date, zone: ZoneInfo) -> tuple[int, ...]:
        """The fires of a day from now on, by bins."""
        bins = [0] * len(_NONE)
        for task in self.w.task_rows.values():
            if task.state is TaskState.ACTIVE:
                for fire in fires(task.draft.schedule, self.w.now(), 100):
                    at = fire.at.astimezone(zone)
                    bins[at.hour // 3] += at.date() == day
        return tuple(bins)

    async def day(self, day: date, zone: str, limit: int = 500) -> tuple[AgendaEntry, ...]:
        await self.w.door("calendar.day")
        tz = ZoneInfo(zone)
        entries: list[AgendaEntry] = []
        for run in self.w.execution_rows.values():
            if run.created_at.astimezone(tz).date() == day:
                entries.append(
                    AgendaEntry(
                        at=run.created_at,
                        task_id=run.task_id,
                        task_name=run.task_name,
                        target_count=run.targets.total,
                        execution_id=run.id,
                        status=run.status,
                    )
                )
        start = max(self.w.now(), datetime.combine(day, datetime.min.time(), tzinfo=tz) - timedelta(minutes=1))
        for task in self.w.task_rows.values():
            if task.state is not TaskState.ACTIVE:
                continue
            due = [f for f in fires(task.draft.schedule, start, 100) if f.at.astimezone(tz).date() == day]
            if due:
                entries.append(
                    AgendaEntry(
                        at=due[0].at,
                        task_id=task.id,
                        task_name=task.name,
                        target_count=task.target_count,
                        count=len(due),
                    )
                )
        entries.sort(key=lambda entry: (entry.at, entry.task_name))
        return tuple(entries[:limit])
