"""Groups behind the door."""

from __future__ import annotations

from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput
from deployx_tui.model.device import Group, GroupDraft
from deployx_tui.model.ids import GroupId
from deployx_tui.model.page import Page
from deployx_tui.model.user import Actor
from deployx_tui.planning.selectors import would_cycle
from deployx_tui.planning.validate import validate_group
from deployx_tui.service.backend.groups import Groups
from deployx_tui.service.local import views
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.guard import serves
from deployx_tui.service.wire.devices import group_draft_to_json as group_facts
from deployx_tui.store import groups
from deployx_tui.store.groups import StoredGroup
from deployx_tui.store.identity import refuse_stale


@serves(Groups)
class LocalGroups:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    async def list(self) -> Page[Group]:
        def work(c: Connection) -> Page[Group]:
            found = views.groups(groups.every(c), self._door.snapshot(c))
            return Page(found, None, len(found))

        return await self._door.read(work)

    async def get(self, group: GroupId) -> Group:
        return await self._door.read(lambda c: self._view(c, groups.get(c, group)))

    async def find(self, name_or_id: str) -> Group:
        return await self._door.read(lambda c: self._view(c, groups.find(c, name_or_id)))

    async def create(self, draft: GroupDraft) -> Group:
        def work(change: Change) -> Group:
            self._refuse_problems(change, draft, None)
            group = groups.add(change.c, draft, self.actor.user_id, change.now_ms)
            change.record("group.create", group, after=group_facts(draft))
            return self._changed(change, group)

        return await self._door.write(work)

    async def update(self, group: GroupId, draft: GroupDraft, version: int | None = None) -> Group:
        def work(change: Change) -> Group:
            old = groups.get(change.c, group)
            refuse_stale("group", old.version, version)
            self._refuse_problems(change, draft, group)
            groups.change(change.c, group, draft, version, change.now_ms)
            change.record("group.update", group, before=group_facts(old.draft), after=group_facts(draft))
            return self._changed(change, group)

        return await self._door.write(work)

    async def delete(self, group: GroupId, version: int | None = None) -> None:
        def work(change: Change) -> None:
            old = groups.get(change.c, group)
            groups.remove(change.c, group, version, change.now_ms)
            change.record("group.delete", group, before=group_facts(old.draft))
            change.tell("group.changed", group_id=group, deleted=1)

        await self._door.write(work)

    async def restore(self, group: GroupId) -> Group:
        def work(change: Change) -> Group:
            groups.restore(change.c, group, change.now_ms)
            # while it was away, a group inside it may have taken in one that it is in
            inventory = self._door.snapshot(change.c).inventory
            way = would_cycle(inventory, group, inventory.groups[group].groups)
            if way:
                raise Conflict(f"it would be inside itself: {' > '.join(way)}; take one of them out first")
            change.record("group.restore", group, after=group_facts(groups.get(change.c, group).draft))
            return self._changed(change, group)

        return await self._door.write(work)

    def _view(self, c: Connection, group: StoredGroup) -> Group:
        return views.groups([group], self._door.snapshot(c))[0]

    def _changed(self, change: Change, group: GroupId) -> Group:
        change.tell("group.changed", group_id=group)
        return self._view(change.c, groups.get(change.c, group))

    def _refuse_problems(self, change: Change, draft: GroupDraft, group: GroupId | None) -> None:
        problems = validate_group(draft, self._door.snapshot(change.c).inventory, group)
        if problems:
            raise InvalidInput(problems)
