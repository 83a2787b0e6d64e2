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
    #: executions of that day so far, by status
    done: tuple[tuple[ExecutionStatus, int], ...]
    #: the same executions, in bins of 3 hours of wall time (8 of them)
    ran: tuple[int, ...]
    #: fires of that day that are still to come, in the same bins
    coming: tuple[int, ...]
    #: "clock +1h", "clock -1h"; "" on ordinary days
    clock_change: str = ""

    @property
    def bins(self) -> tuple[int, ...]:
        """What was and what is to come, per bin; they add up to `total`."""
        return tuple(was + comes for was, comes in zip(self.ran, self.coming, strict=True))

    @property
    def to_come(self) -> int:
        """Fires that are still to come."""
        return sum(self.coming)

    @property
    def total(self) -> int:
        """What was, and what is to come."""
        return sum(self.bins)


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
