"""/api/credentials and /api/vault: secrets go in, and never come back."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from deployx_tui.api.answers import Json, etag
from deployx_tui.api.context import Asked, Body, Id, NoParams, Params, empty_or_object, expected_version
from deployx_tui.errors import InvalidInput
from deployx_tui.model.ids import CredentialId
from deployx_tui.model.secret import Credential
from deployx_tui.service.wire.credentials import (
    check_to_json,
    credential_draft_from_json,
    credential_draft_to_json,
    credential_to_json,
    new_credential_from_json,
    new_secret_from_json,
    passphrase_from_json,
    vault_to_json,
)

router = APIRouter()


def _answer(credential: Credential, status: int = 200) -> Json:
    headers = etag(credential.version)
    if status == 201:
        headers["Location"] = f"/api/credentials/{credential.id}"
    return Json(credential_to_json(credential), status, headers)


@router.get("/api/credentials", dependencies=[NoParams])
async def list_credentials(backend: Asked) -> Json:
    """A bare array of all, by name."""
    return Json([credential_to_json(credential) for credential in (await backend.credentials.list()).items])


@router.post("/api/credentials", dependencies=[NoParams])
async def create_credential(backend: Asked, body: Body) -> Json:
    """The draft's fields with `secret`, and `passphrase` for an encrypted key."""
    draft, secret = new_credential_from_json(body)
    return _answer(await backend.credentials.create(draft, secret), 201)


@router.get("/api/credentials/find")
async def find_credential(backend: Asked, params: Params) -> Json:
    name = params.text("name") or ""
    params.finish()
    return _answer(await backend.credentials.find(name))


@router.get("/api/credentials/{credential_id}", dependencies=[NoParams])
async def get_credential(backend: Asked, credential_id: Id) -> Json:
    return _answer(await backend.credentials.get(CredentialId(credential_id)))


@router.put("/api/credentials/{credential_id}", dependencies=[NoParams])
async def replace_credential(backend: Asked, credential_id: Id, body: Body, request: Request) -> Json:
    draft = credential_draft_from_json(body)
    version = expected_version(request)
    return _answer(await backend.credentials.update(CredentialId(credential_id), draft, version))


@router.patch("/api/credentials/{credential_id}", dependencies=[NoParams])
async def change_credential(backend: Asked, credential_id: Id, body: Body, request: Request) -> Json:
    """Only what the body names; null resets a field."""
    present = await backend.credentials.get(CredentialId(credential_id))
    draft = credential_draft_from_json({**credential_draft_to_json(present.draft), **empty_or_object(body)})
    version = expected_version(request)
    return _answer(await backend.credentials.update(present.id, draft, present.version if version is None else version))


@router.post("/api/credentials/{credential_id}/rotate", dependencies=[NoParams])
async def rotate_credential(backend: Asked, credential_id: Id, body: Body, request: Request) -> Json:
    """`secret`, and `passphrase` for an encrypted key."""
    secret = new_secret_from_json(body)
    return _answer(await backend.credentials.rotate(CredentialId(credential_id), secret, expected_version(request)))


@router.delete("/api/credentials/{credential_id}", dependencies=[NoParams])
async def delete_credential(backend: Asked, credential_id: Id, request: Request) -> Json:
    await backend.credentials.delete(CredentialId(credential_id), expected_version(request))
    return Json({"message": f"Credential {credential_id} deleted, its secret erased"})


@router.post("/api/credentials/{credential_id}/check", dependencies=[NoParams])
async def check_credential(backend: Asked, credential_id: Id) -> Json:
    return Json(check_to_json(await backend.credentials.check(CredentialId(credential_id))))


@router.get("/api/vault", dependencies=[NoParams])
async def vault_status(backend: Asked) -> Json:
    return Json(vault_to_json(await backend.vault.status()))


@router.post("/api/vault/unlock", dependencies=[NoParams])
async def unlock_vault(backend: Asked, body: Body) -> Json:
    passphrase = passphrase_from_json(body, required=True)
    if passphrase is None:
        raise InvalidInput.of("passphrase", "it is missing", "give a text")
    return Json(vault_to_json(await backend.vault.unlock(passphrase)))


@router.post("/api/vault/rotate-master", dependencies=[NoParams])
async def rotate_master(backend: Asked, body: Body) -> Json:
    passphrase = passphrase_from_json(empty_or_object(body), required=False)
    return Json(vault_to_json(await backend.vault.rotate_master(passphrase)))
