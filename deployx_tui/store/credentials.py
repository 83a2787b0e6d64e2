"""Credentials in the database, but for their secrets (`store/sealed.py`). Who gets one is `vault/binding.py`'s."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from deployx_tui.errors import InvalidInput, NotFound
from deployx_tui.model.ids import CredentialId, DeviceId, GroupId, UserId, id_of
from deployx_tui.model.parameter import SecretRef
from deployx_tui.model.secret import CredentialDraft, CredentialKind
from deployx_tui.store.clock import from_ms
from deployx_tui.store.dialects import sets
from deployx_tui.store.identity import refuse_stale
from deployx_tui.store.schema import credential_groups, credentials, device_credentials, devices


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredential:
    id: CredentialId
    draft: CredentialDraft
    version: int
    secret_version: int
    created_at: datetime
    rotated_at: datetime
    #: None: never
    last_used_at: datetime | None

    @property
    def name(self) -> str:
        return self.draft.name


def add(c: Connection, draft: CredentialDraft, owner: UserId, now_ms: int) -> CredentialId:
    """A new credential, whose secret of version 1 the caller seals. InvalidInput when the name is taken."""
    _refuse_taken_name(c, draft.name)
    made = c.execute(
        insert(credentials)
        .values(
            **_columns(draft),
            kind=draft.kind.value,
            secret_version=1,
            owner_id=owner,
            created_at=now_ms,
            updated_at=now_ms,
            rotated_at=now_ms,
        )
        .returning(credentials.c.id)
    )
    credential = CredentialId(made.scalar_one())
    _relate(c, credential, draft)
    return credential


def change(c: Connection, credential: CredentialId, draft: CredentialDraft, version: int | None, now_ms: int) -> None:
    """Replace the draft, but for its kind. Conflict when `version` is given and old."""
    refuse_stale("credential", get(c, credential).version, version)
    _refuse_taken_name(c, draft.name, but=credential)
    c.execute(
        update(credentials)
        .where(credentials.c.id == credential)
        .values(**_columns(draft), version=credentials.c.version + 1, updated_at=now_ms)
    )
    c.execute(delete(credential_groups).where(credential_groups.c.credential_id == credential))
    _relate(c, credential, draft)


def rotated(c: Connection, credential: CredentialId, now_ms: int) -> int:
    """A new secret is put in: the number of its version, under which the caller seals it."""
    made = c.execute(
        update(credentials)
        .where(credentials.c.id == credential)
        .values(
            secret_version=credentials.c.secret_version + 1,
            version=credentials.c.version + 1,
            rotated_at=now_ms,
            updated_at=now_ms,
        )
        .returning(credentials.c.secret_version)
    )
    return int(made.scalar_one())


def remove(c: Connection, credential: CredentialId, version: int | None, now_ms: int) -> None:
    """For ever: no device names it any more. The caller drops its secrets."""
    refuse_stale("credential", get(c, credential).version, version)
    c.execute(
        update(credentials)
        .where(credentials.c.id == credential)
        .values(deleted_at=now_ms, updated_at=now_ms, version=credentials.c.version + 1)
    )
    c.execute(delete(credential_groups).where(credential_groups.c.credential_id == credential))
    c.execute(delete(device_credentials).where(device_credentials.c.credential_id == credential))


def used(c: Connection, taken: Iterable[CredentialId], now_ms: int) -> None:
    """A run or a test took their secrets. Not an edit: the version stays."""
    c.execute(update(credentials).where(credentials.c.id.in_(sorted(set(taken)))).values(last_used_at=now_ms))


def get(c: Connection, credential: CredentialId) -> StoredCredential:
    """NotFound when there is none, or it is deleted."""
    rows = c.execute(_alive().where(credentials.c.id == credential)).all()
    if not rows:
        raise NotFound("credential", str(credential))
    return _stored(c, rows)[0]


def find(c: Connection, name_or_id: str) -> StoredCredential:
    """By exact name, else by id."""
    rows = c.execute(_alive().where(credentials.c.credential_name == name_or_id)).all()
    if rows:
        return _stored(c, rows)[0]
    id_ = id_of(name_or_id)
    if id_ is None:
        raise NotFound("credential", name_or_id)
    return get(c, CredentialId(id_))


def parameter(c: Connection, name_or_id: str) -> SecretRef:
    """The present secret of a credential of kind parameter. InvalidInput (any field) when there is none such."""
    remedy = "deployx credential list shows those that are there; one of kind parameter is wanted"
    try:
        found = find(c, name_or_id)
    except NotFound:
        raise InvalidInput.of("", f"there is no credential {name_or_id[:80]!r}", remedy) from None
    if found.draft.kind is not CredentialKind.PARAMETER:
        raise InvalidInput.of("", f"credential {found.name} is of kind {found.draft.kind.value}", remedy)
    return SecretRef(credential=found.id, name=found.name, version=found.secret_version)


def every(c: Connection) -> tuple[StoredCredential, ...]:
    """All that are not deleted, by name."""
    return _stored(c, c.execute(_alive().order_by(credentials.c.credential_name)).all())


def count(c: Connection) -> int:
    return c.scalar(select(func.count()).select_from(credentials).where(credentials.c.deleted_at.is_(None))) or 0


def named_by(c: Connection, wanted: Iterable[DeviceId] | None = None) -> Mapping[DeviceId, tuple[CredentialId, ...]]:
    """Which credentials devices name, by id; None: of all devices that are not deleted."""
    alive = select(device_credentials).join(credentials, credentials.c.id == device_credentials.c.credential_id)
    query = alive.where(credentials.c.deleted_at.is_(None))
    if wanted is None:
        query = query.join(devices, devices.c.id == device_credentials.c.device_id).where(
            devices.c.deleted_at.is_(None)
        )
    else:
        query = query.where(device_credentials.c.device_id.in_(sets.ids(c, wanted)))
    found: defaultdict[DeviceId, list[CredentialId]] = defaultdict(list)
    for row in c.execute(query.order_by(device_credentials.c.credential_id)):
        found[DeviceId(row.device_id)].append(CredentialId(row.credential_id))
    return {device: tuple(held) for device, held in found.items()}


def name_in(c: Connection, device: DeviceId, chosen: Iterable[CredentialId]) -> None:
    """A device names these credentials and no others."""
    c.execute(delete(device_credentials).where(device_credentials.c.device_id == device))
    rows = [{"device_id": device, "credential_id": credential} for credential in sorted(set(chosen))]
    if rows:
        c.execute(insert(device_credentials), rows)


def _alive() -> Select[Any]:
    return select(credentials).where(credentials.c.deleted_at.is_(None))


def _refuse_taken_name(c: Connection, name: str, but: CredentialId | None = None) -> None:
    query = select(credentials.c.id).where(credentials.c.credential_name == name, credentials.c.deleted_at.is_(None))
    taken = c.execute(query).scalar_one_or_none()
    if taken is not None and taken != but:
        raise InvalidInput.of("credential_name", f"there is a credential {name!r} already", "choose another name")


def _columns(draft: CredentialDraft) -> dict[str, str | None]:
    return {"credential_name": draft.name, "login": draft.user, "description": draft.description}


def _relate(c: Connection, credential: CredentialId, draft: CredentialDraft) -> None:
    rows = [{"credential_id": credential, "group_id": group} for group in sorted(set(draft.groups))]
    if rows:
        c.execute(insert(credential_groups), rows)


def _stored(c: Connection, rows: Sequence[Row[Any]]) -> tuple[StoredCredential, ...]:
    """The rows with their groups: one more query, however many rows."""
    groups: defaultdict[int, list[GroupId]] = defaultdict(list)
    if rows:
        # deleted groups too: a credential that was bound to them must not become one that is bound to none
        held = (
            select(credential_groups)
            .where(credential_groups.c.credential_id.in_(sets.ids(c, [row.id for row in rows])))
            .order_by(credential_groups.c.group_id)
        )
        for row in c.execute(held):
            groups[row.credential_id].append(GroupId(row.group_id))
    return tuple(
        StoredCredential(
            id=CredentialId(row.id),
            draft=CredentialDraft(
                name=row.credential_name,
                kind=CredentialKind(row.kind),
                user=row.login,
                groups=tuple(groups[row.id]),
                description=row.description,
            ),
            version=row.version,
            secret_version=row.secret_version,
            created_at=from_ms(row.created_at),
            rotated_at=from_ms(row.rotated_at),
            last_used_at=None if row.last_used_at is None else from_ms(row.last_used_at),
        )
        for row in rows
    )
