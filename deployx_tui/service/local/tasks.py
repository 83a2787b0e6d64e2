"""Tasks behind the door."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.codec import draft_to_json
from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId, TaskId
from deployx_tui.model.page import Page
from deployx_tui.model.schedule import Fire, Schedule
from deployx_tui.model.task import Task, TaskDraft, TaskName, TaskPreview, TaskQuery, TaskState
from deployx_tui.model.user import Actor, Permission
from deployx_tui.planning.parameters import takes_secret
from deployx_tui.planning.uses import Uses
from deployx_tui.planning.validate import validate_task
from deployx_tui.scheduling.recurrence import compile_schedule
from deployx_tui.service import access
from deployx_tui.service.backend.tasks import NO_PARAMETERS, Tasks
from deployx_tui.service.local import starting, taking_back, views
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.guard import serves
from deployx_tui.service.local.parameters import Files, Given, secret_problems
from deployx_tui.service.local.preview import preview
from deployx_tui.service.local.stock import stock_of
from deployx_tui.store import task_list, tasks
from deployx_tui.store.clock import to_ms
from deployx_tui.store.task_list import Touching
from deployx_tui.store.tasks import StoredTask

_MOST_FIRES = 1000


@serves(Tasks)
class LocalTasks:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    # ---- reading

    async def list(self, query: TaskQuery) -> Page[Task]:
        def work(c: Connection) -> Page[Task]:
            page = task_list.page(c, query, self._door.only_own, self._touching(c, query))
            return Page(self._views(c, *page.tasks), page.next_cursor, page.total)

        return await self._door.read(work)

    async def get(self, task: TaskId) -> Task:
        return await self._door.read(lambda c: self._view(c, tasks.get(c, task, self._door.only_own)))

    async def find(self, name_or_id: str) -> Task:
        return await self._door.read(lambda c: self._view(c, tasks.find(c, name_or_id, self._door.only_own)))

    async def preview(self, draft: TaskDraft, count: int = 10, task: TaskId | None = None) -> TaskPreview:
        bounded = max(0, min(count, _MOST_FIRES))

        def work(c: Connection) -> TaskPreview:
            found = preview(c, draft, bounded, self._door.snapshot(c), self._door.failed_in(c), datetime.now(UTC))
            others = set(tasks.named(c, draft.name, self._door.only_own)) - {task}
            if not others:
                return found
            taken = f"another task has the name {draft.name}: commands then know each of them by its id only"
            return replace(found, warnings=(taken, *found.warnings))

        return await self._door.read(work)

    async def fires(self, schedule: Schedule, count: int, after: datetime | None = None) -> tuple[Fire, ...]:
        if not 1 <= count <= _MOST_FIRES:
            raise InvalidInput.of("count", f"{count} is out of range", f"give 1 to {_MOST_FIRES}")
        start = after if after is not None else datetime.now(UTC)
        return await self._door.run(lambda: compile_schedule(schedule).fires(start, count))

    async def using(self, devices: Collection[DeviceId] = (), groups: Collection[GroupId] = ()) -> tuple[TaskName, ...]:
        def work(c: Connection) -> tuple[TaskName, ...]:
            uses = Uses(self._door.snapshot(c).inventory, devices=devices, groups=groups)
            every = tasks.every(c, self._door.only_own)
            return tuple(TaskName(task.id, task.draft.name) for task in every if uses.used_by(task.draft))

        return await self._door.read(work)

    # ---- changing

    async def create(self, draft: TaskDraft) -> Task:
        def work(change: Change) -> Task:
            self._refuse_problems(change, draft, change.now)
            if takes_secret(draft.payload, {}):
                access.require(self.actor, Permission.SECRETS_USE)
            task = tasks.add(change.c, draft, self.actor.user_id, _next_ms(draft.schedule, change.now), change.now_ms)
            change.record("task.create", task, after=draft_to_json(draft))
            change.tell("task.created", task=task, name=draft.name)
            return self._view(change.c, tasks.get(change.c, task))

        return await self._door.write(work)

    async def update(self, task: TaskId, draft: TaskDraft, version: int | None = None) -> Task:
        def work(change: Change) -> Task:
            old = tasks.locked(change.c, task, self._door.only_own, version)
            if old.state is TaskState.CANCELLED:
                raise Conflict(f"task {task} is cancelled; make a copy of it")
            state: TaskState = old.state
            following = _ms(old.next_execution)
            is_same_rule = draft.schedule == old.draft.schedule
            if state is TaskState.FINISHED or not (is_same_rule or state is TaskState.PAUSED):
                # with the same rule the instant stays, also one that is due and not yet claimed
                state, following = _from_now(draft.schedule, change.now)
            if draft == old.draft and state is old.state:
                change.nothing_changed()
                return self._view(change.c, old)
            # a rule that was right when it was given stays right, also when its last instant has passed
            self._refuse_problems(change, draft, old.created_at if is_same_rule else change.now)
            if takes_secret(draft.payload, {}) and draft.payload != old.draft.payload:
                # another command could show the secret to whoever wrote it
                access.require(self.actor, Permission.SECRETS_USE)
            tasks.change(change.c, old, draft, state, following, self.actor.user_id, change.now_ms)
            change.record("task.update", task, before=draft_to_json(old.draft), after=draft_to_json(draft))
            return self._changed(change, task)

        return await self._door.write(work)

    async def delete(self, task: TaskId, version: int | None = None) -> None:
        def work(change: Change) -> None:
            old = tasks.locked(change.c, task, self._door.only_own, version)
            tasks.remove(change.c, old, self.actor.user_id, change.now_ms)
            change.record("task.delete", task, before=draft_to_json(old.draft))
            change.tell("task.deleted", task=task, name=old.draft.name)

        await self._door.write(work)

    async def restore(self, task: TaskId) -> Task:
        def work(change: Change) -> Task:
            old = tasks.locked_deleted(change.c, task, self._door.only_own)
            state, following = old.state, None
            if state is TaskState.ACTIVE:
                state, following = _from_now(old.draft.schedule, change.now)
            tasks.restore(change.c, old, state, following, self.actor.user_id, change.now_ms)
            change.record("task.restore", task, after=draft_to_json(old.draft))
            change.tell("task.created", task=task, name=old.draft.name)
            return self._view(change.c, tasks.get(change.c, task))

        return await self._door.write(work)

    async def pause(self, task: TaskId) -> Task:
        def work(change: Change) -> Task:
            old = tasks.locked(change.c, task, self._door.only_own)
            if old.state is not TaskState.ACTIVE:
                raise Conflict(f"task {task} is {old.state.value}, so it can't be paused")
            tasks.set_state(change.c, old, TaskState.PAUSED, None, self.actor.user_id, change.now_ms)
            change.record("task.pause", task, before={"state": old.state.value}, after={"state": "paused"})
            return self._changed(change, task)

        return await self._door.write(work)

    async def resume(self, task: TaskId) -> Task:
        def work(change: Change) -> Task:
            old = tasks.locked(change.c, task, self._door.only_own)
            if old.state is TaskState.FINISHED:
                raise Conflict(
                    f"task {task} is finished, no time is left in its schedule: give it another one, "
                    f"such as deployx task edit {task} --daily 03:00, or --at TIME"
                )
            if old.state is not TaskState.PAUSED:
                raise Conflict(f"task {task} is {old.state.value}, so it can't be resumed")
            # instants that passed while it was paused are not missed: it goes on from now
            state, following = _from_now(old.draft.schedule, change.now)
            tasks.set_state(change.c, old, state, following, self.actor.user_id, change.now_ms)
            change.record("task.resume", task, before={"state": old.state.value}, after={"state": state.value})
            return self._changed(change, task)

        return await self._door.write(work)

    async def run(
        self, task: TaskId, request: str, targets: str | None = None, parameters: Mapping[str, str] = NO_PARAMETERS
    ) -> ExecutionId:
        same = starting.request_id(request)
        present = await self._door.read(lambda c: tasks.get(c, task, self._door.only_own))
        files = await self._door.run(lambda: Files.of(present.draft.payload, parameters))
        given = Given(targets, dict(parameters), files)
        return await starting.start(
            self._door, same, lambda change: starting.run_task(change, self._door, task, same, given)
        )

    async def check(self, task: TaskId, request: str) -> ExecutionId:
        same = starting.request_id(request)
        present = await self._door.read(lambda c: tasks.get(c, task, self._door.only_own))
        files = await self._door.run(lambda: Files.of(present.draft.payload, NO_PARAMETERS))
        return await starting.start(
            self._door, same, lambda change: taking_back.check(change, self._door, task, same, files)
        )

    # ---- parts

    def _view(self, c: Connection, task: StoredTask) -> Task:
        return self._views(c, task)[0]

    def _views(self, c: Connection, *found: StoredTask) -> tuple[Task, ...]:
        return views.tasks(c, found, self._door.snapshot(c), self._door.failed_in(c))

    def _changed(self, change: Change, task: TaskId) -> Task:
        new = tasks.get(change.c, task)
        change.tell("task.changed", task=task, name=new.draft.name, state=new.state.value)
        return self._view(change.c, new)

    def _refuse_problems(self, change: Change, draft: TaskDraft, now: datetime) -> None:
        problems = [
            *validate_task(draft, self._door.snapshot(change.c).inventory, now, stock_of(change.c, [draft.payload])),
            *secret_problems(change.c, draft.payload),
        ]
        if problems:
            raise InvalidInput(problems)

    def _touching(self, c: Connection, query: TaskQuery) -> Touching | None:
        """Tasks that run on a device, or on any member of a group."""
        if query.device_id is None and query.group_id is None:
            return None
        snapshot = self._door.snapshot(c)
        wanted: set[DeviceId] | None = None
        if query.group_id is not None:
            if query.group_id not in snapshot.inventory.groups:
                raise NotFound("group", str(query.group_id))
            wanted = {*snapshot.members[query.group_id]}
        if query.device_id is not None:
            if query.device_id not in snapshot.inventory.devices:
                raise NotFound("device", str(query.device_id))
            wanted = {query.device_id} if wanted is None else wanted & {query.device_id}
        return snapshot.touching(wanted or set(), task_list.selectors(c), self._door.failed_in(c))


def _next_ms(schedule: Schedule, now: datetime) -> int | None:
    return _ms(compile_schedule(schedule).next_after(now))


def _from_now(schedule: Schedule, now: datetime) -> tuple[TaskState, int | None]:
    following = _next_ms(schedule, now)
    return (TaskState.FINISHED if following is None else TaskState.ACTIVE), following


def _ms(instant: datetime | None) -> int | None:
    return None if instant is None else to_ms(instant)
