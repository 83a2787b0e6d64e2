"""An execution that this engine runs, and its targets, in memory. The truth is in the store; this is under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from threading import Event, Lock

from deployx_tui.engine.meter import TransferMeter
from deployx_tui.engine.resuming import Resumption
from deployx_tui.model.facts import Facts
from deployx_tui.model.ids import BatchId, DeviceId, ExecutionId, TargetId, TaskId
from deployx_tui.model.secret import Secret
from deployx_tui.output.mask import NO_SECRETS, SecretSet
from deployx_tui.planning.plan import Work
from deployx_tui.transports.base import Connection, Endpoint, Unreached


@dataclass(eq=False, slots=True, kw_only=True)
class Run:
    """One execution. Its batches begin one after the other."""

    id: ExecutionId
    task: TaskId | None
    #: when it should have started, epoch milliseconds
    due_at_ms: int
    work: Work
    #: batches that have not begun
    batches: deque[BatchId]
    #: of the present batch, not over yet; guarded by `lock`
    targets: dict[TargetId, TargetJob] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    #: who started it by hand, and may be asked what servers want to know; None: it is unattended
    by_hand_of: str | None = None
    #: set once: no further batch begins
    is_cancelled: bool = False
    has_started: bool = False

    def jobs(self) -> tuple[TargetJob, ...]:
        """Targets of the present batch that are not over."""
        with self.lock:
            return tuple(self.targets.values())

    def is_over_without(self, ended: AbstractSet[TargetId]) -> bool:
        """Whether these ends are all that the present batch waits for. False also when it is over already."""
        with self.lock:
            return bool(self.targets) and self.targets.keys() <= ended

    def begin(self, jobs: Iterable[TargetJob]) -> None:
        """They are its present batch. A cancel that came while they were made is theirs too."""
        with self.lock:
            self.targets.update({job.id: job for job in jobs})
        # whoever cancels sets the flag before looking for jobs: one of the two sees the other
        if self.is_cancelled:
            for job in self.jobs():
                job.cancel.set()

    def end(self, target: TargetId) -> None:
        with self.lock:
            self.targets.pop(target, None)


@dataclass(eq=False, slots=True, kw_only=True)
class TargetJob:
    """One target on its way through a worker."""

    id: TargetId
    run: Run
    device: DeviceId
    name: str
    #: None: the device was deleted after the plan was made. `Unreached`: nothing may be sent to it
    endpoint: Endpoint | Unreached | None
    #: what its output and messages must not show
    secrets: SecretSet = NO_SECRETS
    #: what its command gets by name
    parameters: Mapping[str, str | Secret] = field(default_factory=dict)
    #: what the way to another account asks for; None: it must not ask
    password: Secret | None = None
    #: ends its command when set
    cancel: Event = field(default_factory=Event)
    #: how far its files are over
    meter: TransferMeter = field(default_factory=TransferMeter)
    #: of its start; "" before
    token: str = ""
    #: what the device told of itself, where that decides what is done; None: not known, or not asked for
    facts: Facts | None = None
    #: lets go of it when set: a durable one goes on on its target, a repeatable one is begun again by the next engine
    leave: Event = field(default_factory=Event)
    #: of a repeatable one, at present; closed to let go of it
    connection: Connection | None = None
    #: how far an engine that is no more had come with it; None: it has not begun
    resumes: Resumption | None = None
    #: with `resumes`: when it began
    started_at_ms: int | None = None
