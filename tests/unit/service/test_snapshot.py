from __future__ import annotations

from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.inventory import Inventory, InventoryDevice, InventoryGroup
from deployx_tui.service.local.snapshot import Snapshot


def _group(
    number: int, name: str, *, selector: str | None = None, devices: str = "", groups: str = ""
) -> InventoryGroup:
    return InventoryGroup(
        GroupId(number),
        name,
        selector,
        frozenset(DeviceId(int(d)) for d in devices),
        frozenset(GroupId(int(g)) for g in groups),
    )


def _snapshot() -> Snapshot:
    devices = [InventoryDevice(DeviceId(n), f"web{n}", frozenset({"odd"} if n % 2 else {"even"})) for n in (1, 2, 3)]
    groups = [
        _group(1, "direct", devices="12"),
        _group(2, "nested", groups="1"),
        _group(3, "odds", selector="tag:odd"),
        _group(4, "odds but 1", selector="tag:odd&!web1"),
        _group(5, "within", selector="@nested&tag:even"),
        _group(6, "empty"),
    ]
    return Snapshot(7, Inventory({d.id: d for d in devices}, {g.id: g for g in groups}))


def test_one_device_alone_is_in_the_same_groups_as_among_all() -> None:
    snapshot = _snapshot()
    for device in snapshot.inventory.devices:
        assert snapshot.groups_of(device) == snapshot.member_of.get(device, ())
    assert snapshot.groups_of(DeviceId(1)) == ("direct", "nested", "odds")
    assert snapshot.groups_of(DeviceId(2)) == ("direct", "nested", "within")
    assert snapshot.groups_of(DeviceId(9)) == ()


def test_the_next_version_holds_one_changed_device_and_leaves_the_old_one_alone() -> None:
    old = _snapshot()
    new = old.with_device(8, InventoryDevice(DeviceId(2), "db2", frozenset({"odd"})), (GroupId(6),))
    assert (new.version, new.groups_of(DeviceId(2))) == (8, ("empty", "odds", "odds but 1"))
    assert old.groups_of(DeviceId(2)) == ("direct", "nested", "within")
    added = old.with_device(8, InventoryDevice(DeviceId(4), "web4", frozenset()), (GroupId(1),))
    assert added.groups_of(DeviceId(4)) == ("direct", "nested")
    assert set(added.inventory.devices) == {1, 2, 3, 4}
