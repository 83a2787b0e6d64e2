"""What a calendar shows: exact counts to come, and what was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.ids import ExecutionId, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    """One day of the viewer's zone."""

    day: date
    #: fires that the schedules hold for the whole day, in bins of 3 hours of wall time (8 of them)
    planned: tuple[int, ...]
    #: executions of that day so far, by status
    done: tuple[tuple[ExecutionStatus, int], ...]
    #: fires of that day that are still to come
    to_come: int
    #: "clock +1h", "clock -1h"; "" on ordinary days
    clock_change: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgendaEntry:
    """A fire to come or an execution that was, of one day."""

    at: datetime
    task_id: TaskId | None
    task_name: str
    target_count: int
    #: None: still to come
    execution_id: ExecutionId | None = None
    status: ExecutionStatus | None = None
    #: how many fires of this task this line stands for, when folded
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    year: int
    month: int
    zone: str
    #: whole weeks from Monday, so days of the neighbours too
    days: tuple[CalendarDay, ...]
