"""/api/schedule: tasks, their runs, previews and figures."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from starlette.requests import Request

from deployx_tui.api.answers import Json, Refused, etag
from deployx_tui.api.context import (
    Asked,
    Body,
    Id,
    NoParams,
    Params,
    Server,
    empty_or_object,
    expected_version,
    replayed,
    request_id,
)
from deployx_tui.api.paging import STRIDE, window
from deployx_tui.errors import Conflict, InvalidInput, Problem
from deployx_tui.model.codec import PAYLOAD_OF, draft_from_json, schedule_from_json
from deployx_tui.model.execution import ExecutionQuery
from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId, TaskId
from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.model.page import Page
from deployx_tui.model.parameter_json import read_given
from deployx_tui.model.schedule import Once
from deployx_tui.model.task import PreviewProblem, Task, TaskDraft, TaskPreview, TaskQuery, TaskSort, TaskState
from deployx_tui.service.backend import Backend
from deployx_tui.service.wire import values
from deployx_tui.service.wire.executions import execution_to_json, execution_word
from deployx_tui.service.wire.params import execution_query_from_params, task_query_from_params
from deployx_tui.service.wire.requests import create_from_json, update_from_json
from deployx_tui.service.wire.tasks import (
    TASK_WORDS,
    fire_to_json,
    name_to_json,
    preview_to_json,
    task_to_json,
    task_word,
)

router = APIRouter(prefix="/api/schedule")

#: `next_executions` of a task, and executions in its detail
NEXT, LAST = 5, 10


@router.get("/tasks")
async def list_tasks(backend: Asked, params: Params) -> Json:
    query, status, kind = task_query_from_params(params)
    skip = params.number("skip", 0, 0, 2**63 - 1)
    brief = params.flag("brief")
    params.finish()

    async def fetch(cursor: str | None, limit: int) -> Page[Task]:
        return await backend.tasks.list(replace(query, cursor=cursor, limit=limit))

    def wanted(task: Task) -> bool:
        return (status is None or task_word(task.state, task.last) == status) and kind in (None, task.type)

    found = await window(
        fetch,
        skip=skip,
        limit=query.limit,
        cursor=query.cursor,
        keep=wanted if status is not None or kind is not None else None,
    )
    total = found.total
    return Json(
        {
            "tasks": [await _detail(backend, task, next_fires=not brief) for task in found.items],
            "total": total,
            "total_pages": 0 if not total else math.ceil(total / query.limit),
            "page": found.skip // query.limit + 1,
            "page_size": query.limit,
            "next_cursor": found.next_cursor,
        }
    )


@router.post("/tasks")
async def create_task(backend: Asked, body: Body, server: Server) -> Json:
    is_400 = _was_400(body)
    try:
        draft = await _draft(backend, body, server.zone)
        rule = draft.schedule.recurrence
        is_400 = is_400 or (isinstance(rule, Once) and rule.at <= datetime.now(UTC))
        task = await backend.tasks.create(draft)
    except InvalidInput as error:
        if is_400:
            raise Refused(error, 400) from error
        raise
    return Json(await _detail(backend, task), 201, {**etag(task.version), "Location": f"/api/schedule/tasks/{task.id}"})


def _was_400(body: JSON) -> bool:
    """Whether the original answered it with 400 instead of 422; that code is kept."""
    if not isinstance(body, dict):
        return False
    payload = body.get("command_payload")
    if any(body.get("task_type") == kind.value and body.get(field) is None for kind, field in PAYLOAD_OF.items()):
        return True
    if isinstance(payload, dict) and not any(payload.get(name) for name in ("command", "commands", "script")):
        return True
    lists = [body.get(name, []) for name in ("device_ids", "group_ids")]
    return "task_name" in body and lists == [[], []] and not body.get("selector")


async def _draft(backend: Backend, body: JSON, zone: str) -> TaskDraft:
    """The draft of a TaskCreate. InvalidInput lists every problem: those of its shape, and those of the rest."""
    try:
        return create_from_json(body, zone)
    except InvalidInput as error:
        raise InvalidInput([*error.problems, *await _further(backend, body, zone, error)]) from error


async def _further(backend: Backend, body: JSON, zone: str, found: InvalidInput) -> list[Problem]:
    """What else is wrong, beside the fields that could not be read."""
    unreadable = {problem.field.partition(".")[0] for problem in found.problems}
    rest = {name: value for name, value in empty_or_object(body).items() if name not in unreadable}
    try:
        draft = create_from_json(rest, zone)
    except InvalidInput:
        return []
    return [
        Problem(field=problem.field, message=problem.message, remedy=problem.remedy)
        for problem in (await backend.tasks.preview(draft, 0)).problems
        if problem.field.partition(".")[0] not in unreadable
    ]


@router.get("/tasks/find")
async def find_task(backend: Asked, params: Params) -> Json:
    """By name, else by id."""
    name = params.text("name") or ""
    params.finish()
    task = await backend.tasks.find(name)
    return Json(await _detail(backend, task), headers=etag(task.version))


@router.get("/tasks/{task_id}", dependencies=[NoParams])
async def get_task(backend: Asked, task_id: Id) -> Json:
    task = await backend.tasks.get(TaskId(task_id))
    runs = await backend.executions.list(ExecutionQuery(task_id=task.id, limit=LAST))
    detail = task_to_json(task, executions=runs.items, next_executions=await _next(backend, task))
    return Json(detail, headers=etag(task.version))


@router.put("/tasks/{task_id}")
@router.patch("/tasks/{task_id}")
async def update_task(backend: Asked, task_id: Id, body: Body, params: Params, request: Request) -> Json:
    """Merge, as the contract says; with `replace=true` the body is a whole TaskCreate that takes its place."""
    whole = params.flag("replace")
    params.finish()
    identity, version = TaskId(task_id), expected_version(request)
    if whole:
        task = await backend.tasks.update(identity, draft_from_json(body), version)
        return Json(await _detail(backend, task), headers=etag(task.version))
    task = await backend.tasks.get(identity)
    word = task_word(task.state, task.last)
    if version is not None and version != task.version:
        raise Conflict(f"task {task_id} is at version {task.version}, not {version}", stale=True)
    draft, status = update_from_json(body, task.draft)
    if word == "completed":
        raise Conflict("a completed task can't be changed; duplicate it")
    if status == "cancelled":
        raise InvalidInput.of("status", "cancelling a task is not supported", "pause or delete it")
    if status == "paused" and task.state is not TaskState.ACTIVE:
        raise Conflict(f"task {task_id} is {word}: only a pending one can be paused")
    if status == "pending" and word not in ("paused", "failed"):
        raise Conflict(f"task {task_id} is {word}: only a paused or failed one can be set to pending")
    if draft is not None:
        task = await backend.tasks.update(identity, draft, task.version)
    if status == "paused":
        task = await backend.tasks.pause(identity)
    if status == "pending" and task.state is TaskState.PAUSED:
        task = await backend.tasks.resume(identity)
    return Json(await _detail(backend, task), headers=etag(task.version))


@router.delete("/tasks/{task_id}", dependencies=[NoParams])
async def delete_task(backend: Asked, task_id: Id, request: Request) -> Json:
    await backend.tasks.delete(TaskId(task_id), expected_version(request))
    return Json({"message": f"Task {task_id} deleted successfully"})


@router.post("/tasks/{task_id}/restore", dependencies=[NoParams])
async def restore_task(backend: Asked, task_id: Id) -> Json:
    return await _done(backend, await backend.tasks.restore(TaskId(task_id)), "restored")


@router.post("/tasks/{task_id}/pause", dependencies=[NoParams])
async def pause_task(backend: Asked, task_id: Id, body: Body) -> Json:
    Reader(empty_or_object(body)).finish()
    return await _done(backend, await backend.tasks.pause(TaskId(task_id)), "paused")


@router.post("/tasks/{task_id}/resume", dependencies=[NoParams])
async def resume_task(backend: Asked, task_id: Id, body: Body) -> Json:
    Reader(empty_or_object(body)).finish()
    return await _done(backend, await backend.tasks.resume(TaskId(task_id)), "resumed")


async def _done(backend: Backend, task: Task, what: str) -> Json:
    return Json(
        {"message": f"Task {task.id} {what} successfully", "task": await _detail(backend, task)},
        headers=etag(task.version),
    )


@router.post("/tasks/{task_id}/execute", dependencies=[NoParams])
async def execute_task(backend: Asked, task_id: Id, body: Body, request: Request) -> Json:
    reader = Reader(empty_or_object(body))
    targets, once = reader.text("targets"), reader.text("request")
    parameters = read_given(reader)
    reader.finish()
    started = await backend.tasks.run(TaskId(task_id), request_id(request, once), targets, parameters)
    return await _started(backend, started, f"Task {task_id} execution started")


@router.post("/tasks/{task_id}/check", dependencies=[NoParams])
async def check_task(backend: Asked, task_id: Id, body: Body, request: Request) -> Json:
    """Look on each target whether what the task put there is still so. Nothing is changed."""
    reader = Reader(empty_or_object(body))
    once = reader.text("request")
    reader.finish()
    started = await backend.tasks.check(TaskId(task_id), request_id(request, once))
    return await _started(backend, started, f"Check of task {task_id} started")


async def _started(backend: Backend, execution_id: ExecutionId, message: str) -> Json:
    execution = await backend.executions.get(execution_id)
    return Json(
        {
            "message": message,
            "execution_id": execution_id,
            "status": execution_word(execution.status, started=execution.started_at is not None),
        },
        headers={"Location": f"/api/executions/{execution_id}", **replayed()},
    )


@router.get("/tasks/{task_id}/executions")
async def task_executions(backend: Asked, task_id: Id, params: Params, request: Request) -> Json:
    """A bare array; the next page is in `Link`."""
    query = execution_query_from_params(params, task=TaskId(task_id), default_limit=50)
    skip = params.number("skip", 0, 0, 2**63 - 1)
    params.finish()
    await backend.tasks.get(TaskId(task_id))  # 404 when it is not there, or not theirs

    found = await window(
        lambda cursor, limit: backend.executions.list(replace(query, cursor=cursor, limit=limit)),
        skip=skip,
        limit=query.limit,
        cursor=query.cursor,
    )
    headers = {}
    if found.next_cursor is not None:
        later = request.url.include_query_params(cursor=found.next_cursor).remove_query_params("skip")
        headers["Link"] = f'<{later.path}?{later.query}>; rel="next"'
    return Json([execution_to_json(execution) for execution in found.items], headers=headers)


@router.get("/tasks/{task_id}/forecast")
async def forecast(backend: Asked, task_id: Id, params: Params) -> Json:
    count = params.number("count", 10, 1, 1000)
    params.finish()
    task = await backend.tasks.get(TaskId(task_id))
    return Json([fire_to_json(fire) for fire in await backend.tasks.fires(task.draft.schedule, count)])


@router.post("/preview")
async def preview(backend: Asked, body: Body, params: Params, server: Server) -> Json:
    """What saving a TaskCreate would mean; writes nothing. A body that is none is a preview with problems.

    `task_id`: the task that it is to change.
    """
    count, changed = params.number("count", 10, 0, 1000), params.id("task_id")
    params.finish()
    try:
        draft = await _draft(backend, body, server.zone)
    except InvalidInput as error:
        problems = tuple(
            PreviewProblem(field=found.field, message=found.message, remedy=found.remedy) for found in error.problems
        )
        return Json(preview_to_json(TaskPreview(problems=problems, fires=(), targets=(), warnings=())))
    return Json(
        preview_to_json(await backend.tasks.preview(draft, count, None if changed is None else TaskId(changed)))
    )


@router.post("/using", dependencies=[NoParams])
async def using(backend: Asked, body: Body) -> Json:
    """Tasks that name one of `{device_ids, group_ids}`, or that run on other devices when these are deleted."""
    reader = Reader(body)
    devices, groups = reader.ids("device_ids"), reader.ids("group_ids")
    reader.finish()
    found = await backend.tasks.using([DeviceId(one) for one in devices], [GroupId(one) for one in groups])
    return Json([name_to_json(task) for task in found])


@router.post("/fires", dependencies=[NoParams])
async def fires(backend: Asked, body: Body, server: Server) -> Json:
    """The next instants of a rule that need not be saved: `{schedule: {...}, count, after}`."""
    reader = Reader(body)
    schedule = empty_or_object(body).get("schedule")
    count, after = reader.number("count"), reader.instant("after", "UTC")
    reader.object("schedule", required=True)
    reader.finish()
    rule = schedule_from_json(schedule, default_zone=server.zone)
    found = await backend.tasks.fires(rule, 10 if count is None else count, after)
    return Json([fire_to_json(fire) for fire in found])


@router.get("/stats", dependencies=[NoParams])
async def stats(backend: Asked) -> Json:
    words: Counter[str] = Counter()
    upcoming: list[Task] = []
    now = datetime.now(UTC)
    overdue = 0
    cursor: str | None = None
    while True:
        page = await backend.tasks.list(TaskQuery(sort=TaskSort.NEXT, limit=STRIDE, cursor=cursor))
        for task in page.items:
            words[task_word(task.state, task.last)] += 1
            if task.next_execution is not None:
                overdue += task.next_execution < now
                if now <= task.next_execution <= now + timedelta(days=7):
                    upcoming.append(task)
        cursor = page.next_cursor
        if cursor is None:
            break
    upcoming.sort(key=lambda task: task.next_execution or now)
    return Json(
        {
            "total_tasks": sum(words.values()),
            **{f"{word}_tasks": words[word] for word in TASK_WORDS},
            "overdue_tasks": overdue,
            "upcoming_tasks": [
                {
                    "id": task.id,
                    "task_name": task.name,
                    "task_type": task.type.value,
                    "next_execution": values.instant(task.next_execution, task.draft.schedule.zone),
                }
                for task in upcoming[:5]
            ],
        }
    )


async def _detail(backend: Backend, task: Task, *, next_fires: bool = True) -> dict[str, JSON]:
    return task_to_json(task, next_executions=await _next(backend, task) if next_fires else ())


async def _next(backend: Backend, task: Task) -> list[datetime]:
    if task.next_execution is None:
        return []
    return [fire.at for fire in await backend.tasks.fires(task.draft.schedule, NEXT)]
