"""Tasks: what is scheduled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Protocol

from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId, TaskId
from deployx_tui.model.page import Page
from deployx_tui.model.schedule import Fire, Schedule
from deployx_tui.model.task import Task, TaskDraft, TaskName, TaskPreview, TaskQuery
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs

#: every parameter takes its default
NO_PARAMETERS: Final[Mapping[str, str]] = MappingProxyType({})


class Tasks(Protocol):
    @needs(Permission.TASKS_READ)
    async def list(self, query: TaskQuery) -> Page[Task]: ...

    @needs(Permission.TASKS_READ)
    async def get(self, task: TaskId) -> Task: ...

    @needs(Permission.TASKS_READ)
    async def find(self, name_or_id: str) -> Task:
        """By exact name, else by id. NotFound or Ambiguous."""
        ...

    @needs(Permission.TASKS_READ)
    async def preview(self, draft: TaskDraft, count: int = 10, task: TaskId | None = None) -> TaskPreview:
        """What saving it would mean: problems, next fires, targets, warnings. Never raises InvalidInput.

        `task`: the one that the draft is to change; None: a new one.
        """
        ...

    @needs(Permission.TASKS_READ)
    async def fires(self, schedule: Schedule, count: int, after: datetime | None = None) -> tuple[Fire, ...]:
        """The next instants of a rule, saved or not. InvalidInput when the rule is none."""
        ...

    @needs(Permission.TASKS_READ)
    async def using(self, devices: Collection[DeviceId] = (), groups: Collection[GroupId] = ()) -> tuple[TaskName, ...]:
        """Tasks that name one of these, or that run on other devices when all of these are deleted; by name."""
        ...

    @needs(Permission.TASKS_WRITE)
    async def create(self, draft: TaskDraft) -> Task: ...

    @needs(Permission.TASKS_WRITE)
    async def update(self, task: TaskId, draft: TaskDraft, version: int | None = None) -> Task:
        """Replace the draft. Conflict(stale) when `version` is given and old."""
        ...

    @needs(Permission.TASKS_WRITE)
    async def delete(self, task: TaskId, version: int | None = None) -> None:
        """Out of every list; its history stays. `restore` undoes it."""
        ...

    @needs(Permission.TASKS_WRITE)
    async def restore(self, task: TaskId) -> Task: ...

    @needs(Permission.TASKS_WRITE)
    async def pause(self, task: TaskId) -> Task: ...

    @needs(Permission.TASKS_WRITE)
    async def resume(self, task: TaskId) -> Task: ...

    @needs(Permission.TASKS_RUN)
    async def run(
        self, task: TaskId, request: str, targets: str | None = None, parameters: Mapping[str, str] = NO_PARAMETERS
    ) -> ExecutionId:
        """Run now; the schedule is untouched. `request` is a UUID: the same one again gives the same execution, and
        InvalidInput (field `request`) with other targets or parameters.

        `targets` narrows the task's own targets by a selector. `parameters` are values by name for what the task
        declares, in place of the defaults; InvalidInput (field `parameters.NAME`) where they do not fit. The task's
        overlap rule decides when it runs already: Conflict under skip.
        """
        ...

    @needs(Permission.TASKS_RUN)
    async def check(self, task: TaskId, request: str) -> ExecutionId:
        """A run without a task that changes nothing and fails, with the cause `verify`, on each target that no longer
        has what this task put there. Parameters take their defaults. `request` as for `run`.

        Conflict when the task puts no files anywhere.
        """
        ...
