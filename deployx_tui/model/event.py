"""What the engine tells: numbered, stored in the transaction of the change, resumable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from deployx_tui.model.ids import ExecutionId, TaskId

#: an output says more: the type of event that comes by the hundred a second while many targets speak
GROWTH = "output.grew"


@dataclass(frozen=True, slots=True)
class EventId:
    """`<stream uuid>-<n>` on the wire; n grows by at least one."""

    stream: str
    number: int

    def __str__(self) -> str:
        return f"{self.stream}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> EventId:
        """Read the wire's form; ValueError when it is not one."""
        stream, dash, number = text.rpartition("-")
        if not dash or not stream or not number.isascii() or not number.isdigit():
            raise ValueError(f"{text!r} is not an event id")
        return cls(stream, int(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: EventId
    #: task.created, task.changed, task.deleted, execution.started, execution.finished, target.changed,
    #: output.grew, engine.clock, and NOUN.changed for every other noun
    type: str
    at: datetime
    task_id: TaskId | None = None
    execution_id: ExecutionId | None = None
    #: further facts, small and flat; never output
    facts: tuple[tuple[str, str | int | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Reset:
    """The stream changed, or what was asked for is no longer kept: read everything again, go on from `id`."""

    id: EventId
