"""What an import would do among what there is."""

from __future__ import annotations

from collections.abc import Mapping

from deployx_tui.model.device import DeviceDraft
from deployx_tui.model.hosts import JumpHost, jump_host
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.importing import HostList, HostStanding, ImportFormat, ImportPlan, ListedHost, PlannedHost
from deployx_tui.model.inventory import Inventory, InventoryDevice, InventoryGroup
from deployx_tui.planning.importing import plan_import

NOTHING = Inventory({}, {})
NONE: Mapping[str, str] = {}


def host(name: str, *groups: str, jump: str = "", address: str = "", **fields: object) -> ListedHost:
    jumps: tuple[JumpHost, ...] = tuple(jump_host(word) for word in jump.split(",")) if jump else ()
    draft = DeviceDraft(name=name, address=address or name, **fields)  # type: ignore[arg-type]  # of a test's own
    return ListedHost(draft=draft, groups=groups, jumps=jumps)


def plan(
    *hosts: ListedHost,
    nesting: tuple[tuple[str, str], ...] = (),
    inventory: Inventory = NOTHING,
    addresses: Mapping[str, str] = NONE,
) -> ImportPlan:
    found = HostList(format=ImportFormat.ANSIBLE_INI, hosts=hosts, nesting=nesting)
    return plan_import(found, "digest", inventory, addresses)


def named(found: ImportPlan, name: str) -> PlannedHost:
    (one,) = [each for each in found.hosts if each.name == name]
    return one


def inventory(*devices: str, groups: tuple[InventoryGroup, ...] = ()) -> Inventory:
    rows = {
        DeviceId(number): InventoryDevice(DeviceId(number), name, frozenset())
        for number, name in enumerate(devices, start=1)
    }
    return Inventory(rows, {group.id: group for group in groups})


def group(number: int, name: str, *children: int, selector: str | None = None) -> InventoryGroup:
    inside = frozenset(GroupId(child) for child in children)
    return InventoryGroup(GroupId(number), name, selector, frozenset(), inside)


def test_a_hostile_name_refuses_its_host_and_no_other() -> None:
    names = ["web\x1b[31m", "a,b", "@all", "x" * 200, "tag:y", "-oProxyCommand=id", "web\u202e01"]
    found = plan(*(host(name) for name in names), host("good"))
    assert [each.name for each in found.new] == ["good"]
    assert all(named(found, name).standing is HostStanding.REFUSED and named(found, name).why for name in names)


def test_a_group_that_can_not_be_is_left_out_with_its_reason() -> None:
    found = plan(host("a", "web", "no(good)"), nesting=(("no(good)", "web"),))
    assert named(found, "a").groups == ("web",)
    assert [each.what for each in named(found, "a").left_out] == ["group no(good)"]
    assert [each.what for each in found.left_out] == ["group web inside no(good)"]
    assert [each.name for each in found.groups] == ["web"]


def test_groups_come_after_those_inside_them_and_only_with_a_new_host_in_them() -> None:
    nesting = (("prod", "web"), ("prod", "empty"), ("world", "prod"), ("world", "lonely"))
    found = plan(host("a", "web"), host("known", "lonely"), nesting=nesting, inventory=inventory("known"))
    assert [(each.name, each.children) for each in found.groups] == [
        ("web", ()),
        ("prod", ("web",)),
        ("world", ("prod",)),
    ]
    assert found.chosen(["known"]).groups == ()


def test_two_groups_that_exist_are_not_put_into_each_other() -> None:
    here = inventory(groups=(group(1, "prod"), group(2, "web"), group(3, "held", 2)))
    found = plan(host("a", "web", "new"), nesting=(("prod", "web"), ("held", "web"), ("prod", "new")), inventory=here)
    assert [each.what for each in found.left_out] == ["group web inside prod"]
    assert {each.name: each.children for each in found.groups}["prod"] == ("new",)


def test_groups_nested_deeper_than_groups_may_be_lie_flat() -> None:
    nesting = tuple((f"g{number}", f"g{number + 1}") for number in range(60))
    found = plan(host("a", "g60"), nesting=nesting)
    assert [each.what for each in found.left_out] == ["the nesting of groups"]
    assert all(not each.children for each in found.groups)


def test_a_jump_host_is_found_by_name_or_address_or_becomes_a_device() -> None:
    found = plan(
        host("a", jump="bastion"),
        host("b", jump="10.0.0.1"),
        host("c", jump="ops@gate:2222"),
        host("d", jump="ops@gate:2222"),
        host("e", jump="there"),
        host("f", jump="10.9.9.9"),
        host("bastion", address="10.0.0.1"),
        inventory=inventory("there", "known"),
        addresses={"10.9.9.9": "known"},
    )
    jumps = {each.name: each.jump for each in found.new}
    assert jumps == {
        "a": "bastion", "b": "bastion", "c": "gate", "d": "gate", "e": "there", "f": "known", "bastion": None,
        "gate": None,
    }  # fmt: skip
    assert named(found, "gate").draft == DeviceDraft(name="gate", address="gate", port=2222, user="ops")
    assert {each.name for each in found.chosen(["c"]).hosts} == {"c", "gate"}


def test_several_jump_hosts_lead_to_each_other() -> None:
    found = plan(host("a", jump="outer,inner"), host("inner"))
    assert {each.name: each.jump for each in found.new} == {"a": "inner", "inner": "outer", "outer": None}


def test_a_way_that_can_not_be_refuses_the_host() -> None:
    found = plan(
        host("self", jump="self"),
        host("x", jump="y"),
        host("y", jump="x"),
        host("z", jump="outer,held"),
        inventory=inventory("held"),
    )
    assert {each.name for each in found.new} == {"x"}
    assert "through itself" in named(found, "self").why
    assert "through itself" in named(found, "y").why
    assert "not reached through outer" in named(found, "z").why


def test_another_account_of_a_host_in_the_file_is_a_device_of_its_own() -> None:
    found = plan(host("a", jump="ops@gate"), host("gate", user="root"))
    assert named(found, "a").jump == "ops-gate"
    assert named(found, "ops-gate").draft.user == "ops"
