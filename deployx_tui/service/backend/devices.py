"""Devices: what tasks run on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol

from deployx_tui.model.device import Device, DeviceDraft, OfferedKey, SelectorMatch, TestStep
from deployx_tui.model.fetch import FetchPiece
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.page import Page
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


class Devices(Protocol):
    @needs(Permission.DEVICES_READ)
    async def list(
        self, text: str = "", group: GroupId | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[Device]:
        """By name."""
        ...

    @needs(Permission.DEVICES_READ)
    async def get(self, device: DeviceId) -> Device: ...

    @needs(Permission.DEVICES_READ)
    async def find(self, name_or_id: str) -> Device: ...

    @needs(Permission.DEVICES_READ)
    async def match(self, selector: str) -> SelectorMatch:
        """What a selector resolves to now. InvalidInput (field `selector`) when it can't be read."""
        ...

    @needs(Permission.DEVICES_WRITE)
    async def create(self, draft: DeviceDraft) -> Device: ...

    @needs(Permission.DEVICES_WRITE)
    async def update(self, device: DeviceId, draft: DeviceDraft, version: int | None = None) -> Device: ...

    @needs(Permission.DEVICES_WRITE)
    async def delete(self, device: DeviceId, version: int | None = None) -> None: ...

    @needs(Permission.DEVICES_WRITE)
    async def restore(self, device: DeviceId) -> Device: ...

    @needs(Permission.DEVICES_TEST)
    def test(self, device: DeviceId) -> AsyncIterator[TestStep]:
        """Connect step by step: resolve, connect, host key, authenticate, run."""
        ...

    @needs(Permission.TASKS_RUN)
    def fetch(self, device: DeviceId, path: str) -> AsyncGenerator[FetchPiece, None]:
        """Read a file or folder there, as the account that logs in. The last piece says how it ended; what a device
        does not do is told so too. Closed before its end, the device is told to stop.

        InvalidInput (field `path`) when it is not absolute.
        """
        ...

    @needs(Permission.DEVICES_WRITE)
    async def trust(self, device: DeviceId, key: OfferedKey) -> None:
        """Keep this host key as the known one. A known key that differs is replaced, and kept in the audit."""
        ...
