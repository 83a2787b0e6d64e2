"""Whether someone set the wall clock: it is held against one that is never set, from tick to tick."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: wall and boot clock drift apart slowly when time is slewed; more than this at one tick is a step
STEP = timedelta(seconds=2)
#: schedules have whole minutes: a step back by less delays nothing by more
LARGE_STEP = timedelta(minutes=1)


def wall_clock() -> datetime:
    return datetime.now(UTC)


def boot_clock() -> float:
    """Seconds since some fixed moment, suspension included where the system can tell; never set."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The wall clock was set."""

    #: negative: back
    by: timedelta
    now: datetime

    @property
    def is_large_and_back(self) -> bool:
        return self.by <= -LARGE_STEP


class StepWatch:
    """Holds the wall clock against one that is never set, from tick to tick."""

    def __init__(self, wall: Callable[[], datetime], boot: Callable[[], float]) -> None:
        self._wall, self._boot = wall, boot
        self._offset = self._read()
        self._seen = self._offset

    def pending(self) -> ClockStep | None:
        """A step that was not yet settled; slow drift is followed silently."""
        self._seen = self._read()
        by = self._seen - self._offset
        if abs(by) > STEP:
            return ClockStep(by, self._wall())
        self._offset = self._seen
        return None

    def settled(self) -> None:
        self._offset = self._seen

    def _read(self) -> timedelta:
        return (self._wall() - datetime(1970, 1, 1, tzinfo=UTC)) - timedelta(seconds=self._boot())
