from __future__ import annotations

from sqlalchemy import Connection, insert

from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.store import inventory
from deployx_tui.store.schema import device_group_map, device_groups, device_tags, devices, group_group_map


def _device(c: Connection, id_: int, name: str, deleted_at: int | None = None) -> None:
    c.execute(
        insert(devices).values(
            id=id_,
            device_name=name,
            address=name,
            transport="ssh",
            owner_id=1,
            created_at=0,
            updated_at=0,
            deleted_at=deleted_at,
        )
    )


def _group(c: Connection, id_: int, name: str, selector: str | None = None, deleted_at: int | None = None) -> None:
    c.execute(
        insert(device_groups).values(
            id=id_,
            group_name=name,
            color="#808080",
            selector=selector,
            owner_id=1,
            created_at=0,
            updated_at=0,
            deleted_at=deleted_at,
        )
    )


def test_the_snapshot_holds_devices_tags_groups_and_their_members(c: Connection) -> None:
    _device(c, 1, "web01")
    _device(c, 2, "db01")
    _group(c, 1, "web")
    _group(c, 2, "all", selector="tag:prod")
    c.execute(insert(device_tags), [{"device_id": 1, "tag": "prod"}, {"device_id": 1, "tag": "linux"}])
    c.execute(insert(device_group_map).values(group_id=1, device_id=1))
    c.execute(insert(group_group_map).values(group_id=1, child_id=2))

    found = inventory.load_inventory(c)

    assert found.devices[DeviceId(1)].tags == {"prod", "linux"}
    assert found.devices[DeviceId(2)].tags == frozenset()
    assert found.groups[GroupId(1)].devices == {1}
    assert found.groups[GroupId(1)].groups == {2}
    assert found.groups[GroupId(2)].selector == "tag:prod"


def test_what_is_deleted_is_in_no_group_of_the_snapshot(c: Connection) -> None:
    _device(c, 1, "web01")
    _device(c, 2, "web02", deleted_at=5)
    _group(c, 1, "web")
    _group(c, 2, "old", deleted_at=5)
    c.execute(insert(device_group_map), [{"group_id": 1, "device_id": 1}, {"group_id": 1, "device_id": 2}])
    c.execute(insert(group_group_map).values(group_id=1, child_id=2))

    found = inventory.load_inventory(c)

    assert set(found.devices) == {1}
    assert found.groups[GroupId(1)].devices == {1}
    assert found.groups[GroupId(1)].groups == frozenset()


def test_the_version_grows_with_each_touch(c: Connection) -> None:
    seen = [inventory.version(c)]
    for _ in range(3):
        inventory.touch(c)
        seen.append(inventory.version(c))
    assert seen == sorted(set(seen))
