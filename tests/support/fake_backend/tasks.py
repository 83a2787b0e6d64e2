"""Tasks in memory: kept, found, previewed, and started as runs that somebody ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from deployx_tui.errors import Conflict, InvalidInput, NotFound, Problem
from deployx_tui.model.execution import (
    ALIVE,
    Trigger,
)
from deployx_tui.model.files import FilePayload
from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId, TaskId
from deployx_tui.model.page import Page
from deployx_tui.model.schedule import Fire, Schedule
from deployx_tui.model.task import (
    PreviewProblem,
    Task,
    TaskDraft,
    TaskName,
    TaskPreview,
    TaskQuery,
    TaskSort,
    TaskState,
)
from deployx_tui.planning.parameters import resolve_values
from deployx_tui.planning.uses import Uses
from deployx_tui.service.backend.tasks import NO_PARAMETERS
from tests.support import world
from tests.support.fake_backend.facet import Facet, has_words
from tests.support.fires import fires


class FakeTasks(Facet):
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
        if not has_words(f"{task.name} {' '.join(sorted(task.draft.tags))} {task.draft.description}", query.text):
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

    async def using(self, devices: Collection[DeviceId] = (), groups: Collection[GroupId] = ()) -> tuple[TaskName, ...]:
        await self.w.door("tasks.using")
        uses = Uses(self.w.inventory(), devices=devices, groups=groups)
        rows = sorted(self.w.task_rows.values(), key=lambda task: task.name)
        return tuple(TaskName(task.id, task.name) for task in rows if uses.used_by(task.draft))

    async def preview(self, draft: TaskDraft, count: int = 10, task: TaskId | None = None) -> TaskPreview:
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
            stock=self.w.artifacts.stock(draft.payload),
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

    async def check(self, task: TaskId, request: str) -> ExecutionId:
        await self.w.door("tasks.check")
        row = self._row(task)
        if not isinstance(row.draft.payload, FilePayload):
            raise Conflict(f"task {task} puts no files on its targets")
        return self.w.start_run(None, replace(row.draft.payload, check=True), row.draft.selector, Trigger.AD_HOC)

    async def run(
        self, task: TaskId, request: str, targets: str | None = None, parameters: Mapping[str, str] = NO_PARAMETERS
    ) -> ExecutionId:
        await self.w.door("tasks.run")
        row = self._row(task)
        values = resolve_values(
            row.draft.payload, parameters, lambda path: f"what is in {path}", self.w.credentials.parameter
        )
        if row.last is not None and row.last.status in ALIVE and row.draft.overlap.limit == 1:
            raise Conflict(f"{row.name} runs already (#{row.last.id}) and its overlap rule is skip")
        run = self.w.start_run(row, row.draft.payload, row.draft.selector, Trigger.MANUAL)
        self.w.given[run] = values
        return run
