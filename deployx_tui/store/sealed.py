"""Sealed secrets and the one row that says which master key opens them. Bytes only: `vault/` knows what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, insert, select, update

from deployx_tui.model.ids import CredentialId
from deployx_tui.store.executions import IS_ALIVE
from deployx_tui.store.schema import credential_secrets, executions, vault


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRow:
    credential: CredentialId
    version: int
    field: str
    key_id: str
    wrapped: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultRow:
    """Which master key the secrets are sealed with."""

    key_id: str
    check_value: bytes
    #: of a passphrase; None: the key is no passphrase's
    salt: bytes | None


def put(c: Connection, row: SealedRow, now_ms: int) -> None:
    c.execute(
        insert(credential_secrets).values(
            credential_id=row.credential,
            version=row.version,
            field=row.field,
            key_id=row.key_id,
            wrapped=row.wrapped,
            sealed=row.sealed,
            created_at=now_ms,
        )
    )


def replace(c: Connection, row: SealedRow) -> None:
    """The same secret, sealed with another key."""
    t = credential_secrets.c
    c.execute(
        update(credential_secrets)
        .where(t.credential_id == row.credential, t.version == row.version, t.field == row.field)
        .values(key_id=row.key_id, wrapped=row.wrapped, sealed=row.sealed)
    )


def get(c: Connection, credential: CredentialId, version: int, field: str) -> SealedRow | None:
    """None: there is none, or it was dropped."""
    t = credential_secrets.c
    row = c.execute(
        select(credential_secrets).where(t.credential_id == credential, t.version == version, t.field == field)
    ).one_or_none()
    return None if row is None else _row(row)


def every(c: Connection) -> tuple[SealedRow, ...]:
    t = credential_secrets.c
    rows = c.execute(select(credential_secrets).order_by(t.credential_id, t.version, t.field))
    return tuple(_row(row) for row in rows)


def has_any(c: Connection) -> bool:
    return bool(c.scalar(select(exists(select(credential_secrets.c.credential_id)))))


def supersede(c: Connection, credential: CredentialId, version: int, now_ms: int) -> None:
    """`version` is the present one: those before it are kept for the runs that were made before."""
    t = credential_secrets.c
    c.execute(
        update(credential_secrets)
        .where(t.credential_id == credential, t.version < version, t.superseded_at.is_(None))
        .values(superseded_at=now_ms)
    )


def drop_superseded(c: Connection) -> int:
    """Forget versions that no run can want any more: all that were made before the rotation are over. How many."""
    older_run = exists(
        select(executions.c.id).where(IS_ALIVE, executions.c.created_at <= credential_secrets.c.superseded_at)
    )
    return c.execute(
        delete(credential_secrets).where(credential_secrets.c.superseded_at.is_not(None), ~older_run)
    ).rowcount


def has_superseded(c: Connection) -> bool:
    return bool(c.scalar(select(exists().where(credential_secrets.c.superseded_at.is_not(None)))))


def drop(c: Connection, credential: CredentialId) -> None:
    """Every version of a credential that is removed."""
    c.execute(delete(credential_secrets).where(credential_secrets.c.credential_id == credential))


def vault_row(c: Connection, *, for_change: bool = False, shared: bool = False) -> VaultRow | None:
    """None: no secret was ever kept. `shared` keeps another transaction from changing the key until this one ends."""
    query = select(vault)
    if for_change or shared:
        query = query.with_for_update(read=not for_change)
    row = c.execute(query).one_or_none()
    return None if row is None else VaultRow(key_id=row.key_id, check_value=row.check_value, salt=row.salt)


def put_vault_row(c: Connection, row: VaultRow, now_ms: int) -> None:
    """The first, or in its place."""
    values = {"key_id": row.key_id, "check_value": row.check_value, "salt": row.salt, "made_at": now_ms}
    if c.execute(update(vault).where(vault.c.id == 1).values(**values)).rowcount == 0:
        c.execute(insert(vault).values(id=1, **values))


def _row(row: Row[Any]) -> SealedRow:
    return SealedRow(
        credential=CredentialId(row.credential_id),
        version=row.version,
        field=row.field,
        key_id=row.key_id,
        wrapped=row.wrapped,
        sealed=row.sealed,
    )
