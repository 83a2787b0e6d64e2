"""What happens to an instant that is due: on time, late after a pause of the engine, or too late. Pure.

After downtime a task runs at most once, if an instant of it lies within its grace; what lies before becomes one
visible `missed` row. The next instant is one jump away, however many passed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

#: schedules have whole minutes: an instant that is less late than this has not been overtaken by another one
PUNCTUAL = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class OnTime:
    """It runs. `next`: the instant that follows; None: none."""

    next: datetime | None


@dataclass(frozen=True, slots=True)
class RunLate:
    """It runs once, for itself and for all that passed since; `next` lies after now."""

    next: datetime | None
    late_by: timedelta


@dataclass(frozen=True, slots=True)
class Missed:
    """It does not run and becomes a `missed` row.

    `next` is the first instant within the grace: it may be due already, and then runs late when it is claimed.
    """

    next: datetime | None
    late_by: timedelta


def decide(
    nominal: datetime,
    now: datetime,
    grace: timedelta,
    next_after: Callable[[datetime], datetime | None],
) -> OnTime | RunLate | Missed:
    """What to do at `now` with an instant that was due at `nominal` (at or before now; all aware)."""
    late_by = now - nominal
    if late_by < PUNCTUAL:
        return OnTime(next_after(nominal))
    if late_by <= grace:
        return RunLate(next_after(now), late_by)
    # an instant exactly as late as the grace still counts
    first_in_grace = now - grace - timedelta(microseconds=1)
    return Missed(next_after(max(nominal, first_in_grace)), late_by)
