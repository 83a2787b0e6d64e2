"""Credentials and the vault over the wire. Only here and in questions.py a Secret is opened outside of the engine's
process: to send what a person has just typed."""

from __future__ import annotations

from datetime import timedelta

from deployx_tui.model.ids import CredentialId
from deployx_tui.model.page import Page
from deployx_tui.model.secret import Credential, CredentialCheck, CredentialDraft, NewSecret, Secret, VaultStatus
from deployx_tui.service.remote.channel import Channel
from deployx_tui.service.wire import values
from deployx_tui.service.wire.credentials import (
    check_from_json,
    credential_draft_to_json,
    credential_from_json,
    vault_from_json,
)
from deployx_tui.service.wire.values import Json

_PATH = "/api/credentials"
#: sealing everything anew, and deriving a key from a passphrase with 256 MiB on a small machine
_SLOW = timedelta(seconds=120)


class RemoteCredentials:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self) -> Page[Credential]:
        answer = await self._channel.get(_PATH)
        found = values.each({"credentials": answer.json}, "credentials", credential_from_json)
        return Page(found, None, len(found))

    async def get(self, credential: CredentialId) -> Credential:
        return credential_from_json((await self._channel.get(f"{_PATH}/{credential}")).json)

    async def find(self, name_or_id: str) -> Credential:
        return credential_from_json((await self._channel.get(f"{_PATH}/find", [("name", name_or_id)])).json)

    async def create(self, draft: CredentialDraft, secret: NewSecret) -> Credential:
        body = {**credential_draft_to_json(draft), **_typed(secret)}
        return credential_from_json((await self._channel.send("POST", _PATH, body)).json)

    async def update(self, credential: CredentialId, draft: CredentialDraft, version: int | None = None) -> Credential:
        answer = await self._channel.send(
            "PUT", f"{_PATH}/{credential}", credential_draft_to_json(draft), version=version
        )
        return credential_from_json(answer.json)

    async def rotate(self, credential: CredentialId, secret: NewSecret, version: int | None = None) -> Credential:
        answer = await self._channel.send("POST", f"{_PATH}/{credential}/rotate", _typed(secret), version=version)
        return credential_from_json(answer.json)

    async def delete(self, credential: CredentialId, version: int | None = None) -> None:
        await self._channel.send("DELETE", f"{_PATH}/{credential}", version=version)

    async def check(self, credential: CredentialId) -> CredentialCheck:
        return check_from_json((await self._channel.send("POST", f"{_PATH}/{credential}/check")).json)


class RemoteVault:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def status(self) -> VaultStatus:
        return vault_from_json((await self._channel.get("/api/vault")).json)

    async def unlock(self, passphrase: Secret) -> VaultStatus:
        body: Json = {"passphrase": _text(passphrase)}
        return vault_from_json((await self._channel.send("POST", "/api/vault/unlock", body, patience=_SLOW)).json)

    async def rotate_master(self, passphrase: Secret | None = None) -> VaultStatus:
        body: Json = {} if passphrase is None else {"passphrase": _text(passphrase)}
        answer = await self._channel.send("POST", "/api/vault/rotate-master", body, patience=_SLOW)
        return vault_from_json(answer.json)


def _typed(secret: NewSecret) -> Json:
    body: Json = {"secret": _text(secret.value)}
    if secret.passphrase is not None:
        body["passphrase"] = _text(secret.passphrase)
    return body


def _text(secret: Secret) -> str:
    return secret.reveal().decode("utf-8", "surrogateescape")
