"""Groups of devices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.device import GroupDraft, HostKeyPolicy
from deployx_tui.model.ids import DeviceId, GroupId
from tests.contract.backend.site import Site, add_device, fields

GONE = GroupId(999_999)


class GroupsContract:
    async def test_a_created_group_is_read_back_with_all_its_members(self, site: Site) -> None:
        backend = await site.backend()
        web = await add_device(backend, "web01")
        db = await add_device(backend, "db01", "prod")
        prods = await backend.groups.create(GroupDraft(name="prods", selector="tag:prod"))
        given = GroupDraft(
            name="web",
            description="fronts",
            color="#2f81f7",
            devices=(web.id,),
            groups=(prods.id,),
            protected=True,
            host_key_policy=HostKeyPolicy.ACCEPT_NEW,
        )
        made = await backend.groups.create(given)
        assert (made.draft, made.version) == (given, 1)
        assert made.members == (web.id, db.id)
        assert made == await backend.groups.get(made.id) == await backend.groups.find("web")
        assert prods.members == (db.id,)
        listed = await backend.groups.list()
        assert [group.name for group in listed.items] == ["prods", "web"]

    async def test_what_can_not_be_meant_is_refused_by_field(self, site: Site) -> None:
        backend = await site.backend()
        await backend.groups.create(GroupDraft(name="web"))
        wrong = {
            "group_name": GroupDraft(name="web"),
            "color": GroupDraft(name="x", color="red"),
            "selector": GroupDraft(name="x", selector="@nobody"),
            "device_ids": GroupDraft(name="x", devices=(DeviceId(99),)),
            "group_ids": GroupDraft(name="x", groups=(GroupId(99),)),
        }
        for field, draft in wrong.items():
            with pytest.raises(InvalidInput) as refused:
                await backend.groups.create(draft)
            assert fields(refused) == [field]

    async def test_a_group_inside_itself_is_refused_also_on_its_return(self, site: Site) -> None:
        backend = await site.backend()
        inner = await backend.groups.create(GroupDraft(name="inner"))
        outer = await backend.groups.create(GroupDraft(name="outer", groups=(inner.id,)))
        with pytest.raises(InvalidInput) as refused:
            await backend.groups.update(inner.id, replace(inner.draft, groups=(outer.id,)))
        assert fields(refused) == ["group_ids"]
        middle = await backend.groups.create(GroupDraft(name="middle"))
        await backend.groups.update(outer.id, replace(outer.draft, groups=(middle.id,)))
        await backend.groups.update(middle.id, replace(middle.draft, groups=(inner.id,)))
        await backend.groups.delete(middle.id)
        await backend.groups.update(inner.id, replace(inner.draft, groups=(outer.id,)))
        with pytest.raises(Conflict):
            await backend.groups.restore(middle.id)
        assert {group.name for group in (await backend.groups.list()).items} == {"inner", "outer"}

    async def test_an_edit_bumps_the_version_and_an_old_version_is_stale(self, site: Site) -> None:
        backend = await site.backend()
        group = await backend.groups.create(GroupDraft(name="web"))
        changed = await backend.groups.update(group.id, replace(group.draft, name="www"), 1)
        assert (changed.name, changed.version) == ("www", 2)
        for act in (
            lambda: backend.groups.update(group.id, group.draft, 1),
            lambda: backend.groups.delete(group.id, 1),
        ):
            with pytest.raises(Conflict) as stale:
                await act()
            assert stale.value.stale

    async def test_a_deleted_group_is_gone_until_it_is_restored_and_its_devices_stay(self, site: Site) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        group = await backend.groups.create(GroupDraft(name="web", devices=(device.id,)))
        assert (await backend.devices.get(device.id)).member_of == ("web",)
        await backend.groups.delete(group.id)
        assert (await backend.devices.get(device.id)).member_of == ()
        for look in (backend.groups.get, backend.groups.delete):
            with pytest.raises(NotFound):
                await look(group.id)
        with pytest.raises(NotFound):
            await backend.groups.find("web")
        assert (await backend.groups.restore(group.id)).members == (device.id,)
        for act in (backend.groups.restore, backend.groups.get):
            with pytest.raises(NotFound):
                await act(GONE)
