"""Groups of devices in the database. Who is a member through nesting and selectors is planning's knowledge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from deployx_tui.errors import InvalidInput, NotFound
from deployx_tui.model.device import GroupDraft, HostKeyPolicy
from deployx_tui.model.ids import DeviceId, GroupId, UserId, id_of
from deployx_tui.store import inventory
from deployx_tui.store.dialects import sets
from deployx_tui.store.identity import refuse_stale
from deployx_tui.store.near import near
from deployx_tui.store.schema import device_group_map, device_groups, devices, group_group_map


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGroup:
    id: GroupId
    draft: GroupDraft
    version: int


def add(c: Connection, draft: GroupDraft, owner: UserId, now_ms: int) -> GroupId:
    """A new group. InvalidInput when the name is taken. The caller has refused cycles."""
    inventory.touch(c)
    _refuse_taken_name(c, draft.name)
    made = c.execute(
        insert(device_groups)
        .values(**_columns(draft), owner_id=owner, created_at=now_ms, updated_at=now_ms)
        .returning(device_groups.c.id)
    )
    group = GroupId(made.scalar_one())
    _relate(c, group, draft)
    return group


def change(c: Connection, group: GroupId, draft: GroupDraft, version: int | None, now_ms: int) -> None:
    """Replace the draft. Conflict when `version` is given and old."""
    inventory.touch(c)
    refuse_stale("group", get(c, group).version, version)
    _refuse_taken_name(c, draft.name, but=group)
    c.execute(
        update(device_groups)
        .where(device_groups.c.id == group)
        .values(**_columns(draft), version=device_groups.c.version + 1, updated_at=now_ms)
    )
    # a deleted device or group stays inside for the day it is restored
    alive = select(devices.c.id).where(devices.c.deleted_at.is_(None))
    c.execute(
        delete(device_group_map).where(device_group_map.c.group_id == group, device_group_map.c.device_id.in_(alive))
    )
    children = select(device_groups.c.id).where(device_groups.c.deleted_at.is_(None))
    c.execute(
        delete(group_group_map).where(group_group_map.c.group_id == group, group_group_map.c.child_id.in_(children))
    )
    _relate(c, group, draft)


def remove(c: Connection, group: GroupId, version: int | None, now_ms: int) -> None:
    """Out of every list and target; its devices stay, and `restore` undoes it."""
    inventory.touch(c)
    refuse_stale("group", get(c, group).version, version)
    c.execute(
        update(device_groups)
        .where(device_groups.c.id == group)
        .values(deleted_at=now_ms, updated_at=now_ms, version=device_groups.c.version + 1)
    )


def restore(c: Connection, group: GroupId, now_ms: int) -> None:
    """Undo `remove`. NotFound when it is not deleted; InvalidInput when its name is taken meanwhile."""
    inventory.touch(c)
    name = c.execute(
        select(device_groups.c.group_name).where(device_groups.c.id == group, device_groups.c.deleted_at.is_not(None))
    ).scalar_one_or_none()
    if name is None:
        raise NotFound("deleted group", str(group))
    _refuse_taken_name(c, name)
    c.execute(
        update(device_groups)
        .where(device_groups.c.id == group)
        .values(deleted_at=None, updated_at=now_ms, version=device_groups.c.version + 1)
    )


def get(c: Connection, group: GroupId) -> StoredGroup:
    """NotFound when there is none, or it is deleted."""
    rows = c.execute(_alive().where(device_groups.c.id == group)).all()
    if not rows:
        raise NotFound("group", str(group))
    return _stored(c, rows)[0]


def find(c: Connection, name_or_id: str) -> StoredGroup:
    """By exact name (a leading @ is allowed), else by id."""
    name = name_or_id.removeprefix("@")
    rows = c.execute(_alive().where(device_groups.c.group_name == name)).all()
    if rows:
        return _stored(c, rows)[0]
    id_ = id_of(name)
    if id_ is None:
        raise NotFound("group", name_or_id, near(c, _alive(), device_groups.c.group_name, name))
    return get(c, GroupId(id_))


def every(c: Connection) -> tuple[StoredGroup, ...]:
    """All that are not deleted, by name."""
    return _stored(c, c.execute(_alive().order_by(device_groups.c.group_name)).all())


def _alive() -> Select[Any]:
    return select(device_groups).where(device_groups.c.deleted_at.is_(None))


def _refuse_taken_name(c: Connection, name: str, but: GroupId | None = None) -> None:
    query = select(device_groups.c.id).where(device_groups.c.group_name == name, device_groups.c.deleted_at.is_(None))
    taken = c.execute(query).scalar_one_or_none()
    if taken is not None and taken != but:
        raise InvalidInput.of("group_name", f"there is a group {name!r} already", "choose another name")


def _columns(draft: GroupDraft) -> dict[str, str | int | None]:
    return {
        "group_name": draft.name,
        "description": draft.description,
        "color": draft.color,
        "selector": draft.selector,
        "protected": int(draft.protected),
        "host_key_policy": draft.host_key_policy.value if draft.host_key_policy else None,
    }


def _relate(c: Connection, group: GroupId, draft: GroupDraft) -> None:
    if draft.devices:
        c.execute(
            insert(device_group_map),
            [{"group_id": group, "device_id": device} for device in sorted(set(draft.devices))],
        )
    if draft.groups:
        c.execute(
            insert(group_group_map), [{"group_id": group, "child_id": child} for child in sorted(set(draft.groups))]
        )


def _stored(c: Connection, rows: Sequence[Row[Any]]) -> tuple[StoredGroup, ...]:
    """The rows with their direct members: two more queries, however many rows."""
    if not rows:
        return ()
    wanted = sets.ids(c, [row.id for row in rows])
    members: defaultdict[int, list[DeviceId]] = defaultdict(list)
    held = (
        select(device_group_map)
        .join(devices, devices.c.id == device_group_map.c.device_id)
        .where(device_group_map.c.group_id.in_(wanted), devices.c.deleted_at.is_(None))
        .order_by(device_group_map.c.device_id)
    )
    for row in c.execute(held):
        members[row.group_id].append(DeviceId(row.device_id))
    children: defaultdict[int, list[GroupId]] = defaultdict(list)
    nested = (
        select(group_group_map)
        .join(device_groups, device_groups.c.id == group_group_map.c.child_id)
        .where(group_group_map.c.group_id.in_(wanted), device_groups.c.deleted_at.is_(None))
        .order_by(group_group_map.c.child_id)
    )
    for row in c.execute(nested):
        children[row.group_id].append(GroupId(row.child_id))
    return tuple(
        StoredGroup(
            id=GroupId(row.id),
            draft=GroupDraft(
                name=row.group_name,
                description=row.description,
                color=row.color,
                selector=row.selector,
                devices=tuple(members[row.id]),
                groups=tuple(children[row.id]),
                protected=bool(row.protected),
                host_key_policy=HostKeyPolicy(row.host_key_policy) if row.host_key_policy else None,
            ),
            version=row.version,
        )
        for row in rows
    )
