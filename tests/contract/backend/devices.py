"""Devices, their connection tests and their host keys."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.device import (
    Contact,
    DeviceDraft,
    GroupDraft,
    HostKeyPolicy,
    OfferedKey,
    TestStepName,
    TransportKind,
)
from deployx_tui.model.ids import DeviceId, GroupId
from tests.contract.backend.site import Site, add_device, fields, finished, line, new_request

GONE = DeviceId(999_999)


def offered(content: bytes) -> OfferedKey:
    blob = b"\0\0\0\x0bssh-ed25519" + content
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return OfferedKey(f"SHA256:{digest}", "ssh-ed25519", base64.b64encode(blob).decode(), None)


class DevicesContract:
    async def test_a_created_device_is_read_back_as_it_was_given(self, site: Site) -> None:
        backend = await site.backend()
        group = await backend.groups.create(GroupDraft(name="front"))
        await backend.groups.create(GroupDraft(name="all", groups=(group.id,)))
        await backend.groups.create(GroupDraft(name="prods", selector="tag:prod"))
        given = DeviceDraft(
            name="web01",
            address="web01.example.com",
            port=2222,
            user="deploy",
            key_file="~/.ssh/id_ed25519",
            host_key_policy=HostKeyPolicy.STRICT,
            tags=frozenset({"prod"}),
            groups=(group.id,),
            description="front",
        )
        made = await backend.devices.create(given)
        assert made.draft == given
        assert (made.version, made.contact, made.contact_at) == (1, Contact.NEVER, None)
        assert made.member_of == ("all", "front", "prods")
        assert made == await backend.devices.get(made.id) == await backend.devices.find("web01")
        assert (await backend.devices.list()).items == (made,)

    async def test_what_can_not_be_meant_is_refused_by_field(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        wrong = {
            "device_name": DeviceDraft(name="a,b", address="x"),
            "address": DeviceDraft(name="x", address="-oProxyCommand=x"),
            "port": DeviceDraft(name="x", address="x", port=70000),
            "user": DeviceDraft(name="x", address="x", user="$(id)"),
            "group_ids": DeviceDraft(name="x", address="x", groups=(GroupId(99),)),
        }
        for field, draft in wrong.items():
            with pytest.raises(InvalidInput) as refused:
                await backend.devices.create(draft)
            assert fields(refused) == [field]
        with pytest.raises(InvalidInput) as taken:
            await backend.devices.create(DeviceDraft(name="web01", address="y"))
        assert fields(taken) == ["device_name"]
        assert len((await backend.devices.list()).items) == 1

    async def test_the_way_to_a_device_is_named_and_goes_round_in_no_circle(self, site: Site) -> None:
        backend = await site.backend()
        outer = await add_device(backend, "outer")
        inner = await backend.devices.create(DeviceDraft(name="inner", address="10.0.0.2", jump=outer.id))
        web = await backend.devices.create(DeviceDraft(name="web01", address="10.0.0.3", jump=inner.id))
        assert (outer.via, inner.via, web.via) == ((), ("outer",), ("outer", "inner"))
        assert {one.name: one.via for one in (await backend.devices.list()).items}["web01"] == ("outer", "inner")
        for jump in (web.id, inner.id, outer.id):
            with pytest.raises(InvalidInput, match="circle") as refused:
                await backend.devices.update(outer.id, replace(outer.draft, jump=jump))
            assert fields(refused) == ["jump_id"]
        with pytest.raises(InvalidInput) as unknown:
            await backend.devices.create(DeviceDraft(name="x", address="x", jump=GONE))
        assert fields(unknown) == ["jump_id"]

    async def test_a_jump_host_is_not_deleted_under_those_who_need_it(self, site: Site) -> None:
        backend = await site.backend()
        outer = await add_device(backend, "outer")
        web = await backend.devices.create(DeviceDraft(name="web01", address="10.0.0.3", jump=outer.id))
        with pytest.raises(Conflict, match="web01"):
            await backend.devices.delete(outer.id)
        await backend.devices.delete(web.id)
        await backend.devices.delete(outer.id)
        with pytest.raises(Conflict, match="restore that one first"):
            await backend.devices.restore(web.id)
        await backend.devices.restore(outer.id)
        assert (await backend.devices.restore(web.id)).via == ("outer",)

    async def test_an_edit_bumps_the_version_and_an_old_version_is_stale(self, site: Site) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01", "prod")
        changed = await backend.devices.update(device.id, replace(device.draft, name="web1", tags=frozenset()), 1)
        assert (changed.name, changed.draft.tags, changed.version) == ("web1", frozenset(), 2)
        for act in (
            lambda: backend.devices.update(device.id, device.draft, 1),
            lambda: backend.devices.delete(device.id, 1),
        ):
            with pytest.raises(Conflict) as stale:
                await act()
            assert stale.value.stale

    async def test_a_deleted_device_is_gone_until_it_is_restored_and_its_history_stays(self, site: Site) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        ended = await finished(backend, await backend.executions.run_ad_hoc(line("true"), "web01", new_request()))
        await backend.devices.delete(device.id)
        for look in (backend.devices.get, backend.devices.delete):
            with pytest.raises(NotFound):
                await look(device.id)
        with pytest.raises(InvalidInput):
            await backend.devices.match("web01")
        assert (await backend.devices.list()).items == ()
        assert [t.device for t in (await backend.executions.targets(ended.id)).items] == ["web01"]
        back = await backend.devices.restore(device.id)
        assert back.draft == device.draft
        with pytest.raises(NotFound):
            await backend.devices.restore(device.id)

    async def test_devices_are_listed_by_name_filtered_and_paged(self, site: Site) -> None:
        backend = await site.backend()
        web = [await add_device(backend, f"web{number}") for number in (3, 1, 2)]
        await add_device(backend, "db1", "prod")
        group = await backend.groups.create(GroupDraft(name="some", devices=(web[0].id, web[1].id)))
        assert [d.name for d in (await backend.devices.list()).items] == ["db1", "web1", "web2", "web3"]
        assert [d.name for d in (await backend.devices.list("PROD")).items] == ["db1"]
        assert [d.name for d in (await backend.devices.list("!web")).items] == ["db1"]
        assert [d.name for d in (await backend.devices.list(group=group.id)).items] == ["web1", "web3"]
        first = await backend.devices.list(limit=3)
        assert first.next_cursor is not None
        assert [d.name for d in (await backend.devices.list(limit=3, cursor=first.next_cursor)).items] == ["web3"]
        with pytest.raises(NotFound):
            await backend.devices.list(group=GroupId(99))
        with pytest.raises(InvalidInput):
            await backend.devices.list(cursor="x")

    async def test_a_selector_shows_whom_it_matches_and_why(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01", "prod")
        await add_device(backend, "web02")
        found = await backend.devices.match("tag:prod,web02")
        assert [(name, why) for _, name, why in found.devices] == [("web01", "tag:prod"), ("web02", "web02")]
        for wrong in ("", "a&&b", "nowhere", "@nobody"):
            with pytest.raises(InvalidInput) as refused:
                await backend.devices.match(wrong)
            assert fields(refused) == ["selector"]

    async def test_a_selector_can_mean_what_failed_in_a_run(self, site: Site) -> None:
        backend = await site.backend()
        for name in ("web01", "web02"):
            await add_device(backend, name)
        ended = await finished(backend, await backend.executions.run_ad_hoc(line("exit 1"), "web01", new_request()))
        assert [name for _, name, _ in (await backend.devices.match(f"failed:{ended.id}")).devices] == ["web01"]

    async def test_a_connection_test_tells_its_steps_and_keeps_what_it_found(self, site: Site) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        steps = [step async for step in backend.devices.test(device.id)]
        assert steps
        assert all(step.ok for step in steps), steps
        assert steps[-1].name is TestStepName.RUN
        tested = await backend.devices.get(device.id)
        assert (tested.contact, tested.version) == (Contact.OK, 1)
        assert tested.contact_at is not None
        with pytest.raises(NotFound):
            async for _ in backend.devices.test(GONE):
                pass

    async def test_a_connection_test_that_fails_names_the_step_and_the_remedy(self, site: Site) -> None:
        backend = await site.backend()
        # port 1 of this machine: nobody listens there
        device = await backend.devices.create(DeviceDraft(name="dead", address="127.0.0.1", port=1))
        steps = [step async for step in backend.devices.test(device.id)]
        assert [step.ok for step in steps] == [*[True] * (len(steps) - 1), False]
        assert steps[-1].name is TestStepName.CONNECT
        assert steps[-1].message
        assert steps[-1].remedy
        assert (await backend.devices.get(device.id)).contact is Contact.UNREACHABLE

    async def test_a_host_key_is_trusted_as_it_was_shown(self, site: Site) -> None:
        backend = await site.backend()
        device = await backend.devices.create(DeviceDraft(name="web01", address="127.0.0.1", port=2222))
        first, second = offered(b"first"), offered(b"second")
        await backend.devices.trust(device.id, first)
        await backend.devices.trust(device.id, second)
        for wrong, field in (
            (replace(second, fingerprint=first.fingerprint), "fingerprint"),
            (replace(second, key="not base64!"), "key"),
        ):
            with pytest.raises(InvalidInput) as refused:
                await backend.devices.trust(device.id, wrong)
            assert fields(refused) == [field]
        with pytest.raises(NotFound):
            await backend.devices.trust(GONE, first)
        local = await add_device(backend, "here")
        assert local.draft.transport is TransportKind.LOCAL
        with pytest.raises(Conflict):
            await backend.devices.trust(local.id, first)
