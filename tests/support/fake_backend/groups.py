"""Groups in memory."""

from __future__ import annotations

from dataclasses import replace

from deployx_tui.errors import NotFound
from deployx_tui.model.device import (
    Group,
    GroupDraft,
)
from deployx_tui.model.ids import GroupId
from deployx_tui.model.page import Page
from tests.support.fake_backend.facet import Facet


class FakeGroups(Facet):
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
