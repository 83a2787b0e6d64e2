"""A Backend in memory, for UI tests only: the whole protocol over the mock-ups' world, with a frozen clock.

It answers at once, keeps what it is told, emits the events that the engine would, and can be held
(`hold`/`release`: calls wait), lost (`lose`/`mend`) and scripted (`finish_run`).
"""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from deployx_tui.errors import EngineUnreachable, InvalidInput
from deployx_tui.model.device import (
    Device,
    Group,
)
from deployx_tui.model.event import Event, EventId
from deployx_tui.model.execution import (
    Execution,
    ExecutionStatus,
    TargetCounts,
    TargetResult,
    Trigger,
)
from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId, TaskId, UserId
from deployx_tui.model.inventory import Inventory, InventoryGroup, seen_by_selectors
from deployx_tui.model.parameter import Value
from deployx_tui.model.payloads import Payload
from deployx_tui.model.question import QuestionId
from deployx_tui.model.task import LastRun, Task
from deployx_tui.model.user import Actor, Role
from tests.support import world
from tests.support.fake_backend.artifacts import FakeArtifacts
from tests.support.fake_backend.calendar import FakeCalendar
from tests.support.fake_backend.credentials import FakeCredentials, FakeVault
from tests.support.fake_backend.devices import FakeDevices
from tests.support.fake_backend.engine import FakeEngine, FakeEvents
from tests.support.fake_backend.executions import FakeExecutions
from tests.support.fake_backend.facet import STREAM
from tests.support.fake_backend.groups import FakeGroups
from tests.support.fake_backend.imports import FakeImports
from tests.support.fake_backend.packages import FakePackages
from tests.support.fake_backend.questions import FakeQuestions
from tests.support.fake_backend.tasks import FakeTasks


class FakeBackend:
    """One actor's view of a made-up engine; see the module."""

    def __init__(self, now: Callable[[], datetime] = lambda: world.NOW) -> None:
        self.now = now
        self.actor = Actor(user_id=UserId(1), name="alice", role=Role.ADMIN, uid=1000, origin="test")
        self.device_rows = world.devices()
        self.group_rows = world.groups(self.device_rows)
        self.task_rows = world.tasks()
        self.execution_rows = world.executions(self.task_rows)
        #: what runs gave to their commands
        self.given: dict[ExecutionId, tuple[Value, ...]] = {}
        self.target_rows: dict[ExecutionId, tuple[TargetResult, ...]] = {}
        self.outputs: dict[tuple[ExecutionId, DeviceId], bytes] = {}
        self.deleted_tasks: dict[TaskId, Task] = {}
        self.deleted_devices: dict[DeviceId, Device] = {}
        self.deleted_groups: dict[GroupId, Group] = {}
        #: of servers, that wait
        self.open_questions: set[QuestionId] = set()
        #: what came back; None: it was declined
        self.answered: dict[QuestionId, tuple[str, ...] | None] = {}
        #: what imports read, by path
        self.files: dict[str, bytes] = {}
        #: names of the methods called, in order
        self.calls: list[str] = []
        self.engine_id = "e" * 32
        self.pid, self.host = 4127, "jump01"
        self.is_service = False
        self.clients = 1
        self.stays = False
        self.is_shut = False
        self.closed = False
        self.number = 100
        self.followers: list[asyncio.Queue[Event | None]] = []
        self._open = asyncio.Event()
        self._open.set()
        self._lost = False
        self.tasks = FakeTasks(self)
        self.executions = FakeExecutions(self)
        self.devices = FakeDevices(self)
        self.groups = FakeGroups(self)
        self.credentials = FakeCredentials(self)
        self.vault = FakeVault(self)
        self.artifacts = FakeArtifacts(self)
        self.packages = FakePackages(self)
        self.imports = FakeImports(self)
        self.questions = FakeQuestions(self)
        self.calendar = FakeCalendar(self)
        self.events = FakeEvents(self)
        self.engine = FakeEngine(self)

    async def close(self) -> None:
        self.closed = True

    # for tests

    async def door(self, name: str) -> None:
        """Every method goes through here: it is written down, waits while held, fails while lost."""
        self.calls.append(name)
        await self._open.wait()
        if self._lost:
            raise EngineUnreachable("connection refused")

    def hold(self) -> None:
        """Calls wait from now on, as with a database that is held."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def lose(self) -> None:
        """The engine process is gone."""
        self._lost = True
        for queue in self.followers:
            queue.put_nowait(None)

    def mend(self) -> None:
        self._lost = False

    def emit(self, kind: str, task: TaskId | None = None, execution: ExecutionId | None = None) -> None:
        self.number += 1
        event = Event(id=EventId(STREAM, self.number), type=kind, at=self.now(), task_id=task, execution_id=execution)
        for queue in self.followers:
            queue.put_nowait(event)

    def finish_run(self, number: int, status: ExecutionStatus = ExecutionStatus.SUCCEEDED) -> Execution:
        """End a run that is alive, all its open targets well."""
        run = self.execution_rows[ExecutionId(number)]
        still_open = run.targets.waiting + run.targets.running
        done = replace(
            run,
            status=status,
            finished_at=self.now(),
            targets=replace(run.targets, waiting=0, running=0, succeeded=run.targets.succeeded + still_open),
        )
        self.keep_run(done)
        self.emit("execution.finished", done.task_id, done.id)
        return done

    def keep_run(self, run: Execution) -> None:
        self.execution_rows[run.id] = run
        task = self.task_rows.get(run.task_id) if run.task_id is not None else None
        if task is not None:
            last = LastRun(
                id=run.id,
                status=run.status,
                targets=run.targets,
                started_at=run.started_at,
                finished_at=run.finished_at,
                why=run.error_message,
            )
            recent = task.recent[:-1] if task.last is not None and task.last.id == run.id else task.recent
            self.task_rows[task.id] = replace(task, last=last, recent=(*recent, run.status)[-12:])

    # shared

    def resolve(self, selector: str) -> tuple[tuple[DeviceId, str, str], ...]:
        chosen: dict[DeviceId, str] = {}
        dropped: set[DeviceId] = set()
        for term in filter(None, (part.strip() for part in selector.split(","))):
            wanted = term.removeprefix("!")
            found = [d.id for d in self.device_rows.values() if self._fits(d, wanted)]
            if not found:
                raise InvalidInput.of(
                    "selector", f"nothing is called {wanted}", "write a device, @group, tag:word or web*"
                )
            if term.startswith("!"):
                dropped.update(found)
            else:
                for each in found:
                    chosen.setdefault(each, term)
        kept = [(i, self.device_rows[i].name, why) for i, why in chosen.items() if i not in dropped]
        return tuple(sorted(kept, key=lambda item: item[1]))

    def inventory(self) -> Inventory:
        """Devices and groups as selectors see them."""
        return Inventory(
            {one.id: seen_by_selectors(one.id, one.draft, one.facts) for one in self.device_rows.values()},
            {
                one.id: InventoryGroup(
                    id=one.id,
                    name=one.name,
                    selector=one.draft.selector,
                    devices=frozenset(one.draft.devices),
                    groups=frozenset(one.draft.groups),
                )
                for one in self.group_rows.values()
            },
        )

    def _fits(self, device: Device, term: str) -> bool:
        if term.startswith("@"):
            return term[1:] in device.member_of
        if term.startswith("tag:"):
            return term[4:] in device.draft.tags
        return fnmatch.fnmatchcase(device.name, term)

    def start_run(self, task: Task | None, payload: Payload, selector: str, trigger: Trigger) -> ExecutionId:
        number = ExecutionId(max(self.execution_rows) + 1)
        chosen = self.resolve(selector)
        summary = world.summary_of(payload)
        run = Execution(
            id=number,
            task_id=None if task is None else task.id,
            task_name=f"ad hoc: {summary}" if task is None else task.name,
            started_by=self.actor.name,
            trigger=trigger,
            status=ExecutionStatus.RUNNING,
            scheduled_for=None,
            due_at=self.now(),
            created_at=self.now(),
            started_at=self.now(),
            finished_at=None,
            targets=TargetCounts(total=len(chosen), waiting=len(chosen)),
            error_message="",
            wait_reason=None,
            plan_sha256="ab" * 32,
            summary=summary,
        )
        self.keep_run(run)
        self.emit("execution.started", run.task_id, run.id)
        return number
