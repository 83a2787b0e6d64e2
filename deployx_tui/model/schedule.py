"""When a task fires: five recurrences, each in the task's own zone.

The instants themselves come from `scheduling.recurrence.next_after` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Literal


class Gap(StrEnum):
    """What a fixed time does that a spring clock change skips."""

    SHIFT = "shift"  # once, at the first instant after the gap
    SKIP = "skip"


class Fold(StrEnum):
    """What a fixed time does that an autumn clock change repeats."""

    FIRST = "first"
    BOTH = "both"


class ShortMonth(StrEnum):
    """What day 29, 30 or 31 means in a month that lacks it."""

    SKIP = "skip"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Once:
    """One fire at `at` (aware)."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Daily:
    """Each day at each of `times` (wall clock of the task's zone, minutes; at least one)."""

    times: tuple[time, ...]


@dataclass(frozen=True, slots=True)
class Weekly:
    """On each of `days` (0 = Monday to 6 = Sunday) at each of `times`."""

    days: tuple[int, ...]
    times: tuple[time, ...]


@dataclass(frozen=True, slots=True)
class Monthly:
    """On each of `days` (1 to 31, or "last") at each of `times`."""

    days: tuple[int | Literal["last"], ...]
    times: tuple[time, ...]
    short_month: ShortMonth = ShortMonth.SKIP


@dataclass(frozen=True, slots=True)
class Cron:
    """A standard five-field cron rule (0 and 7 are Sunday), or @hourly, @daily, @weekly, @monthly, @yearly."""

    expression: str


Recurrence = Once | Daily | Weekly | Monthly | Cron


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A recurrence with its zone, its clock-change rules and its bounds."""

    recurrence: Recurrence
    #: IANA name, such as "Europe/Berlin"
    zone: str
    gap: Gap = Gap.SHIFT
    fold: Fold = Fold.FIRST
    #: no fire before it (aware); None: from now on
    start: datetime | None = None
    #: the last instant allowed, inclusive (aware); None: no end
    end: datetime | None = None


class ClockNote(StrEnum):
    """Why a fire stands at an unexpected wall time."""

    SHIFTED = "shifted"  # the wall time does not exist on that day: runs after the gap
    REPEATED = "repeated"  # the wall time comes twice; see the schedule's fold


@dataclass(frozen=True, slots=True)
class Fire:
    """One instant of a schedule (aware UTC), with what a person should know about it."""

    at: datetime
    #: None: an ordinary wall time
    note: ClockNote | None = None


class OverlapKind(StrEnum):
    SKIP = "skip"
    PARALLEL = "parallel"


@dataclass(frozen=True, slots=True)
class Overlap:
    """What happens to a fire while an earlier run of the same task is alive.

    `limit` is how many runs may be alive at once: 1 with skip, 2 and more with parallel. A fire above the
    limit becomes a visible `skipped` row.
    """

    kind: OverlapKind = OverlapKind.SKIP
    limit: int = 1


#: after downtime a fire that is at most this late still runs (once); a later one is a visible `missed` row
DEFAULT_GRACE = timedelta(hours=1)
