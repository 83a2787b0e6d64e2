"""What the clockwork asks for, and what is asked of it. The engine knows these, not the library behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from deployx_tui.model.ids import ExecutionId
from deployx_tui.scheduling.clock_step import ClockStep


@dataclass(frozen=True, slots=True)
class Claimed:
    """Executions that one claim made, to be run now; and whether more was due."""

    runs: tuple[ExecutionId, ...]
    more: bool


class Due(Protocol):
    """Where due work comes from. Called in the ticker's thread alone; whatever is raised is tried again."""

    def __call__(self, now: datetime) -> Claimed: ...

    def next_due(self) -> datetime | None: ...

    def clock_stepped(self, step: ClockStep) -> None: ...


class Ticker(Protocol):
    def start(self) -> None: ...

    def wake(self) -> None:
        """Look now: something may be due earlier than it was."""
        ...

    def stop(self) -> None:
        """Claim nothing more. Returns when the thread has ended."""
        ...
