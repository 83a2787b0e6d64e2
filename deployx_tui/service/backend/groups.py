"""Groups of devices."""

from __future__ import annotations

from typing import Protocol

from deployx_tui.model.device import Group, GroupDraft
from deployx_tui.model.ids import GroupId
from deployx_tui.model.page import Page
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


class Groups(Protocol):
    @needs(Permission.DEVICES_READ)
    async def list(self) -> Page[Group]:
        """All of them, by name."""
        ...

    @needs(Permission.DEVICES_READ)
    async def get(self, group: GroupId) -> Group: ...

    @needs(Permission.DEVICES_READ)
    async def find(self, name_or_id: str) -> Group: ...

    @needs(Permission.DEVICES_WRITE)
    async def create(self, draft: GroupDraft) -> Group: ...

    @needs(Permission.DEVICES_WRITE)
    async def update(self, group: GroupId, draft: GroupDraft, version: int | None = None) -> Group: ...

    @needs(Permission.DEVICES_WRITE)
    async def delete(self, group: GroupId, version: int | None = None) -> None: ...

    @needs(Permission.DEVICES_WRITE)
    async def restore(self, group: GroupId) -> Group: ...
