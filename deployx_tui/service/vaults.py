"""The vault of a database, with the places where this process looks for its key."""

from __future__ import annotations

import os
from pathlib import Path

from deployx_tui import paths
from deployx_tui.config import Settings
from deployx_tui.output.veil import veil
from deployx_tui.store.database import Database
from deployx_tui.vault import keys
from deployx_tui.vault.keys import KeyPlaces
from deployx_tui.vault.vault import Vault


def key_file() -> Path:
    """The master key of personal mode."""
    return paths.config_folder() / "vault.key"


def key_places(settings: Settings) -> KeyPlaces:
    """A key in the environment is taken out of it here."""
    systemd = os.environ.get("CREDENTIALS_DIRECTORY")
    data = [paths.data_folder(), paths.segments_of(settings.db)]
    return KeyPlaces(
        own_file=key_file(),
        chosen=settings.vault_key,
        systemd=Path(systemd) if systemd else None,
        environment=keys.take_from_environment(),
        data=tuple(data),
    )


def vault_of(settings: Settings, database: Database) -> Vault:
    """What it reveals is kept out of the logs and messages of this process."""
    return Vault(database, key_places(settings), veil.add)
