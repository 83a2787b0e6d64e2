"""Vaults for tests: their key in a folder of the test."""

from __future__ import annotations

from pathlib import Path

from deployx_tui.output.veil import veil
from deployx_tui.store.database import Database
from deployx_tui.vault.keys import KeyPlaces
from deployx_tui.vault.vault import Vault


def vault_in(database: Database, folder: Path) -> Vault:
    """The vault of a database; the key is made in `folder` with the first secret."""
    return Vault(database, KeyPlaces(folder / "vault.key"), veil.add)
