"""Credentials: what devices are logged in to with, and what runs take. No call returns a secret."""

from __future__ import annotations

from typing import Protocol

from deployx_tui.model.ids import CredentialId
from deployx_tui.model.page import Page
from deployx_tui.model.secret import Credential, CredentialCheck, CredentialDraft, NewSecret
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


class Credentials(Protocol):
    @needs(Permission.CREDENTIALS_READ)
    async def list(self) -> Page[Credential]:
        """All of them, by name."""
        ...

    @needs(Permission.CREDENTIALS_READ)
    async def get(self, credential: CredentialId) -> Credential: ...

    @needs(Permission.CREDENTIALS_READ)
    async def find(self, name_or_id: str) -> Credential: ...

    @needs(Permission.CREDENTIALS_WRITE)
    async def create(self, draft: CredentialDraft, secret: NewSecret) -> Credential:
        """VaultClosed when the vault can't keep it. The first one of all makes the vault's key."""
        ...

    @needs(Permission.CREDENTIALS_WRITE)
    async def update(self, credential: CredentialId, draft: CredentialDraft, version: int | None = None) -> Credential:
        """Everything but its secret and its kind."""
        ...

    @needs(Permission.CREDENTIALS_WRITE)
    async def rotate(self, credential: CredentialId, secret: NewSecret, version: int | None = None) -> Credential:
        """Put another secret in; runs that were made before may still take the old one."""
        ...

    @needs(Permission.CREDENTIALS_WRITE)
    async def delete(self, credential: CredentialId, version: int | None = None) -> None:
        """For ever: its secrets are erased, and devices that named it name it no more."""
        ...

    @needs(Permission.SECRETS_USE)
    async def check(self, credential: CredentialId) -> CredentialCheck:
        """Whether its secret opens and is what its kind says. Nothing is sent anywhere."""
        ...
