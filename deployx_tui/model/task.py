"""A task: what to do, on what, when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from deployx_tui.model.execution import ExecutionStatus, TargetCounts
from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId, TaskId, UserId
from deployx_tui.model.payload import TaskType
from deployx_tui.model.payloads import NO_STOCK, Payload, Stock, type_of
from deployx_tui.model.schedule import DEFAULT_GRACE, Fire, Overlap, Schedule


class TaskState(StrEnum):
    """Whether a task may fire. What its last run did is its `last` execution, another thing."""

    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"  # no instant is left
    CANCELLED = "cancelled"  # final


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDraft:
    """What a person says of a task; what is saved, previewed and kept per version."""

    name: str
    schedule: Schedule
    payload: Payload
    #: the selector grammar of the command line; "" when only ids are given
    selector: str = ""
    device_ids: tuple[DeviceId, ...] = ()
    group_ids: tuple[GroupId, ...] = ()
    description: str = ""
    tags: frozenset[str] = frozenset()
    overlap: Overlap = field(default_factory=Overlap)
    grace: timedelta = DEFAULT_GRACE
    #: per target; None: the engine's default (no deadline)
    timeout: timedelta | None = None

    def copy(self) -> TaskDraft:
        """The same under another name: one word, so that a shell takes it unquoted. It may be taken already."""
        return replace(self, name=f"{self.name}-copy")


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    id: ExecutionId
    status: ExecutionStatus
    targets: TargetCounts
    started_at: datetime | None
    finished_at: datetime | None
    #: "web19 unreachable", "exit 127 on all"; "" when there is nothing to say
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as a list shows it."""

    id: TaskId
    draft: TaskDraft
    state: TaskState
    version: int
    owner_id: UserId
    owner: str
    created_at: datetime
    updated_at: datetime
    #: None: paused, finished or cancelled
    next_execution: datetime | None
    last_execution: datetime | None
    execution_count: int
    #: None: never run
    last: LastRun | None
    #: outcome of up to 12 latest executions, oldest first
    recent: tuple[ExecutionStatus, ...]
    #: how many devices the selector and ids resolve to now
    target_count: int
    #: what is there of the artifacts and packages that its payload names
    stock: Stock = NO_STOCK

    @property
    def name(self) -> str:
        return self.draft.name

    @property
    def type(self) -> TaskType:
        return type_of(self.draft.payload)


@dataclass(frozen=True, slots=True)
class TaskName:
    """A task where its name is enough."""

    id: TaskId
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPreview:
    """What saving a draft would mean. Nothing is written."""

    problems: tuple[PreviewProblem, ...]
    fires: tuple[Fire, ...]
    #: (id, name, the term that brought it in)
    targets: tuple[tuple[DeviceId, str, str], ...]
    warnings: tuple[str, ...]
    #: what is there of the artifacts and packages that the draft's payload names
    stock: Stock = NO_STOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewProblem:
    """The same three things that `errors.Problem` says."""

    field: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """Which tasks, in which order. Paged by key."""

    #: words; `!word` excludes
    text: str = ""
    state: TaskState | None = None
    last_status: ExecutionStatus | None = None
    owner: str | None = None
    device_id: DeviceId | None = None
    group_id: GroupId | None = None
    tag: str | None = None
    due_before: datetime | None = None
    sort: TaskSort = field(default_factory=lambda: TaskSort.NEXT)
    descending: bool = False
    limit: int = 100
    #: from an earlier page; None: the first
    cursor: str | None = None


class TaskSort(StrEnum):
    NEXT = "next"
    NAME = "name"
    CREATED = "created"
    LAST = "last"
