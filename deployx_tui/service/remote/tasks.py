"""Tasks over the wire."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from deployx_tui.model.codec import draft_to_json, schedule_to_json
from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId, TaskId
from deployx_tui.model.page import Page
from deployx_tui.model.schedule import Fire, Schedule
from deployx_tui.model.task import Task, TaskDraft, TaskName, TaskPreview, TaskQuery
from deployx_tui.service.backend.tasks import NO_PARAMETERS
from deployx_tui.service.remote.channel import Answer, Channel
from deployx_tui.service.wire import values
from deployx_tui.service.wire.params import task_query_to_params
from deployx_tui.service.wire.tasks import fire_from_json, name_from_json, preview_from_json, task_from_json
from deployx_tui.service.wire.values import Json

TASKS = "/api/schedule/tasks"


class RemoteTasks:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self, query: TaskQuery) -> Page[Task]:
        answer = await self._channel.get(TASKS, [*task_query_to_params(query), ("brief", "true")])
        return values.page_from_json(answer.json, "tasks", task_from_json)

    async def get(self, task: TaskId) -> Task:
        return task_from_json((await self._channel.get(f"{TASKS}/{task}")).json)

    async def find(self, name_or_id: str) -> Task:
        return task_from_json((await self._channel.get(f"{TASKS}/find", [("name", name_or_id)])).json)

    async def preview(self, draft: TaskDraft, count: int = 10, task: TaskId | None = None) -> TaskPreview:
        params = [("count", str(count)), *([("task_id", str(task))] if task is not None else [])]
        answer = await self._channel.send("POST", "/api/schedule/preview", {**draft_to_json(draft)}, params=params)
        return preview_from_json(answer.json)

    async def fires(self, schedule: Schedule, count: int, after: datetime | None = None) -> tuple[Fire, ...]:
        answer = await self._channel.send(
            "POST",
            "/api/schedule/fires",
            {"schedule": schedule_to_json(schedule), "count": count, "after": values.instant(after)},
        )
        return values.each({"fires": answer.json}, "fires", fire_from_json)

    async def using(self, devices: Collection[DeviceId] = (), groups: Collection[GroupId] = ()) -> tuple[TaskName, ...]:
        body: Json = {"device_ids": [*devices], "group_ids": [*groups]}
        answer = await self._channel.send("POST", "/api/schedule/using", body)
        return values.each({"tasks": answer.json}, "tasks", name_from_json)

    async def create(self, draft: TaskDraft) -> Task:
        return task_from_json((await self._channel.send("POST", TASKS, draft_to_json(draft))).json)

    async def update(self, task: TaskId, draft: TaskDraft, version: int | None = None) -> Task:
        answer = await self._channel.send(
            "PUT", f"{TASKS}/{task}", draft_to_json(draft), params=[("replace", "true")], version=version
        )
        return task_from_json(answer.json)

    async def delete(self, task: TaskId, version: int | None = None) -> None:
        await self._channel.send("DELETE", f"{TASKS}/{task}", version=version)

    async def restore(self, task: TaskId) -> Task:
        return _task(await self._channel.send("POST", f"{TASKS}/{task}/restore"))

    async def pause(self, task: TaskId) -> Task:
        return _task(await self._channel.send("POST", f"{TASKS}/{task}/pause"))

    async def resume(self, task: TaskId) -> Task:
        return _task(await self._channel.send("POST", f"{TASKS}/{task}/resume"))

    async def run(
        self, task: TaskId, request: str, targets: str | None = None, parameters: Mapping[str, str] = NO_PARAMETERS
    ) -> ExecutionId:
        answer = await self._channel.send(
            "POST",
            f"{TASKS}/{task}/execute",
            {"targets": targets, "request": request, "parameters": {**parameters}},
            may_repeat=True,
        )
        return ExecutionId(values.number(values.fields(answer.json), "execution_id"))

    async def check(self, task: TaskId, request: str) -> ExecutionId:
        answer = await self._channel.send("POST", f"{TASKS}/{task}/check", {"request": request}, may_repeat=True)
        return ExecutionId(values.number(values.fields(answer.json), "execution_id"))


def _task(answer: Answer) -> Task:
    return task_from_json(values.get(values.fields(answer.json), "task"))
