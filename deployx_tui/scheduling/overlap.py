"""What happens to a fire while earlier runs of its task are alive. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.parse import format_overlap
from deployx_tui.model.schedule import Overlap
from deployx_tui.model.words import first_of

#: runs that a reason names before it counts the rest
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Start:
    """It runs beside whatever is alive."""


@dataclass(frozen=True, slots=True)
class Skip:
    """It becomes a visible `skipped` row that says why."""

    reason: str


def decide(overlap: Overlap, alive: Sequence[ExecutionId]) -> Start | Skip:
    """`alive`: executions of the same task that are queued, waiting or running now, the oldest first."""
    if len(alive) < overlap.limit:
        return Start()
    runs = "still runs" if len(alive) == 1 else "still run"
    named = first_of([f"#{execution}" for execution in alive], _NAMED)
    return Skip(f"overlap {format_overlap(overlap)}: {named} {runs}")
