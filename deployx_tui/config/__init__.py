"""Every setting, read once: flag, then environment, then TOML file, then default; each with where it came from.

Importable by all. Reads files and the environment in `load` only; `Settings` itself is frozen. A setting that a
screen or a command owns (its columns, its keys) is not here. `keys.py` lists the settings, `values.py` reads their
texts, `sources.py` looks for them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from deployx_tui import paths
from deployx_tui.config import keys
from deployx_tui.config.sources import Sources


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of `config show`."""

    name: str
    #: never a secret's value
    value: str
    #: "flag --db", "environment DEPLOYX_DB", "/home/me/.config/deployx/deployx.toml", "default"
    origin: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What this process was told, all of it checked. Sizes are bytes."""

    #: "sqlite:////absolute/path" or "postgresql://..."
    db: str
    #: a server to be a client of instead of opening a database; None: this machine's engine
    connect: str | None
    #: the zone for tasks that name none, IANA
    timezone: str
    #: where the engine listens; None: the database's own name in the runtime folder
    socket: Path | None
    #: how long an engine that was told to stop waits for what runs, before it cancels it
    drain: timedelta
    #: how long a private engine outlives its last client
    linger: timedelta
    #: targets that run at once
    workers: int
    #: to reach a target and log in
    connect_timeout: timedelta
    #: a target's run time where its task says nothing; None: no end
    target_timeout: timedelta | None
    #: after a cancel at the end of a drain: how long deaths are waited for
    kill_wait: timedelta
    #: folders on a target that may hold what durable runs write, in this order
    spool_folders: tuple[str, ...]
    #: bytes of output kept of one target, and of all targets of a run; above it head and tail stay
    target_output: int
    run_output: int
    #: bytes of all artifacts together, of one file, and of the disk that they leave free
    artifact_space: int
    artifact_file: int
    artifact_free: int
    #: what a device told of itself is asked again with its next run when it is older; None: nobody is asked
    facts_age: timedelta | None
    #: a follower that was away for longer reads everything again
    keep_events: timedelta
    #: runs, their results and outputs; None: for ever
    keep_history: timedelta | None
    #: the vault's master key: a file, or "passphrase"; None: the file in the configuration folder
    vault_key: str | None
    log_level: str
    color: str
    #: where each value came from, by name
    origins: Mapping[str, str] = field(compare=False)

    @property
    def socket_path(self) -> Path:
        """Where the engine of this database listens, or would."""
        return self.socket if self.socket is not None else paths.socket_of(self.db)

    @property
    def is_sqlite(self) -> bool:
        return self.db.startswith("sqlite:")

    def as_flags(self) -> tuple[str, ...]:
        """What another process of ours is told, so that it serves the same settings wherever it looks itself."""
        flags: list[str] = []
        for key in keys.ENGINE_KEYS:
            text = key.text(getattr(self, key.name))
            if text:
                flags += [f"--{key.name.replace('_', '-')}", text]
        return tuple(flags)

    def shown(self) -> tuple[Shown, ...]:
        """Every setting as text, with its origin, in the order of `Settings`; then the folders of this process."""
        return (
            *(
                Shown(key.name, key.text(getattr(self, key.name)), self.origins[key.name], key.meaning)
                for key in keys.KEYS
            ),
            *(Shown(each.name, str(each.path), each.origin, each.meaning) for each in paths.folders()),
        )


def load(
    flags: Mapping[str, object] | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read all settings. `flags` holds what was typed (None: not typed); `file` must exist when given.

    Raises InvalidInput with every problem, each with the setting's name and a remedy.
    """
    sources = Sources(
        {name: value for name, value in (flags or {}).items() if value is not None},
        os.environ if environment is None else environment,
        file,
    )
    settings = Settings(
        db=sources.take(keys.DB),
        connect=sources.take(keys.CONNECT),
        timezone=sources.take(keys.TIMEZONE),
        socket=sources.take(keys.SOCKET),
        drain=sources.take(keys.DRAIN),
        linger=sources.take(keys.LINGER),
        workers=sources.take(keys.WORKERS),
        connect_timeout=sources.take(keys.CONNECT_TIMEOUT),
        target_timeout=sources.take(keys.TARGET_TIMEOUT),
        kill_wait=sources.take(keys.KILL_WAIT),
        spool_folders=sources.take(keys.SPOOL_FOLDERS),
        target_output=sources.take(keys.TARGET_OUTPUT),
        run_output=sources.take(keys.RUN_OUTPUT),
        artifact_space=sources.take(keys.ARTIFACT_SPACE),
        artifact_file=sources.take(keys.ARTIFACT_FILE),
        artifact_free=sources.take(keys.ARTIFACT_FREE),
        facts_age=sources.take(keys.FACTS_AGE),
        keep_events=sources.take(keys.KEEP_EVENTS),
        keep_history=sources.take(keys.KEEP_HISTORY),
        vault_key=sources.take(keys.VAULT_KEY),
        log_level=sources.take(keys.LOG_LEVEL),
        color=sources.take(keys.COLOR),
        origins=sources.origins,
    )
    sources.finish()
    return settings
