"""Devices in memory; the connection test of db05 shows a changed key."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.device import (
    Device,
    DeviceDraft,
    OfferedKey,
    SelectorMatch,
    TestStep,
    TestStepName,
)
from deployx_tui.model.fetch import FetchBegun, FetchEnded, FetchKind, FetchPiece
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.page import Page
from deployx_tui.planning.selectors import resolve
from tests.support.fake_backend.facet import Facet


class FakeDevices(Facet):
    async def list(
        self, text: str = "", group: GroupId | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[Device]:
        await self.w.door("devices.list")
        rows = [
            device
            for device in self.w.device_rows.values()
            if all(word in f"{device.name} {device.draft.address}".lower() for word in text.lower().split())
            and (group is None or self.w.group_rows[group].name in device.member_of)
        ]
        rows.sort(key=lambda device: device.name)
        return Page(tuple(rows[:limit]), None, len(rows))

    async def get(self, device: DeviceId) -> Device:
        await self.w.door("devices.get")
        if device not in self.w.device_rows:
            raise NotFound("device", str(device))
        return self.w.device_rows[device]

    async def find(self, name_or_id: str) -> Device:
        await self.w.door("devices.find")
        for device in self.w.device_rows.values():
            if device.name == name_or_id or str(device.id) == name_or_id:
                return device
        raise NotFound("device", name_or_id)

    async def match(self, selector: str) -> SelectorMatch:
        await self.w.door("devices.match")
        if "os:" in selector or "arch:" in selector:
            return resolve(selector, self.w.inventory())
        return SelectorMatch(selector=selector, devices=self.w.resolve(selector))

    def _keep(self, device: Device, kind: str = "device.changed") -> Device:
        self.w.device_rows[device.id] = device
        self.w.emit(kind)
        return device

    async def create(self, draft: DeviceDraft) -> Device:
        await self.w.door("devices.create")
        if not draft.name:
            raise InvalidInput.of("name", "it has no name", "write 1 to 120 characters")
        number = DeviceId(max(self.w.device_rows, default=0) + 1)
        inside = tuple(sorted(self.w.group_rows[g].name for g in draft.groups))
        from deployx_tui.model.device import Contact

        return self._keep(
            Device(id=number, draft=draft, version=1, contact=Contact.NEVER, contact_at=None, member_of=inside)
        )

    async def update(self, device: DeviceId, draft: DeviceDraft, version: int | None = None) -> Device:
        await self.w.door("devices.update")
        row = await self.get(device)
        if version is not None and version != row.version:
            raise Conflict(f"device {row.name} was changed meanwhile", stale=True)
        return self._keep(replace(row, draft=draft, version=row.version + 1))

    async def delete(self, device: DeviceId, version: int | None = None) -> None:
        await self.w.door("devices.delete")
        self.w.deleted_devices[device] = self.w.device_rows.pop(device)
        self.w.emit("device.changed")

    async def restore(self, device: DeviceId) -> Device:
        await self.w.door("devices.restore")
        return self._keep(self.w.deleted_devices.pop(device))

    async def test(self, device: DeviceId) -> AsyncIterator[TestStep]:
        await self.w.door("devices.test")
        row = await self.get(device)
        yield TestStep(
            name=TestStepName.RESOLVE, ok=True, message=f"{row.name} is {row.draft.address}", remedy="", elapsed_ms=2
        )
        yield TestStep(name=TestStepName.CONNECT, ok=True, message="port 22, direct", remedy="", elapsed_ms=11)
        if row.name == "db05":
            yield TestStep(
                name=TestStepName.HOST_KEY,
                ok=False,
                message="not the known host key",
                remedy="compare it at the console, then trust it",
                elapsed_ms=38,
                offered_key=OfferedKey(
                    fingerprint="SHA256:Jw5Hc9sYp2LxQe0aVtM7rFzKd4nUoG1bTi8mSyXv3Rg",
                    key_type="ssh-ed25519",
                    key="AAAAC3NzaC1lZDI1NTE5AAAAIOffered",
                    known_fingerprint="SHA256:q8Zr1uTn0VfJ4yKcW2mXe7LbGh5sPdA9oRi3tUvN6Bk",
                ),
            )
            return
        yield TestStep(name=TestStepName.HOST_KEY, ok=True, message="the known one", remedy="", elapsed_ms=38)
        yield TestStep(name=TestStepName.AUTHENTICATE, ok=True, message="deploy, by key", remedy="", elapsed_ms=61)
        yield TestStep(name=TestStepName.RUN, ok=True, message="exec sh, echo and back", remedy="", elapsed_ms=70)

    async def fetch(self, device: DeviceId, path: str) -> AsyncGenerator[FetchPiece, None]:
        await self.w.door("devices.fetch")
        yield FetchBegun(FetchKind.FILE)
        yield path.encode()
        yield FetchEnded()

    async def trust(self, device: DeviceId, key: OfferedKey) -> None:
        await self.w.door("devices.trust")
        self.w.emit("device.changed")
