"""Devices in the database. Which groups hold one is planning's knowledge; callers add it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from deployx_tui.errors import InvalidInput, NotFound
from deployx_tui.model.device import Contact, DeviceDraft, HostKeyPolicy, TransportKind
from deployx_tui.model.facts import KnownFacts
from deployx_tui.model.ids import DeviceId, GroupId, UserId, id_of
from deployx_tui.store import credentials, facts, inventory
from deployx_tui.store.clock import from_ms
from deployx_tui.store.dialects import sets
from deployx_tui.store.dialects.parts import has_part
from deployx_tui.store.identity import refuse_stale
from deployx_tui.store.near import near
from deployx_tui.store.paging import checked_limit, cursor_of, key_of
from deployx_tui.store.schema import device_group_map, device_groups, device_tags, devices

_ORDER = "devices"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDevice:
    id: DeviceId
    draft: DeviceDraft
    version: int
    contact: Contact
    #: None: never tried
    contact_at: datetime | None
    #: None: it was not asked yet
    facts: KnownFacts | None = None


def add(c: Connection, draft: DeviceDraft, owner: UserId, now_ms: int) -> DeviceId:
    """A new device. InvalidInput when the name is taken."""
    inventory.touch(c)
    _refuse_taken_name(c, draft.name)
    made = c.execute(
        insert(devices)
        .values(**_columns(draft), owner_id=owner, created_at=now_ms, updated_at=now_ms)
        .returning(devices.c.id)
    )
    device = DeviceId(made.scalar_one())
    _relate(c, device, draft)
    return device


def change(c: Connection, device: DeviceId, draft: DeviceDraft, version: int | None, now_ms: int) -> None:
    """Replace the draft. Conflict when `version` is given and old."""
    inventory.touch(c)
    old = get(c, device)
    refuse_stale("device", old.version, version)
    _refuse_taken_name(c, draft.name, but=device)
    if _reach(old.draft) != _reach(draft):
        facts.forget(c, device)  # they are another machine's, or another account's
    c.execute(
        update(devices)
        .where(devices.c.id == device)
        .values(**_columns(draft), version=devices.c.version + 1, updated_at=now_ms)
    )
    c.execute(delete(device_tags).where(device_tags.c.device_id == device))
    # a deleted group keeps its members for the day it is restored
    alive = select(device_groups.c.id).where(device_groups.c.deleted_at.is_(None))
    c.execute(
        delete(device_group_map).where(device_group_map.c.device_id == device, device_group_map.c.group_id.in_(alive))
    )
    _relate(c, device, draft)


def remove(c: Connection, device: DeviceId, version: int | None, now_ms: int) -> None:
    """Out of every list, group and target; its results stay in the history, and `restore` undoes it."""
    inventory.touch(c)
    refuse_stale("device", get(c, device).version, version)
    c.execute(
        update(devices)
        .where(devices.c.id == device)
        .values(deleted_at=now_ms, updated_at=now_ms, version=devices.c.version + 1)
    )


def restore(c: Connection, device: DeviceId, now_ms: int) -> None:
    """Undo `remove`. NotFound when it is not deleted; InvalidInput when its name is taken meanwhile."""
    inventory.touch(c)
    name = c.execute(
        select(devices.c.device_name).where(devices.c.id == device, devices.c.deleted_at.is_not(None))
    ).scalar_one_or_none()
    if name is None:
        raise NotFound("deleted device", str(device))
    _refuse_taken_name(c, name)
    c.execute(
        update(devices)
        .where(devices.c.id == device)
        .values(deleted_at=None, updated_at=now_ms, version=devices.c.version + 1)
    )


def contacted(c: Connection, device: DeviceId, contact: Contact, now_ms: int) -> None:
    """What an attempt to reach it found. Not an edit: the version stays."""
    c.execute(update(devices).where(devices.c.id == device).values(contact=contact.value, contact_at=now_ms))


#: an unchanged contact is written again only when it is older: a device that runs something each minute costs no write
_CONTACT_STANDS_MS = 60_000


def contacted_many(c: Connection, found: Mapping[DeviceId, Contact], now_ms: int) -> frozenset[DeviceId]:
    """`contacted` for attempts of one moment. Returns the devices whose contact was another before.

    `contact_at` of a contact that stands may lag by a minute.
    """
    if not found:
        return frozenset()
    wanted = devices.c.id.in_(sets.ids(c, found))
    rows = c.execute(select(devices.c.id, devices.c.contact, devices.c.contact_at).where(wanted)).all()
    changed = frozenset(DeviceId(row.id) for row in rows if row.contact != found[row.id].value)
    stale = [row.id for row in rows if row.id in changed or (row.contact_at or 0) + _CONTACT_STANDS_MS <= now_ms]
    if stale:
        c.execute(
            update(devices)
            .where(devices.c.id == bindparam("device"))
            .values(contact=bindparam("new_contact"), contact_at=now_ms),
            [{"device": device, "new_contact": found[device].value} for device in stale],
        )
    return changed


def get(c: Connection, device: DeviceId) -> StoredDevice:
    """NotFound when there is none, or it is deleted."""
    found = by_ids(c, [device])
    if not found:
        raise NotFound("device", str(device))
    return found[device]


def find(c: Connection, name_or_id: str) -> StoredDevice:
    """By exact name, else by id."""
    alive = select(devices).where(devices.c.deleted_at.is_(None))
    row = c.execute(alive.where(devices.c.device_name == name_or_id)).one_or_none()
    if row is not None:
        return _stored(c, [row])[0]
    id_ = id_of(name_or_id)
    if id_ is not None:
        return get(c, DeviceId(id_))
    raise NotFound("device", name_or_id, near(c, alive, devices.c.device_name, name_or_id))


def by_ids(c: Connection, wanted: Iterable[DeviceId]) -> Mapping[DeviceId, StoredDevice]:
    """Those that exist and are not deleted."""
    rows = c.execute(select(devices).where(devices.c.id.in_(sets.ids(c, wanted)), devices.c.deleted_at.is_(None)))
    return {device.id: device for device in _stored(c, rows.all())}


def by_address(c: Connection) -> dict[str, str]:
    """The name of a device of each address; of several the first by name."""
    query = select(devices.c.address, devices.c.device_name).where(devices.c.deleted_at.is_(None))
    return {row.address: row.device_name for row in c.execute(query.order_by(devices.c.device_name.desc()))}


def out_of_contact(c: Connection, among: Iterable[DeviceId]) -> tuple[str, ...]:
    """Names of those that could not be used at their last contact."""
    query = select(devices.c.device_name).where(
        devices.c.id.in_(sets.ids(c, among)),
        devices.c.contact.not_in([Contact.OK.value, Contact.NEVER.value]),
        devices.c.deleted_at.is_(None),
    )
    return tuple(c.execute(query.order_by(devices.c.device_name)).scalars())


def page(
    c: Connection,
    words: str = "",
    among: Iterable[DeviceId] | None = None,
    limit: int = 1000,
    cursor: str | None = None,
) -> tuple[tuple[StoredDevice, ...], str | None]:
    """By name. `words` are parts of name, address, description or tag; `!word` excludes. `among`: only of these."""
    limit = checked_limit(limit)
    query = select(devices).where(devices.c.deleted_at.is_(None)).order_by(devices.c.device_name).limit(limit + 1)
    for word in words.split():
        part = word.removeprefix("!")
        tagged = select(device_tags.c.device_id).where(has_part(c, device_tags.c.tag, part))
        has = or_(
            has_part(c, devices.c.device_name, part),
            has_part(c, devices.c.address, part),
            has_part(c, devices.c.description, part),
            devices.c.id.in_(tagged),
        )
        query = query.where(~has if word.startswith("!") else has)
    if among is not None:
        query = query.where(devices.c.id.in_(sets.ids(c, among)))
    if cursor is not None:
        (name,) = key_of(cursor, _ORDER, 1)
        query = query.where(devices.c.device_name > name)
    rows = c.execute(query).all()
    more = cursor_of(_ORDER, (rows[limit - 1].device_name,)) if len(rows) > limit else None
    return _stored(c, rows[:limit]), more


def _refuse_taken_name(c: Connection, name: str, but: DeviceId | None = None) -> None:
    query = select(devices.c.id).where(devices.c.device_name == name, devices.c.deleted_at.is_(None))
    taken = c.execute(query).scalar_one_or_none()
    if taken is not None and taken != but:
        raise InvalidInput.of("device_name", f"there is a device {name!r} already", "choose another name")


def _reach(draft: DeviceDraft) -> tuple[object, ...]:
    return draft.address, draft.port, draft.user, draft.transport


def _columns(draft: DeviceDraft) -> dict[str, str | int | None]:
    return {
        "device_name": draft.name,
        "address": draft.address,
        "port": draft.port,
        "login": draft.user,
        "transport": draft.transport.value,
        "key_file": draft.key_file,
        "jump_id": draft.jump,
        "host_key_policy": draft.host_key_policy.value if draft.host_key_policy else None,
        "description": draft.description,
    }


def _relate(c: Connection, device: DeviceId, draft: DeviceDraft) -> None:
    credentials.name_in(c, device, draft.credentials)
    if draft.tags:
        c.execute(insert(device_tags), [{"device_id": device, "tag": tag} for tag in sorted(draft.tags)])
    if draft.groups:
        c.execute(
            insert(device_group_map), [{"device_id": device, "group_id": group} for group in sorted(set(draft.groups))]
        )


def _stored(c: Connection, rows: Sequence[Row[Any]]) -> tuple[StoredDevice, ...]:
    """The rows with their tags, direct groups, credentials and facts: four more queries, however many rows."""
    wanted = sets.ids(c, [row.id for row in rows])
    tags: defaultdict[int, set[str]] = defaultdict(set)
    groups: defaultdict[int, list[GroupId]] = defaultdict(list)
    named = credentials.named_by(c, [row.id for row in rows]) if rows else {}
    if rows:
        for row in c.execute(select(device_tags).where(device_tags.c.device_id.in_(wanted))):
            tags[row.device_id].add(row.tag)
        held = (
            select(device_group_map)
            .join(device_groups, device_groups.c.id == device_group_map.c.group_id)
            .where(device_group_map.c.device_id.in_(wanted), device_groups.c.deleted_at.is_(None))
            .order_by(device_group_map.c.group_id)
        )
        for row in c.execute(held):
            groups[row.device_id].append(GroupId(row.group_id))
    known = facts.by_devices(c, [DeviceId(row.id) for row in rows])
    return tuple(
        StoredDevice(
            id=DeviceId(row.id),
            draft=DeviceDraft(
                name=row.device_name,
                address=row.address,
                port=row.port,
                user=row.login,
                transport=TransportKind(row.transport),
                key_file=row.key_file,
                credentials=named.get(row.id, ()),
                jump=None if row.jump_id is None else DeviceId(row.jump_id),
                host_key_policy=HostKeyPolicy(row.host_key_policy) if row.host_key_policy else None,
                tags=frozenset(tags[row.id]),
                groups=tuple(groups[row.id]),
                description=row.description,
            ),
            version=row.version,
            contact=Contact(row.contact),
            contact_at=from_ms(row.contact_at) if row.contact_at is not None else None,
            facts=known.get(DeviceId(row.id)),
        )
        for row in rows
    )
