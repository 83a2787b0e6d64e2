from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.device import Contact, DeviceDraft, GroupDraft, HostKeyPolicy, TransportKind
from deployx_tui.model.ids import DeviceId, GroupId, UserId
from deployx_tui.store import devices, groups, inventory
from deployx_tui.store.clock import from_ms
from deployx_tui.store.database import Database
from tests.support.plans import recorded

ADA = UserId(1)


def _add(c: Connection, name: str, *tags: str, inside: tuple[GroupId, ...] = ()) -> DeviceId:
    draft = DeviceDraft(name=name, address=f"{name}.example", tags=frozenset(tags), groups=inside)
    return devices.add(c, draft, ADA, 1000)


def _names(c: Connection, words: str = "", limit: int = 1000) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        some, cursor = devices.page(c, words, limit=limit, cursor=cursor)
        found += [device.draft.name for device in some]
        if cursor is None:
            return found


def test_a_device_comes_back_as_it_was_given(c: Connection) -> None:
    group = groups.add(c, GroupDraft(name="web"), ADA, 1000)
    draft = DeviceDraft(
        name="web01",
        address="10.0.0.1",
        port=2222,
        user="deploy",
        transport=TransportKind.LOCAL,
        key_file="/keys/id",
        host_key_policy=HostKeyPolicy.STRICT,
        tags=frozenset({"prod", "eu"}),
        groups=(group,),
        description="front",
    )
    device = devices.get(c, devices.add(c, draft, ADA, 1000))
    assert device.draft == draft
    assert (device.version, device.contact, device.contact_at) == (1, Contact.NEVER, None)


def test_an_edit_replaces_the_draft_and_bumps_the_version(c: Connection) -> None:
    device = _add(c, "web01", "prod")
    devices.change(c, device, DeviceDraft(name="web1", address="x", tags=frozenset({"lab"})), 1, 2000)
    changed = devices.get(c, device)
    assert (changed.draft.name, changed.draft.tags, changed.version) == ("web1", frozenset({"lab"}), 2)
    with pytest.raises(Conflict) as stale:
        devices.change(c, device, changed.draft, 1, 3000)
    assert stale.value.stale


def test_a_contact_is_no_edit(c: Connection) -> None:
    device = _add(c, "web01")
    devices.contacted(c, device, Contact.AUTH, 5000)
    found = devices.get(c, device)
    assert (found.contact, found.contact_at, found.version) == (Contact.AUTH, from_ms(5000), 1)


def test_a_taken_name_is_refused_with_its_field(c: Connection) -> None:
    _add(c, "web01")
    other = _add(c, "web02")
    for attempt in (
        lambda: _add(c, "web01"),
        lambda: devices.change(c, other, DeviceDraft(name="web01", address="x"), None, 1),
    ):
        with pytest.raises(InvalidInput) as refused:
            attempt()
        assert refused.value.problems[0].field == "device_name"


def test_a_deleted_device_frees_its_name_and_comes_back_with_all_it_had(c: Connection) -> None:
    group = groups.add(c, GroupDraft(name="web"), ADA, 1000)
    device = _add(c, "web01", "prod", inside=(group,))
    devices.remove(c, device, None, 2000)
    with pytest.raises(NotFound):
        devices.get(c, device)
    assert _names(c) == []
    groups.change(c, group, GroupDraft(name="www"), None, 2500)
    second = _add(c, "web01")
    with pytest.raises(InvalidInput):
        devices.restore(c, device, 3000)
    devices.remove(c, second, None, 3500)
    devices.restore(c, device, 4000)
    back = devices.get(c, device)
    assert (back.draft.tags, back.draft.groups) == (frozenset({"prod"}), (group,))
    with pytest.raises(NotFound):
        devices.restore(c, device, 5000)


def test_a_name_comes_before_an_id(c: Connection) -> None:
    first = _add(c, "web01")
    numbered = _add(c, str(first))
    assert devices.find(c, str(first)).id == numbered
    assert devices.find(c, "web01").id == first
    assert devices.find(c, str(numbered)).id == numbered
    for nothing in ("", "web", "99", "²", "9" * 30):
        with pytest.raises(NotFound):
            devices.find(c, nothing)


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_devices_page_by_name_and_filter_by_words(c: Connection, limit: int) -> None:
    for name in ("web02", "db01", "web01", "100%_x"):
        _add(c, name, "prod" if name != "web02" else "lab")
    assert _names(c, limit=limit) == sorted(["web02", "db01", "web01", "100%_x"])
    assert _names(c, "WEB", limit) == ["web01", "web02"]
    assert _names(c, "prod !web", limit) == ["100%_x", "db01"]
    assert _names(c, "%_", limit) == ["100%_x"]


def test_a_foreign_cursor_is_refused(c: Connection) -> None:
    for cursor in ("", "x", "AAAA", "W10", "é"):
        with pytest.raises(InvalidInput) as refused:
            devices.page(c, cursor=cursor)
        assert refused.value.problems[0].field == "cursor"


def test_a_list_can_be_kept_to_ten_thousand_ids(c: Connection) -> None:
    kept = _add(c, "web01")
    _add(c, "web02")
    many = [kept, *(DeviceId(number) for number in range(100, 40_100))]
    assert [device.id for device in devices.page(c, among=many)[0]] == [kept]


def test_groups_hold_devices_and_groups_and_keep_what_is_deleted_for_its_return(c: Connection) -> None:
    web01, web02 = _add(c, "web01"), _add(c, "web02")
    inner = groups.add(c, GroupDraft(name="inner", selector="tag:prod"), ADA, 1000)
    draft = GroupDraft(
        name="web",
        description="fronts",
        color="#ff0000",
        devices=(web01, web02),
        groups=(inner,),
        protected=True,
        host_key_policy=HostKeyPolicy.ACCEPT_NEW,
    )
    group = groups.add(c, draft, ADA, 1000)
    assert groups.get(c, group).draft == draft
    devices.remove(c, web02, None, 2000)
    groups.remove(c, inner, None, 2000)
    assert (groups.get(c, group).draft.devices, groups.get(c, group).draft.groups) == ((web01,), ())
    groups.change(c, group, GroupDraft(name="web"), 1, 3000)
    devices.restore(c, web02, 4000)
    groups.restore(c, inner, 4000)
    assert groups.get(c, group).draft.devices == (web02,)
    assert groups.get(c, group).draft.groups == (inner,)
    assert [found.draft.name for found in groups.every(c)] == ["inner", "web"]


def test_groups_are_found_by_name_and_their_names_are_unique(c: Connection) -> None:
    group = groups.add(c, GroupDraft(name="web"), ADA, 1000)
    assert groups.find(c, "@web").id == groups.find(c, "web").id == groups.find(c, str(group)).id == group
    with pytest.raises(InvalidInput) as refused:
        groups.add(c, GroupDraft(name="web"), ADA, 1000)
    assert refused.value.problems[0].field == "group_name"
    with pytest.raises(NotFound):
        groups.find(c, "db")


def test_every_change_of_devices_and_groups_gives_the_inventory_a_new_version(c: Connection) -> None:
    device = _add(c, "web01")
    group = groups.add(c, GroupDraft(name="web"), ADA, 1)
    steps: list[Callable[[], None]] = [
        lambda: devices.change(c, device, DeviceDraft(name="web02", address="x"), None, 2),
        lambda: groups.change(c, group, GroupDraft(name="www"), None, 2),
        lambda: devices.remove(c, device, None, 3),
        lambda: groups.remove(c, group, None, 3),
        lambda: devices.restore(c, device, 4),
        lambda: groups.restore(c, group, 4),
    ]
    seen = [inventory.version(c)]
    for step in steps:
        step()
        seen.append(inventory.version(c))
    assert seen == sorted(set(seen))


def test_devices_and_groups_are_read_through_indexes(sqlite_database: Database) -> None:
    with sqlite_database.read() as c, recorded(c) as plans:
        devices.page(c, cursor=None)
        devices.by_ids(c, [DeviceId(1)])
        groups.every(c)
        for find in (devices.find, groups.find):
            with pytest.raises(NotFound):
                find(c, "nothing")
    plans.assert_indexed()
    assert plans.use("ux_devices_name")
    assert plans.use("ux_device_groups_name")
