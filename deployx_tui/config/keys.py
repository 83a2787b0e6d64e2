"""The settings: each with its names, what it means, how it is read and what it is when nobody says.

`KEYS` is their one list; `Settings` has a field for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from deployx_tui import paths
from deployx_tui.config import values
from deployx_tui.model.parse import format_duration

T = TypeVar("T")

LOG_LEVELS = ("debug", "info", "warning", "error")
COLORS = ("auto", "never")


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """One setting: its name in TOML and as a flag, its environment variable, and how its text is read."""

    name: str
    variable: str
    meaning: str
    read: Callable[[str, object], T]
    default: Callable[[], T]
    show: Callable[[T], str] = str
    #: what no value is called; "": it can't be said, only left out
    absent: str = ""

    def text(self, value: T) -> str:
        return self.absent if value is None else self.show(value)


DB = Key("db", "DEPLOYX_DB", "the database", values.read_database, paths.default_database_url, values.without_password)
CONNECT: Key[str | None] = Key(
    "connect", "DEPLOYX_URL", "an engine elsewhere to be a client of", values.read_server, lambda: None
)
TIMEZONE = Key("timezone", "DEPLOYX_TIMEZONE", "the zone of tasks that name none", values.read_zone, values.system_zone)
SOCKET: Key[Path | None] = Key("socket", "DEPLOYX_SOCKET", "where the engine listens", values.read_path, lambda: None)
DRAIN = Key(
    "drain",
    "DEPLOYX_DRAIN",
    "how long a stopping engine waits for what runs",
    values.read_duration,
    lambda: timedelta(seconds=30),
    format_duration,
)
LINGER = Key(
    "linger",
    "DEPLOYX_LINGER",
    "how long a private engine outlives its last client",
    values.read_duration,
    lambda: timedelta(seconds=3),
    format_duration,
)
WORKERS = Key("workers", "DEPLOYX_WORKERS", "targets that run at once", values.read_workers, lambda: 64)
CONNECT_TIMEOUT = Key(
    "connect_timeout",
    "DEPLOYX_CONNECT_TIMEOUT",
    "to reach a target and log in",
    values.read_some_time,
    lambda: timedelta(seconds=10),
    format_duration,
)
TARGET_TIMEOUT: Key[timedelta | None] = Key(
    "target_timeout",
    "DEPLOYX_TARGET_TIMEOUT",
    "a target's run time where its task says nothing",
    values.read_some_time_or_none,
    lambda: None,
    lambda found: format_duration(found or timedelta()),
    values.NONE,
)
KILL_WAIT = Key(
    "kill_wait",
    "DEPLOYX_KILL_WAIT",
    "how long a stopping engine waits for what it killed",
    values.read_some_time,
    lambda: timedelta(seconds=15),
    format_duration,
)
SPOOL_FOLDERS: Key[tuple[str, ...]] = Key(
    "spool_folders",
    "DEPLOYX_SPOOL_FOLDERS",
    "where durable runs write on a target",
    values.read_folders,
    lambda: ("/var/tmp", "/tmp"),  # noqa: S108 - on the target, below them a folder of mode 0700
    " ".join,
)
TARGET_OUTPUT = Key(
    "target_output",
    "DEPLOYX_TARGET_OUTPUT",
    "output kept of one target",
    values.read_size,
    lambda: 128 << 20,
    values.show_size,
)
RUN_OUTPUT = Key(
    "run_output",
    "DEPLOYX_RUN_OUTPUT",
    "output kept of all targets of a run",
    values.read_size,
    lambda: 4 << 30,
    values.show_size,
)
ARTIFACT_SPACE = Key(
    "artifact_space",
    "DEPLOYX_ARTIFACT_SPACE",
    "disk space of all artifacts",
    values.read_size,
    lambda: 50 << 30,
    values.show_size,
)
ARTIFACT_FILE = Key(
    "artifact_file",
    "DEPLOYX_ARTIFACT_FILE",
    "size of one file of an artifact",
    values.read_size,
    lambda: 16 << 30,
    values.show_size,
)
ARTIFACT_FREE = Key(
    "artifact_free",
    "DEPLOYX_ARTIFACT_FREE",
    "disk space that artifacts leave free",
    values.read_size,
    lambda: 1 << 30,
    values.show_size,
)
FACTS_AGE: Key[timedelta | None] = Key(
    "facts_age",
    "DEPLOYX_FACTS_AGE",
    "when a device that runs something is asked again what it is",
    values.read_some_time_or_none,
    lambda: timedelta(days=1),
    lambda found: format_duration(found or timedelta()),
    values.NONE,
)
KEEP_EVENTS = Key(
    "keep_events",
    "DEPLOYX_KEEP_EVENTS",
    "how long a follower may be away",
    values.read_some_time,
    lambda: timedelta(days=7),
    format_duration,
)
KEEP_HISTORY: Key[timedelta | None] = Key(
    "keep_history",
    "DEPLOYX_KEEP_HISTORY",
    "how long runs and their outputs are kept",
    values.read_some_time_or_none,
    lambda: None,
    lambda found: format_duration(found or timedelta()),
    values.NONE,
)
VAULT_KEY: Key[str | None] = Key(
    "vault_key",
    "DEPLOYX_VAULT_KEY",
    'the file with the vault\'s master key, "passphrase" or "keyring"',
    values.read_vault_key,
    lambda: None,
)
LOG_LEVEL = Key("log_level", "DEPLOYX_LOG_LEVEL", "what is logged", values.one_of(LOG_LEVELS), lambda: "info")
COLOR = Key("color", "DEPLOYX_COLOR", "colours on a terminal", values.one_of(COLORS), lambda: "auto")

#: in the order of `Settings`
_LIMITS: tuple[Key[Any], ...] = (
    WORKERS, CONNECT_TIMEOUT, TARGET_TIMEOUT, KILL_WAIT, SPOOL_FOLDERS, TARGET_OUTPUT, RUN_OUTPUT,
    ARTIFACT_SPACE, ARTIFACT_FILE, ARTIFACT_FREE, FACTS_AGE, KEEP_EVENTS, KEEP_HISTORY,
)  # fmt: skip
KEYS: tuple[Key[Any], ...] = (DB, CONNECT, TIMEZONE, SOCKET, DRAIN, LINGER, *_LIMITS, VAULT_KEY, LOG_LEVEL, COLOR)
#: what an engine process is told by the face that starts it
ENGINE_KEYS: tuple[Key[Any], ...] = (DB, TIMEZONE, SOCKET, DRAIN, LINGER, *_LIMITS, VAULT_KEY, LOG_LEVEL)
