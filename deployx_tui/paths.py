"""Where deployx keeps things: platform folders, the database's companions, sockets. Makes nothing.

Environment: DEPLOYX_DATA, DEPLOYX_CONFIG_DIR and DEPLOYX_RUNTIME replace the platform's folders; the demo and the
tests live in those alone.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True, slots=True)
class Folder:
    """A place that is no setting: it holds the settings, or what the programs of an account share."""

    name: str
    path: Path
    #: "environment DEPLOYX_DATA", or "default"
    origin: str
    meaning: str


def folders() -> tuple[Folder, ...]:
    """Where everything of deployx lies for this process, and what says so."""
    places = (
        (
            "data_folder",
            data_folder(),
            "DEPLOYX_DATA",
            "the database, outputs, artifacts, logs, where --db names none",
        ),
        ("config_folder", config_folder(), "DEPLOYX_CONFIG_DIR", "deployx.toml, known hosts, the vault's key"),
        ("runtime_folder", runtime_folder(), "DEPLOYX_RUNTIME", "sockets"),
    )
    return tuple(
        Folder(name, path, "default" if _folder(variable) is None else f"environment {variable}", meaning)
        for name, path, variable, meaning in places
    )


def data_folder() -> Path:
    """The database, segment files and logs; 0700."""
    return _folder("DEPLOYX_DATA") or platformdirs.user_data_path("deployx", appauthor=False)


def config_folder() -> Path:
    """deployx.toml and, later, the vault's key; 0700."""
    return _folder("DEPLOYX_CONFIG_DIR") or platformdirs.user_config_path("deployx", appauthor=False)


def runtime_folder() -> Path:
    """Sockets; 0700, owned by the effective uid."""
    chosen = _folder("DEPLOYX_RUNTIME")
    if chosen is not None:
        return chosen
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and Path(base).is_dir():
        return Path(base) / "deployx"
    return Path(tempfile.gettempdir()) / f"deployx-{os.geteuid()}"


def default_database_url() -> str:
    return f"sqlite:///{data_folder() / 'deployx.db'}"


def socket_of(database_url: str) -> Path:
    """The engine's socket for a database: one name per database, short enough for sun_path (104 bytes on macOS)."""
    digest = hashlib.sha256(database_url.encode()).hexdigest()[:16]
    return runtime_folder() / f"{digest}.sock"


def segments_of(database_url: str) -> Path:
    """Folder of the output segment files that belong to a database."""
    return _companion(database_url, "output")


def contents_of(database_url: str) -> Path:
    """Folder of what the artifacts of a database hold."""
    return _companion(database_url, "artifacts")


def _companion(database_url: str, what: str) -> Path:
    prefix = "sqlite:///"
    if database_url.startswith(prefix):
        database = Path(database_url.removeprefix(prefix))
        return database.with_name(f"{database.name}-{what}")
    digest = hashlib.sha256(database_url.encode()).hexdigest()[:16]
    return data_folder() / f"{what}-{digest}"


def _folder(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None
