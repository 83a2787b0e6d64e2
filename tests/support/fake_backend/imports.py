"""Imports in memory: three hosts of ~/.ssh/config, or the text that a test gave as a file, read for real."""

from __future__ import annotations

from deployx_tui.errors import Conflict, InvalidInput
from deployx_tui.model.device import Contact, Device, DeviceDraft
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.importing import HostList, HostSource, ImportChoice, ImportFormat, ImportPlan, ListedHost
from deployx_tui.planning.importing import plan_import
from deployx_tui.portability.hosts import digest_of, read_hosts
from tests.support.fake_backend.facet import Facet


class FakeImports(Facet):
    async def plan(self, source: HostSource) -> ImportPlan:
        await self.w.door("imports.plan")
        if source.path is None:
            hosts = tuple(ListedHost(draft=DeviceDraft(name=f"jump{n}", address=f"10.9.0.{n}")) for n in range(1, 4))
            found = HostList(format=ImportFormat.SSH_CONFIG, hosts=hosts)
        elif source.path not in self.w.files:
            raise InvalidInput.of("path", f"there is no {source.path}", "name a file on the engine's machine")
        else:
            found = read_hosts(HostSource(content=self.w.files[source.path], format=source.format))
        return plan_import(found, digest_of(found), self.w.inventory(), {})

    async def take(self, source: HostSource, choice: ImportChoice) -> ImportPlan:
        await self.w.door("imports.take")
        plan = (await self.plan(source)).chosen(choice.names)
        if plan.digest != choice.digest:
            raise Conflict("the hosts are not those that were looked at any more", stale=True)
        for host in plan.new:
            number = DeviceId(max(self.w.device_rows, default=0) + 1)
            self.w.device_rows[number] = Device(
                id=number, draft=host.draft, version=1, contact=Contact.NEVER, contact_at=None, member_of=host.groups
            )
        self.w.emit("device.changed")
        return plan
