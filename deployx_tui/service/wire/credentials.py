"""Credentials and the vault as JSON, and back. A secret goes one way only: towards the engine."""

from __future__ import annotations

from deployx_tui.errors import InvalidInput
from deployx_tui.model.ids import CredentialId, GroupId
from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.model.secret import (
    Credential,
    CredentialCheck,
    CredentialDraft,
    CredentialKind,
    NewSecret,
    Secret,
    VaultState,
    VaultStatus,
)
from deployx_tui.service.wire import values
from deployx_tui.service.wire.values import Garbled, Json


def credential_draft_to_json(draft: CredentialDraft) -> Json:
    return {
        "credential_name": draft.name,
        "kind": draft.kind.value,
        "user": draft.user,
        "group_ids": [*draft.groups],
        "description": draft.description,
    }


def credential_draft_from_json(data: JSON) -> CredentialDraft:
    """What a client says of a credential. InvalidInput lists every problem."""
    reader = Reader(data)
    draft = _draft(reader)
    reader.finish()
    return draft


def new_credential_from_json(data: JSON) -> tuple[CredentialDraft, NewSecret]:
    """A draft with its secret. InvalidInput lists every problem; none repeats a value."""
    reader = Reader(data)
    draft, secret = _draft(reader), _secret(reader)
    reader.finish()
    return draft, secret


def new_secret_from_json(data: JSON) -> NewSecret:
    reader = Reader(data)
    secret = _secret(reader)
    reader.finish()
    return secret


def passphrase_from_json(data: JSON, *, required: bool) -> Secret | None:
    reader = Reader(data)
    passphrase = reader.text("passphrase", required=required)
    reader.finish()
    return None if passphrase is None else Secret.of(passphrase)


def _draft(reader: Reader) -> CredentialDraft:
    name = reader.text("credential_name", required=True) or ""
    if not reader.has("kind"):
        words = ", ".join(kind.value for kind in CredentialKind)
        reader.problem("kind", "it is missing", f"say {words}")
    kind = reader.word("kind", CredentialKind, CredentialKind.PASSWORD)
    return CredentialDraft(
        name=name,
        kind=kind,
        user=reader.text("user"),
        groups=tuple(GroupId(group) for group in reader.ids("group_ids")),
        description=reader.text("description") or "",
    )


def _secret(reader: Reader) -> NewSecret:
    value, passphrase = reader.text("secret", required=True), reader.text("passphrase")
    return NewSecret(value=Secret.of(value or ""), passphrase=None if passphrase is None else Secret.of(passphrase))


def credential_to_json(credential: Credential) -> Json:
    return {
        **credential_draft_to_json(credential.draft),
        "id": credential.id,
        "version": credential.version,
        "secret_version": credential.secret_version,
        "created_at": values.instant(credential.created_at),
        "rotated_at": values.instant(credential.rotated_at),
        "last_used_at": values.instant(credential.last_used_at),
        "used_by": values.items(credential.used_by),
    }


_DRAFT = ("credential_name", "kind", "user", "group_ids", "description")


def credential_from_json(data: JSON) -> Credential:
    row = values.fields(data)
    try:
        draft = credential_draft_from_json({key: values.get(row, key) for key in _DRAFT})
    except InvalidInput as error:
        raise Garbled(f"a credential: {error}") from error
    return Credential(
        id=CredentialId(values.number(row, "id")),
        draft=draft,
        version=values.number(row, "version"),
        secret_version=values.number(row, "secret_version"),
        created_at=values.when(row, "created_at"),
        rotated_at=values.when(row, "rotated_at"),
        last_used_at=values.when_or_none(row, "last_used_at"),
        used_by=values.texts(row, "used_by"),
    )


def check_to_json(check: CredentialCheck) -> Json:
    return {"ok": check.ok, "message": check.message, "remedy": check.remedy}


def check_from_json(data: JSON) -> CredentialCheck:
    row = values.fields(data)
    return CredentialCheck(
        ok=values.flag(row, "ok"), message=values.text(row, "message"), remedy=values.text(row, "remedy")
    )


def vault_to_json(status: VaultStatus) -> Json:
    return {
        "state": status.state.value,
        "source": status.source,
        "key_id": status.key_id,
        "secrets": status.secrets,
        "message": status.message,
        "back_up": status.back_up,
        "kept": status.kept,
    }


def vault_from_json(data: JSON) -> VaultStatus:
    row = values.fields(data)
    return VaultStatus(
        state=values.word(row, "state", VaultState),
        source=values.text(row, "source"),
        key_id=values.text(row, "key_id"),
        secrets=values.number(row, "secrets"),
        message=values.text(row, "message"),
        back_up=values.text(row, "back_up"),
        kept=values.text(row, "kept"),
    )
