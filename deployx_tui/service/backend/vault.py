"""The vault that keeps the secrets: whether it is open, and its master key."""

from __future__ import annotations

from typing import Protocol

from deployx_tui.model.secret import Secret, VaultStatus
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


class VaultControl(Protocol):
    @needs(Permission.CREDENTIALS_READ)
    async def status(self) -> VaultStatus:
        """Looks for the key anew when it is not open."""
        ...

    @needs(Permission.VAULT_CONTROL)
    async def unlock(self, passphrase: Secret) -> VaultStatus:
        """Give the passphrase; the first time it is chosen. InvalidInput when it is wrong; takes about a second."""
        ...

    @needs(Permission.VAULT_CONTROL)
    async def rotate_master(self, passphrase: Secret | None = None) -> VaultStatus:
        """Seal every secret with a fresh key. `passphrase`: the new one, where the key is one.

        Backups from before need the old key.
        """
        ...
