"""The event stream behind the door: everyone hears what they may also read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from sqlalchemy import Connection

from deployx_tui.model.event import GROWTH, Event, EventId, Reset
from deployx_tui.model.ids import ExecutionId, TaskId, UserId
from deployx_tui.model.user import Actor
from deployx_tui.service.backend.events import Events
from deployx_tui.service.local.door import Door
from deployx_tui.service.local.guard import serves
from deployx_tui.store import history, tasks

_BATCH = 500


@serves(Events)
class LocalEvents:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    async def follow(
        self, after: EventId | None = None, execution: ExecutionId | None = None, *, without_growth: bool = False
    ) -> AsyncIterator[Event | Reset]:
        premises, only_own = self._door.premises, self._door.only_own
        if execution is not None:
            wanted = execution
            await self._door.read(lambda c: history.get(c, wanted, only_own))
        position = after
        if position is None:
            position = await self._door.run(premises.stream.position)
            yield Reset(position)
        while True:
            found = await self._door.run(partial(premises.stream.read, position, _BATCH))
            heard = found if only_own is None else await self._own(found, only_own)
            for item in heard:
                if isinstance(item, Event):
                    if execution is not None and item.execution_id != execution:
                        continue
                    if without_growth and item.type == GROWTH:
                        continue
                yield item
            if found:
                position = found[-1].id
            elif not await premises.waking.wait(position.number):
                return

    async def _own(self, found: tuple[Event | Reset, ...], owner: UserId) -> list[Event | Reset]:
        """Without what happened to others' tasks and runs."""

        def work(c: Connection) -> list[Event | Reset]:
            owners: dict[tuple[TaskId | None, ExecutionId | None], UserId | None] = {}
            heard: list[Event | Reset] = []
            for item in found:
                if isinstance(item, Event) and (item.task_id is not None or item.execution_id is not None):
                    key = (item.task_id, item.execution_id)
                    if key not in owners:
                        owners[key] = _owner(c, *key)
                    if owners[key] != owner:
                        continue
                heard.append(item)
            return heard

        return await self._door.read(work)


def _owner(c: Connection, task: TaskId | None, execution: ExecutionId | None) -> UserId | None:
    if execution is not None:
        return history.owner_of(c, execution)
    return tasks.owner_of(c, task) if task is not None else None
