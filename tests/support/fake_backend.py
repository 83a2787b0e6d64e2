"""A Backend in memory, for UI tests only: the whole protocol over the mock-ups' world, with a frozen clock.

It answers at once, keeps what it is told, emits the events that the engine would, and can be held
(`hold`/`release`: calls wait), lost (`lose`/`mend`) and scripted (`finish_run`).
"""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from deployx_tui.errors import Conflict, EngineUnreachable, InvalidInput, NotFound, Problem
from deployx_tui.model.calendar import AgendaEntry, CalendarDay, Month
from deployx_tui.model.device import (
    Device,
    DeviceDraft,
    Group,
    GroupDraft,
    OfferedKey,
    SelectorMatch,
    TestStep,
    TestStepName,
)
from deployx_tui.model.engine import EngineStatus, StopAllReport
from deployx_tui.model.event import Event, EventId, Reset
from deployx_tui.model.execution import (
    ALIVE,
    DEFAULT_RERUN,
    CauseCount,
    Execution,
    ExecutionQuery,
    ExecutionStatus,
    OutputChunk,
    OutputGroup,
    OutputSlice,
    RerunScope,
    Stream,
    TargetCounts,
    TargetResult,
    TargetState,
    Trigger,
)
from deployx_tui.model.ids import DeviceId, EngineId, ExecutionId, GroupId, TaskId, UserId
from deployx_tui.model.page import Page
from deployx_tui.model.payload import Payload
from deployx_tui.model.schedule import Fire, Schedule
from deployx_tui.model.task import LastRun, PreviewProblem, Task, TaskDraft, TaskPreview, TaskQuery, TaskSort, TaskState
from deployx_tui.model.user import Actor, Role
from tests.support import world
from tests.support.fires import fires

STREAM = "5c1d"


class FakeBackend:
    """One actor's view of a made-up engine; see the module."""

    def __init__(self, now: Callable[[], datetime] = lambda: world.NOW) -> None:
        self.now = now
        self.actor = Actor(user_id=UserId(1), name="alice", role=Role.ADMIN, uid=1000, origin="test")
        self.device_rows = world.devices()
        self.group_rows = world.groups(self.device_rows)
        self.task_rows = world.tasks()
        self.execution_rows = world.executions(self.task_rows)
        self.target_rows: dict[ExecutionId, tuple[TargetResult, ...]] = {}
        self.outputs: dict[tuple[ExecutionId, DeviceId], bytes] = {}
        self.deleted_tasks: dict[TaskId, Task] = {}
        self.deleted_devices: dict[DeviceId, Device] = {}
        self.deleted_groups: dict[GroupId, Group] = {}
        #: names of the methods called, in order
        self.calls: list[str] = []
        self.engine_id = "e" * 32
        self.is_service = False
        self.clients = 1
        self.stays = False
        self.is_shut = False
        self.closed = False
        self._number = 100
        self._followers: list[asyncio.Queue[Event | None]] = []
        self._open = asyncio.Event()
        self._open.set()
        self._lost = False
        self.tasks = FakeTasks(self)
        self.executions = FakeExecutions(self)
        self.devices = FakeDevices(self)
        self.groups = FakeGroups(self)
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
        for queue in self._followers:
            queue.put_nowait(None)

    def mend(self) -> None:
        self._lost = False

    def emit(self, kind: str, task: TaskId | None = None, execution: ExecutionId | None = None) -> None:
        self._number += 1
        event = Event(id=EventId(STREAM, self._number), type=kind, at=self.now(), task_id=task, execution_id=execution)
        for queue in self._followers:
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


def _has_words(text: str, wanted: str) -> bool:
    """Every word, and none of those with a `!` before them."""
    text = text.lower()
    return all(
        word[1:] not in text if word.startswith("!") and len(word) > 1 else word in text or word == "!"
        for word in wanted.lower().split()
    )


class _Facet:
    def __init__(self, world_: FakeBackend) -> None:
        self.w = world_


class FakeTasks(_Facet):
    async def list(self, query: TaskQuery) -> Page[Task]:
        await self.w.door("tasks.list")
        rows = [task for task in self.w.task_rows.values() if self._fits(task, query)]
        far = datetime.max.replace(tzinfo=world.NOW.tzinfo)
        match query.sort:
            case TaskSort.NEXT:
                alive = {t.id for t in rows if t.last is not None and t.last.status in ALIVE}
                rows.sort(key=lambda t: (t.id not in alive, t.next_execution or far, t.name))
            case TaskSort.NAME:
                rows.sort(key=lambda t: t.name)
            case TaskSort.CREATED:
                rows.sort(key=lambda t: t.id)
            case TaskSort.LAST:
                rows.sort(key=lambda t: t.last_execution or far)
        if query.descending:
            rows.reverse()
        start = int(query.cursor or 0)
        end = start + query.limit
        return Page(tuple(rows[start:end]), str(end) if end < len(rows) else None, len(rows))

    def _fits(self, task: Task, query: TaskQuery) -> bool:
        if not _has_words(f"{task.name} {' '.join(sorted(task.draft.tags))} {task.draft.description}", query.text):
            return False
        resolved = {i for i, _, _ in self.w.resolve(task.draft.selector)}
        return (
            (query.state is None or task.state is query.state)
            and (query.last_status is None or (task.last is not None and task.last.status is query.last_status))
            and (query.owner is None or task.owner == query.owner)
            and (query.tag is None or query.tag in task.draft.tags)
            and (query.device_id is None or query.device_id in resolved)
            and (query.group_id is None or bool(resolved & set(self.w.group_rows[query.group_id].members)))
            and (
                query.due_before is None or (task.next_execution is not None and task.next_execution < query.due_before)
            )
        )

    async def get(self, task: TaskId) -> Task:
        await self.w.door("tasks.get")
        return self._row(task)

    def _row(self, task: TaskId) -> Task:
        found = self.w.task_rows.get(task)
        if found is None:
            raise NotFound("task", str(task))
        return found

    async def find(self, name_or_id: str) -> Task:
        await self.w.door("tasks.find")
        for task in self.w.task_rows.values():
            if task.name == name_or_id or str(task.id) == name_or_id:
                return task
        raise NotFound("task", name_or_id)

    async def preview(self, draft: TaskDraft, count: int = 10) -> TaskPreview:
        await self.w.door("tasks.preview")
        problems: list[Problem] = []
        coming: tuple[Fire, ...] = ()
        chosen: tuple[tuple[DeviceId, str, str], ...] = ()
        if not draft.name:
            problems.append(Problem(field="task_name", message="it has no name", remedy="write 1 to 200 characters"))
        try:
            coming = fires(draft.schedule, self.w.now(), count)
        except InvalidInput as error:
            problems.extend(error.problems)
        try:
            chosen = self.w.resolve(draft.selector)
        except InvalidInput as error:
            problems.extend(error.problems)
        if not chosen and not problems:
            problems.append(Problem(field="selector", message="it has no targets", remedy="write @web or web01,web02"))
        warnings = tuple(
            f"{name} is offline since 14:41; it is tried all the same" for _, name, _ in chosen if name == "web19"
        )
        return TaskPreview(
            problems=tuple(PreviewProblem(field=p.field, message=p.message, remedy=p.remedy) for p in problems),
            fires=coming,
            targets=chosen,
            warnings=warnings,
        )

    async def fires(self, schedule: Schedule, count: int, after: datetime | None = None) -> tuple[Fire, ...]:
        await self.w.door("tasks.fires")
        return fires(schedule, after or self.w.now(), count)

    async def create(self, draft: TaskDraft) -> Task:
        await self.w.door("tasks.create")
        preview = await self.preview(draft)
        if preview.problems:
            raise InvalidInput(Problem(field=p.field, message=p.message, remedy=p.remedy) for p in preview.problems)
        if any(task.name == draft.name for task in self.w.task_rows.values()):
            raise InvalidInput.of("task_name", f"a task {draft.name} exists", "choose another name")
        number = TaskId(max(self.w.task_rows, default=0) + 1)
        task = Task(
            id=number,
            draft=draft,
            state=TaskState.ACTIVE,
            version=1,
            owner_id=self.w.actor.user_id,
            owner=self.w.actor.name,
            created_at=self.w.now(),
            updated_at=self.w.now(),
            next_execution=preview.fires[0].at if preview.fires else None,
            last_execution=None,
            execution_count=0,
            last=None,
            recent=(),
            target_count=len(preview.targets),
        )
        self.w.task_rows[number] = task
        self.w.emit("task.created", number)
        return task

    async def update(self, task: TaskId, draft: TaskDraft, version: int | None = None) -> Task:
        await self.w.door("tasks.update")
        row = self._row(task)
        if version is not None and version != row.version:
            raise Conflict(f"task {row.name} was changed meanwhile", stale=True)
        preview = await self.preview(draft)
        if preview.problems:
            raise InvalidInput(Problem(field=p.field, message=p.message, remedy=p.remedy) for p in preview.problems)
        return self._keep(
            replace(
                row,
                draft=draft,
                version=row.version + 1,
                next_execution=preview.fires[0].at if preview.fires else None,
                target_count=len(preview.targets),
            )
        )

    def _keep(self, task: Task) -> Task:
        self.w.task_rows[task.id] = task
        self.w.emit("task.changed", task.id)
        return task

    async def delete(self, task: TaskId, version: int | None = None) -> None:
        await self.w.door("tasks.delete")
        self.w.deleted_tasks[task] = self._row(task)
        del self.w.task_rows[task]
        self.w.emit("task.deleted", task)

    async def restore(self, task: TaskId) -> Task:
        await self.w.door("tasks.restore")
        return self._keep(self.w.deleted_tasks.pop(task))

    async def pause(self, task: TaskId) -> Task:
        await self.w.door("tasks.pause")
        return self._keep(replace(self._row(task), state=TaskState.PAUSED, next_execution=None))

    async def resume(self, task: TaskId) -> Task:
        await self.w.door("tasks.resume")
        row = self._row(task)
        coming = fires(row.draft.schedule, self.w.now(), 1)
        return self._keep(replace(row, state=TaskState.ACTIVE, next_execution=coming[0].at if coming else None))

    async def run(self, task: TaskId, request: str, targets: str | None = None) -> ExecutionId:
        await self.w.door("tasks.run")
        row = self._row(task)
        if row.last is not None and row.last.status in ALIVE and row.draft.overlap.limit == 1:
            raise Conflict(f"{row.name} runs already (#{row.last.id}) and its overlap rule is skip")
        return self.w.start_run(row, row.draft.payload, row.draft.selector, Trigger.MANUAL)


class FakeExecutions(_Facet):
    async def list(self, query: ExecutionQuery) -> Page[Execution]:
        await self.w.door("executions.list")
        rows = [
            run
            for run in self.w.execution_rows.values()
            if (query.task_id is None or run.task_id == query.task_id)
            and (not query.statuses or run.status in query.statuses)
            and (query.since is None or run.created_at >= query.since)
            and (query.until is None or run.created_at < query.until)
            and (query.device_id is None or query.device_id in {t.device_id for t in self._targets(run.id)})
            and _has_words(f"{run.task_name} {run.error_message}", query.text)
        ]
        rows.sort(key=lambda run: (run.created_at, run.id), reverse=True)
        start = int(query.cursor or 0)
        end = start + query.limit
        return Page(tuple(rows[start:end]), str(end) if end < len(rows) else None, len(rows))

    async def get(self, execution: ExecutionId) -> Execution:
        await self.w.door("executions.get")
        found = self.w.execution_rows.get(execution)
        if found is None:
            raise NotFound("execution", str(execution))
        return found

    def _targets(self, execution: ExecutionId) -> tuple[TargetResult, ...]:
        if execution not in self.w.target_rows:
            run = self.w.execution_rows[execution]
            task = self.w.task_rows.get(run.task_id) if run.task_id is not None else None
            selector = task.draft.selector if task is not None else "@web"
            self.w.target_rows[execution] = world.targets(run, list(self.w.resolve(selector)))
        return self.w.target_rows[execution]

    async def targets(
        self,
        execution: ExecutionId,
        states: frozenset[TargetState] = frozenset(),
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[TargetResult]:
        await self.w.door("executions.targets")
        rows = [t for t in self._targets(execution) if not states or t.state in states]
        return Page(tuple(rows[:limit]), None, len(rows))

    async def causes(self, execution: ExecutionId) -> tuple[CauseCount, ...]:
        await self.w.door("executions.causes")
        found: dict[tuple[object, str], CauseCount] = {}
        for target in self._targets(execution):
            if target.cause is not None:
                key = (target.cause, target.error_message)
                before = found.get(key)
                names = (*(before.devices if before else ()), target.device)
                found[key] = CauseCount(cause=target.cause, message=target.error_message, devices=names)
        return tuple(sorted(found.values(), key=lambda c: -len(c.devices)))

    async def run_ad_hoc(
        self, payload: Payload, selector: str, request: str, timeout: timedelta | None = None
    ) -> ExecutionId:
        await self.w.door("executions.run_ad_hoc")
        return self.w.start_run(None, payload, selector, Trigger.AD_HOC)

    async def rerun(
        self, execution: ExecutionId, request: str, scope: frozenset[RerunScope] = DEFAULT_RERUN
    ) -> ExecutionId:
        await self.w.door("executions.rerun")
        run = await self.get(execution)
        task = self.w.task_rows.get(run.task_id) if run.task_id is not None else None
        assert task is not None
        return self.w.start_run(task, task.draft.payload, task.draft.selector, Trigger.RERUN)

    async def cancel(self, execution: ExecutionId) -> Execution:
        await self.w.door("executions.cancel")
        run = await self.get(execution)
        if run.status not in ALIVE:
            raise Conflict(f"#{execution} is over")
        return self.w.finish_run(execution, ExecutionStatus.CANCELLED)

    async def output(
        self,
        execution: ExecutionId,
        device: DeviceId,
        stream: Stream = Stream.BOTH,
        offset: int = 0,
        limit: int = 1 << 20,
        tail: int | None = None,
        wait: timedelta | None = None,
    ) -> OutputSlice:
        await self.w.door("executions.output")
        run = await self.get(execution)
        name = self.w.device_rows[device].name
        data = self.w.outputs.get((execution, device), f"+ {run.summary}\n{name}: done\n".encode())
        if tail is not None:
            offset = max(0, len(data) - tail)
        piece = data[offset : offset + limit]
        chunks = (OutputChunk(stream=Stream.STDOUT, at=run.created_at, offset=offset, data=piece),) if piece else ()
        its = [target.state for target in self._targets(execution) if target.device_id == device]
        over = run.status not in ALIVE or all(state.is_over for state in its)
        if not piece and not over and wait is not None:
            await asyncio.sleep(min(wait.total_seconds(), 0.05))
        return OutputSlice(chunks=chunks, next_offset=offset + len(piece), complete=over, total=len(data))

    async def output_groups(self, execution: ExecutionId) -> tuple[OutputGroup, ...]:
        await self.w.door("executions.output_groups")
        good = [(t.device_id, t.device) for t in self._targets(execution) if t.state is TargetState.SUCCEEDED]
        bad = [(t.device_id, t.device) for t in self._targets(execution) if t.state is TargetState.FAILED]
        made = []
        if good:
            made.append(OutputGroup(digest="0" * 64, devices=tuple(good), sample=b"cert ok, 61 days\n"))
        if bad:
            made.append(OutputGroup(digest="1" * 64, devices=tuple(bad), sample=b"sh: 1: logrotate: not found\n"))
        return tuple(sorted(made, key=lambda g: -len(g.devices)))


class FakeDevices(_Facet):
    async def list(
        self, text: str = "", group: GroupId | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[Device]:
        await self.w.door("devices.list")
        rows = [
            device
            for device in self.w.device_rows.values()
            if all(word in f"{device.name} {device.draft.address}".lower() for word in text.lower().split())
            and (group is None or self.w.group_rows[group].name in device.member_of)
        ]
        rows.sort(key=lambda device: device.name)
        return Page(tuple(rows[:limit]), None, len(rows))

    async def get(self, device: DeviceId) -> Device:
        await self.w.door("devices.get")
        if device not in self.w.device_rows:
            raise NotFound("device", str(device))
        return self.w.device_rows[device]

    async def find(self, name_or_id: str) -> Device:
        await self.w.door("devices.find")
        for device in self.w.device_rows.values():
            if device.name == name_or_id or str(device.id) == name_or_id:
                return device
        raise NotFound("device", name_or_id)

    async def match(self, selector: str) -> SelectorMatch:
        await self.w.door("devices.match")
        return SelectorMatch(selector=selector, devices=self.w.resolve(selector))

    def _keep(self, device: Device, kind: str = "device.changed") -> Device:
        self.w.device_rows[device.id] = device
        self.w.emit(kind)
        return device

    async def create(self, draft: DeviceDraft) -> Device:
        await self.w.door("devices.create")
        if not draft.name:
            raise InvalidInput.of("name", "it has no name", "write 1 to 120 characters")
        number = DeviceId(max(self.w.device_rows, default=0) + 1)
        inside = tuple(sorted(self.w.group_rows[g].name for g in draft.groups))
        from deployx_tui.model.device import Contact

        return self._keep(
            Device(id=number, draft=draft, version=1, contact=Contact.NEVER, contact_at=None, member_of=inside)
        )

    async def update(self, device: DeviceId, draft: DeviceDraft, version: int | None = None) -> Device:
        await self.w.door("devices.update")
        row = await self.get(device)
        if version is not None and version != row.version:
            raise Conflict(f"device {row.name} was changed meanwhile", stale=True)
        return self._keep(replace(row, draft=draft, version=row.version + 1))

    async def delete(self, device: DeviceId, version: int | None = None) -> None:
        await self.w.door("devices.delete")
        self.w.deleted_devices[device] = self.w.device_rows.pop(device)
        self.w.emit("device.changed")

    async def restore(self, device: DeviceId) -> Device:
        await self.w.door("devices.restore")
        return self._keep(self.w.deleted_devices.pop(device))

    async def read_ssh_config(self, path: str | None = None) -> tuple[DeviceDraft, ...]:
        await self.w.door("devices.read_ssh_config")
        return tuple(DeviceDraft(name=f"jump{n}", address=f"10.9.0.{n}") for n in range(1, 4))

    async def test(self, device: DeviceId) -> AsyncIterator[TestStep]:
        await self.w.door("devices.test")
        row = await self.get(device)
        yield TestStep(
            name=TestStepName.RESOLVE, ok=True, message=f"{row.name} is {row.draft.address}", remedy="", elapsed_ms=2
        )
        yield TestStep(name=TestStepName.CONNECT, ok=True, message="port 22, direct", remedy="", elapsed_ms=11)
        if row.name == "db05":
            yield TestStep(
                name=TestStepName.HOST_KEY,
                ok=False,
                message="not the known host key",
                remedy="compare it at the console, then trust it",
                elapsed_ms=38,
                offered_key=OfferedKey(
                    fingerprint="SHA256:Jw5Hc9sYp2LxQe0aVtM7rFzKd4nUoG1bTi8mSyXv3Rg",
                    key_type="ssh-ed25519",
                    key="AAAAC3NzaC1lZDI1NTE5AAAAIOffered",
                    known_fingerprint="SHA256:q8Zr1uTn0VfJ4yKcW2mXe7LbGh5sPdA9oRi3tUvN6Bk",
                ),
            )
            return
        yield TestStep(name=TestStepName.HOST_KEY, ok=True, message="the known one", remedy="", elapsed_ms=38)
        yield TestStep(name=TestStepName.AUTHENTICATE, ok=True, message="deploy, by key", remedy="", elapsed_ms=61)
        yield TestStep(name=TestStepName.RUN, ok=True, message="exec sh, echo and back", remedy="", elapsed_ms=70)

    async def trust(self, device: DeviceId, key: OfferedKey) -> None:
        await self.w.door("devices.trust")
        self.w.emit("device.changed")


class FakeGroups(_Facet):
    async def list(self) -> Page[Group]:
        await self.w.door("groups.list")
        rows = sorted(self.w.group_rows.values(), key=lambda group: group.name)
        return Page(tuple(rows), None, len(rows))

    async def get(self, group: GroupId) -> Group:
        await self.w.door("groups.get")
        if group not in self.w.group_rows:
            raise NotFound("group", str(group))
        return self.w.group_rows[group]

    async def find(self, name_or_id: str) -> Group:
        await self.w.door("groups.find")
        for group in self.w.group_rows.values():
            if group.name == name_or_id or str(group.id) == name_or_id:
                return group
        raise NotFound("group", name_or_id)

    async def create(self, draft: GroupDraft) -> Group:
        await self.w.door("groups.create")
        number = GroupId(max(self.w.group_rows, default=0) + 1)
        return self._keep(Group(id=number, draft=draft, version=1, members=draft.devices))

    def _keep(self, group: Group) -> Group:
        self.w.group_rows[group.id] = group
        self.w.emit("group.changed")
        return group

    async def update(self, group: GroupId, draft: GroupDraft, version: int | None = None) -> Group:
        await self.w.door("groups.update")
        row = await self.get(group)
        return self._keep(replace(row, draft=draft, version=row.version + 1))

    async def delete(self, group: GroupId, version: int | None = None) -> None:
        await self.w.door("groups.delete")
        self.w.deleted_groups[group] = self.w.group_rows.pop(group)
        self.w.emit("group.changed")

    async def restore(self, group: GroupId) -> Group:
        await self.w.door("groups.restore")
        return self._keep(self.w.deleted_groups.pop(group))


class FakeCalendar(_Facet):
    async def month(self, year: int, month: int, zone: str) -> Month:
        await self.w.door("calendar.month")
        first = date(year, month, 1)
        start = first - timedelta(days=first.weekday())
        end = (first + timedelta(days=32)).replace(day=1)
        last = end + timedelta(days=(7 - end.weekday()) % 7)
        today = self.w.now().astimezone(ZoneInfo(zone)).date()
        days = []
        day = start
        while day < last:
            planned = (6, 9, 4, 9, 4, 9, 7, 6) if day.weekday() < 5 else (1, 7, 1, 1, 1, 1, 1, 1)
            done: tuple[tuple[ExecutionStatus, int], ...] = ()
            if day < today:
                done = ((ExecutionStatus.SUCCEEDED, sum(planned) - 1), (ExecutionStatus.FAILED, 1))
            elif day == today:
                done = ((ExecutionStatus.SUCCEEDED, 24), (ExecutionStatus.FAILED, 1), (ExecutionStatus.RUNNING, 2))
            change = "clock +1h" if day == date(2026, 3, 29) else ""
            days.append(CalendarDay(day=day, planned=planned, done=done, clock_change=change))
            day += timedelta(days=1)
        return Month(year=year, month=month, zone=zone, days=tuple(days))

    async def day(self, day: date, zone: str, limit: int = 500) -> tuple[AgendaEntry, ...]:
        await self.w.door("calendar.day")
        tz = ZoneInfo(zone)
        entries: list[AgendaEntry] = []
        for run in self.w.execution_rows.values():
            if run.created_at.astimezone(tz).date() == day:
                entries.append(
                    AgendaEntry(
                        at=run.created_at,
                        task_id=run.task_id,
                        task_name=run.task_name,
                        target_count=run.targets.total,
                        execution_id=run.id,
                        status=run.status,
                    )
                )
        start = max(self.w.now(), datetime.combine(day, datetime.min.time(), tzinfo=tz) - timedelta(minutes=1))
        for task in self.w.task_rows.values():
            if task.state is not TaskState.ACTIVE:
                continue
            due = [f for f in fires(task.draft.schedule, start, 100) if f.at.astimezone(tz).date() == day]
            if due:
                entries.append(
                    AgendaEntry(
                        at=due[0].at,
                        task_id=task.id,
                        task_name=task.name,
                        target_count=task.target_count,
                        count=len(due),
                    )
                )
        entries.sort(key=lambda entry: (entry.at, entry.task_name))
        return tuple(entries[:limit])


class FakeEvents(_Facet):
    async def follow(
        self, after: EventId | None = None, execution: ExecutionId | None = None
    ) -> AsyncIterator[Event | Reset]:
        await self.w.door("events.follow")
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.w._followers.append(queue)
        try:
            if after is None:
                yield Reset(EventId(STREAM, self.w._number))
            while True:
                event = await queue.get()
                if event is None:
                    raise EngineUnreachable("the connection was cut")
                if execution is None or event.execution_id == execution:
                    yield event
        finally:
            self.w._followers.remove(queue)


class FakeEngine(_Facet):
    async def status(self) -> EngineStatus:
        await self.w.door("engine.status")
        alive = [run.status for run in self.w.execution_rows.values() if run.status in ALIVE]
        return EngineStatus(
            engine_id=EngineId(self.w.engine_id),
            version="0.1.0",
            pid=4127,
            host="jump01",
            database="sqlite:////home/alice/.local/share/deployx/deployx.db",
            started_at=self.w.now() - timedelta(days=3, hours=4, minutes=7),
            now=self.w.now(),
            zone="Europe/Berlin",
            is_service=self.w.is_service,
            clients=self.w.clients,
            running_executions=alive.count(ExecutionStatus.RUNNING),
            queued_executions=len(alive) - alive.count(ExecutionStatus.RUNNING),
            lag_ms=12,
            event_stream=STREAM,
        )

    async def stay(self) -> None:
        await self.w.door("engine.stay")
        self.w.stays = True

    async def shutdown(self, drain: timedelta) -> None:
        await self.w.door("engine.shutdown")
        self.w.is_shut = True

    async def stop_all(self) -> StopAllReport:
        await self.w.door("engine.stop_all")
        alive = [run for run in self.w.execution_rows.values() if run.status in ALIVE]
        report = StopAllReport(
            executions=len(alive), targets=sum(run.targets.waiting + run.targets.running for run in alive)
        )
        for run in alive:
            self.w.finish_run(run.id, ExecutionStatus.CANCELLED)
        return report
