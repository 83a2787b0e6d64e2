"""A run, its targets, and what is known of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId, TaskId
from deployx_tui.model.payload import TaskType


class ExecutionStatus(StrEnum):
    QUEUED = "queued"
    WAITING = "waiting"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MISSED = "missed"
    SKIPPED = "skipped"
    LOST = "lost"

    @property
    def is_alive(self) -> bool:
        return self in ALIVE


ALIVE = frozenset(
    {
        ExecutionStatus.QUEUED,
        ExecutionStatus.WAITING,
        ExecutionStatus.AWAITING_APPROVAL,
        ExecutionStatus.RUNNING,
    }
)


class Trigger(StrEnum):
    SCHEDULE = "schedule"
    MANUAL = "manual"
    CHAIN = "chain"
    RERUN = "rerun"
    AD_HOC = "ad_hoc"


class TargetState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    #: it was started and its outcome is unknown; never "it did not run"
    LOST = "lost"

    @property
    def is_over(self) -> bool:
        return self not in (TargetState.WAITING, TargetState.RUNNING)


class Cause(StrEnum):
    """A stable classification of why a target did not succeed."""

    NAME = "name"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    UNREACHABLE = "unreachable"
    HOST_KEY = "host_key"
    AUTH = "auth"
    SUDO = "sudo"
    SHELL = "shell"
    EXIT = "exit"
    SIGNAL = "signal"
    KILLED = "killed"
    TIMEOUT = "timeout"
    LOST = "lost"
    #: a durable run left more output on the target than it may
    OUTPUT_LIMIT = "output_limit"
    #: a target that was to restart did not come back
    REBOOT = "reboot"
    VERIFY = "verify"


class KillVerdict(StrEnum):
    KILLED = "killed"
    ALIVE = "alive"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KillReport:
    """What a look at the target found after a cancel or a deadline."""

    verdict: KillVerdict
    #: of processes still alive, with ALIVE
    pids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCounts:
    total: int = 0
    waiting: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    unreachable: int = 0
    timed_out: int = 0
    cancelled: int = 0
    skipped: int = 0
    lost: int = 0
    #: on which something was changed, however they ended; and those that succeeded without a change. Of a command
    #: neither is known
    changed: int = 0
    unchanged: int = 0


#: an estimate of so much is none
_NEVER = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferProgress:
    """How far the files of a running target are over."""

    #: bytes
    done: int
    total: int
    #: bytes a second of late; 0: not known yet
    rate: int = 0

    @property
    def left(self) -> timedelta | None:
        """How long it takes still, as things go; None: nothing true to say."""
        if self.rate <= 0 or self.done >= self.total:
            return None
        seconds = (self.total - self.done) / self.rate
        return timedelta(seconds=seconds) if seconds < _NEVER.total_seconds() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult:
    """What is known of one target of one execution."""

    id: TargetId
    execution_id: ExecutionId
    device_id: DeviceId
    #: the device's name when the execution was planned
    device: str
    state: TargetState
    #: None unless the command exited
    exit_code: int | None = None
    #: signal name without SIG ("TERM"); None unless a signal ended it
    signal: str | None = None
    cause: Cause | None = None
    #: None: unknown
    changed: bool | None = None
    kill: KillReport | None = None
    batch: int = 1
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    output_cut: bool = False
    #: it outlives connection and engine; its two streams stand in the order in which they were asked for
    durable: bool = False
    #: None: it moves no files now
    progress: TransferProgress | None = None
    #: masked; "" when there is nothing to say
    error_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One fire of a task, or an ad-hoc run. Its targets freeze when it is planned, after its waits."""

    id: ExecutionId
    #: None: an ad-hoc run
    task_id: TaskId | None
    #: the task's name at the time, or "ad hoc: <line>"
    task_name: str
    #: who or what: the scheduler's rows carry the task's owner here and SCHEDULE as trigger
    started_by: str
    trigger: Trigger
    status: ExecutionStatus
    #: the instant that the schedule meant; None when started by hand
    scheduled_for: datetime | None
    #: when it may start
    due_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    targets: TargetCounts
    #: "2 of 22 targets failed: web19 unreachable, web-win04 exit 1"; "" when all is well
    error_message: str
    #: window, freeze, lock, overlap, ...; None unless WAITING
    wait_reason: str | None
    #: SHA-256 of the canonical plan, hex; None before it is planned
    plan_sha256: str | None
    #: the payload as one line, for lists
    summary: str
    type: TaskType = TaskType.COMMAND

    @property
    def by(self) -> str:
        """Who or what started it, as every list and frame says it: "schedule", "anna", "anna, rerun"."""
        match self.trigger:
            case Trigger.SCHEDULE:
                return "schedule"
            case Trigger.RERUN | Trigger.CHAIN:
                return f"{self.started_by}, {self.trigger.value}"
            case Trigger.MANUAL | Trigger.AD_HOC:
                return self.started_by


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionQuery:
    """Which executions, newest first, paged by key."""

    task_id: TaskId | None = None
    statuses: frozenset[ExecutionStatus] = frozenset()
    device_id: DeviceId | None = None
    since: datetime | None = None
    until: datetime | None = None
    #: words over names, errors and the first and last 2 KiB of each output
    text: str = ""
    limit: int = 100
    cursor: str | None = None


class Stream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChunk:
    """A piece of one stream as it arrived."""

    stream: Stream
    #: arrival
    at: datetime
    #: logical offset of `data` in the target's joined output
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class OutputGap:
    """What was said here and isn't there; by logical offsets."""

    start: int
    end: int
    #: why it can't be read, with the file ("the output file is damaged: ..."); "": it was not kept, because a limit or
    #: the disk forbade it
    reason: str = ""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.start

    @property
    def mark(self) -> bytes:
        """What stands for it in a text, a line of its own."""
        what = f"bytes can't be read: {self.reason}" if self.reason else "bytes of output were not kept here"
        return f"[deployx: {self.size} {what}]".encode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSlice:
    """Stored (masked) bytes of a target's output from a logical offset."""

    chunks: tuple[OutputChunk, ...]
    #: where to read on
    next_offset: int
    #: nothing more will come
    complete: bool
    #: size of the whole at this moment
    total: int
    #: what was said in this range and isn't there
    gaps: tuple[OutputGap, ...] = ()
    #: lines of the asked stream (BOTH: of either) that ended before the first byte here: the number of the line, from
    #: 0, that it stands in
    line: int = 0
    #: and how many have ended in all, at this moment
    lines: int = 0

    def in_order(self) -> Iterator[OutputChunk | OutputGap]:
        """Chunks, and gaps between them; gaps of both streams that touch are one."""
        gaps: list[OutputGap] = []
        for gap in self.gaps:
            touches = bool(gaps) and gaps[-1].end == gap.start and gaps[-1].reason == gap.reason
            gaps.append(replace(gap, start=gaps.pop().start) if touches else gap)
        for chunk in self.chunks:
            while gaps and gaps[0].start <= chunk.offset:
                yield gaps.pop(0)
            yield chunk
        yield from gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputGroup:
    """Targets whose output is the same bytes."""

    #: SHA-256 of stdout and stderr, hex
    digest: str
    devices: tuple[tuple[DeviceId, str], ...]
    #: first lines, for a glance
    sample: bytes


class RerunScope(StrEnum):
    FAILED = "failed"
    NOT_STARTED = "not_started"
    LOST = "lost"
    ALL = "all"


DEFAULT_RERUN = frozenset({RerunScope.FAILED, RerunScope.NOT_STARTED, RerunScope.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseCount:
    """So many targets did not succeed for this reason."""

    cause: Cause | None
    message: str
    devices: tuple[str, ...] = field(default=())
