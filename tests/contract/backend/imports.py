"""Imports of devices: looked at without a trace, then all of it or nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deployx_tui.errors import Conflict, InvalidInput
from deployx_tui.model.device import GroupDraft
from deployx_tui.model.ids import GroupId
from deployx_tui.model.importing import LARGEST_FILE, HostSource, HostStanding, ImportChoice, ImportFormat, ImportPlan
from tests.contract.backend.site import Site, add_device, fields

INVENTORY = b"""\
[web]
web[1:3] ansible_user=deploy ansible_password=hunter2
[db]
db1 ansible_port=2222 ansible_ssh_common_args="-J ops@bastion:2200"
[prod:children]
web
db
[windows]
win1 ansible_connection=winrm
"""
SOURCE = HostSource(content=INVENTORY)


def choice(plan: ImportPlan, *names: str) -> ImportChoice:
    return ImportChoice(digest=plan.digest, names=names or None)


class ImportsContract:
    async def test_an_inventory_is_looked_at_without_a_trace(self, site: Site) -> None:
        backend = await site.backend()
        plan = await backend.imports.plan(SOURCE)
        assert plan.format is ImportFormat.ANSIBLE_INI
        assert [host.name for host in plan.new] == ["web1", "web2", "web3", "db1", "bastion"]
        assert [host.name for host in plan.hosts if host.standing is HostStanding.REFUSED] == ["win1"]
        assert "hunter2" not in repr(plan)
        assert (await backend.devices.list()).items == ()
        assert (await backend.groups.list()).items == ()

    async def test_what_was_shown_is_made_with_its_groups_and_jump_hosts(self, site: Site) -> None:
        backend = await site.backend()
        plan = await backend.imports.plan(SOURCE)
        assert await backend.imports.take(SOURCE, choice(plan)) == plan
        found = {device.name: device for device in (await backend.devices.list()).items}
        assert set(found) == {"web1", "web2", "web3", "db1", "bastion"}
        assert found["db1"].via == ("bastion",)
        assert (found["db1"].draft.port, found["bastion"].draft.port) == (2222, 2200)
        assert found["bastion"].draft.user == "ops"
        assert found["web2"].member_of == ("prod", "web")
        groups = {group.name: group for group in (await backend.groups.list()).items}
        assert set(groups) == {"web", "db", "prod"}
        again = await backend.imports.plan(SOURCE)
        assert again.new == ()
        assert await backend.imports.take(SOURCE, choice(again)) == again

    async def test_only_what_is_chosen_is_made_and_what_it_needs(self, site: Site) -> None:
        backend = await site.backend()
        extra = await backend.groups.create(GroupDraft(name="extra"))
        plan = await backend.imports.plan(SOURCE)
        wanted = replace(choice(plan, "db1"), groups=(extra.id,), tags=frozenset({"fresh"}))
        done = await backend.imports.take(SOURCE, wanted)
        assert [host.name for host in done.new] == ["db1", "bastion"]
        found = {device.name: device for device in (await backend.devices.list()).items}
        assert found["db1"].member_of == ("db", "extra", "prod")
        assert found["db1"].draft.tags == {"fresh"}
        assert {group.name for group in (await backend.groups.list()).items} == {"db", "prod", "extra"}

    async def test_a_source_that_changed_since_is_not_taken(self, site: Site, tmp_path: Path) -> None:
        backend = await site.backend()
        file = tmp_path / "hosts"
        file.write_bytes(INVENTORY)
        source = HostSource(path=str(file))
        plan = await backend.imports.plan(source)
        file.write_bytes(INVENTORY.replace(b"web[1:3]", b"web[1:4]"))
        with pytest.raises(Conflict):
            await backend.imports.take(source, choice(plan))
        assert (await backend.devices.list()).items == ()

    async def test_nothing_is_half_imported(self, site: Site) -> None:
        backend = await site.backend()
        plan = await backend.imports.plan(SOURCE)
        for wrong in (
            choice(plan, "web1", "nobody"),
            choice(plan, "web1", "win1"),
            replace(choice(plan), groups=(GroupId(999_999),)),
            replace(choice(plan), tags=frozenset({"a,b"})),
        ):
            with pytest.raises(InvalidInput):
                await backend.imports.take(SOURCE, wrong)
        assert (await backend.devices.list()).items == ()
        assert (await backend.groups.list()).items == ()

    async def test_devices_and_groups_that_exist_stay_as_they_are(self, site: Site) -> None:
        backend = await site.backend()
        old = await add_device(backend, "web2")
        await backend.groups.create(GroupDraft(name="db", selector="tag:database"))
        prod = await backend.groups.create(GroupDraft(name="prod"))
        plan = await backend.imports.plan(SOURCE)
        await backend.imports.take(SOURCE, choice(plan))
        assert await backend.devices.get(old.id) == old
        db1 = await backend.devices.find("db1")
        assert db1.member_of == ()
        (planned,) = [host for host in plan.hosts if host.name == "db1"]
        assert [each.what for each in planned.left_out] == ["group db"]
        web = await backend.groups.find("web")
        assert (await backend.groups.get(prod.id)).draft.groups == (web.id,)

    async def test_an_openssh_configuration_is_a_source_too(self, site: Site, tmp_path: Path) -> None:
        backend = await site.backend()
        config = tmp_path / "hosts.conf"
        config.write_text("Host web01\n  HostName 10.0.0.1\n  User deploy\n  Port 2222\nHost *\n  User root\n")
        plan = await backend.imports.plan(HostSource(path=str(config)))
        assert plan.format is ImportFormat.SSH_CONFIG
        (found,) = plan.new
        draft = found.draft
        assert (draft.name, draft.address, draft.user, draft.port) == ("web01", "10.0.0.1", "deploy", 2222)

    async def test_a_file_that_is_not_there_or_no_list_of_hosts_is_refused(self, site: Site, tmp_path: Path) -> None:
        backend = await site.backend()
        for source, field in (
            (HostSource(path=str(tmp_path / "nothing")), "path"),
            (HostSource(path=str(tmp_path)), "path"),
            (HostSource(content=b"\xff\xfe"), "source"),
            (HostSource(content=b"[web"), "source"),
        ):
            with pytest.raises(InvalidInput) as refused:
                await backend.imports.plan(source)
            assert fields(refused) == [field]

    async def test_the_largest_file_passes_the_door(self, site: Site) -> None:
        backend = await site.backend()
        lines = b"".join(b"# %060d\n" % number for number in range(16_000)) + b"web01\n"
        plan = await backend.imports.plan(HostSource(content=lines))
        assert [host.name for host in plan.new] == ["web01"]
        with pytest.raises(InvalidInput) as refused:
            await backend.imports.plan(HostSource(content=lines.ljust(LARGEST_FILE + 1, b"#")))
        assert fields(refused) == ["source"]
