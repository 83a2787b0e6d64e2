"""What happens to a fire while earlier runs of its task are alive. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from deployx_tui.model.schedule import Overlap


@dataclass(frozen=True, slots=True)
class Start:
    """It runs beside whatever is alive."""


@dataclass(frozen=True, slots=True)
class Skip:
    """It becomes a visible `skipped` row that says why."""

    reason: str


def decide(overlap: Overlap, alive: int) -> Start | Skip:
    """`alive`: executions of the same task that are queued, waiting or running now."""
    if alive < overlap.limit:
        return Start()
    runs = "run is" if alive == 1 else "runs are"
    return Skip(f"{alive} earlier {runs} still alive, and {overlap.limit} may be")
