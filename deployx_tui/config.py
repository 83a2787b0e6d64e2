"""Every setting, read once: flag, then environment, then TOML file, then default; each with where it came from.

Importable by all. Reads files and the environment in `load` only; `Settings` itself is frozen. A setting that a
screen or a command owns (its columns, its keys) is not here.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

from deployx_tui import paths
from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.parse import format_duration, parse_duration, zone_of

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
    #: bytes of output kept of one target, and of all targets of a run; above it head and tail stay
    target_output: int
    run_output: int
    #: a follower that was away for longer reads everything again
    keep_events: timedelta
    #: runs, their results and outputs; None: for ever
    keep_history: timedelta | None
    log_level: str
    color: str
    #: where each value came from, by name
    origins: Mapping[str, str] = field(compare=False)

    @property
    def socket_path(self) -> Path:
        return self.socket if self.socket is not None else paths.socket_of(self.db)

    @property
    def is_sqlite(self) -> bool:
        return self.db.startswith("sqlite:")

    def as_flags(self) -> tuple[str, ...]:
        """What another process of ours is told, so that it serves the same settings wherever it looks itself."""
        flags: list[str] = []
        for key in ENGINE_KEYS:
            text = key.text(getattr(self, key.name))
            if text:
                flags += [f"--{key.name.replace('_', '-')}", text]
        return tuple(flags)

    def shown(self) -> tuple[Shown, ...]:
        """Every setting as text, with its origin, in the order of `Settings`."""
        return tuple(
            Shown(
                key.name,
                key.text(getattr(self, key.name)),
                self.origins[key.name],
                key.meaning,
            )
            for key in KEYS
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
    sources = _Sources(
        {name: value for name, value in (flags or {}).items() if value is not None},
        os.environ if environment is None else environment,
        file,
    )
    settings = Settings(
        db=sources.take(DB),
        connect=sources.take(CONNECT),
        timezone=sources.take(TIMEZONE),
        socket=sources.take(SOCKET),
        drain=sources.take(DRAIN),
        linger=sources.take(LINGER),
        workers=sources.take(WORKERS),
        connect_timeout=sources.take(CONNECT_TIMEOUT),
        target_timeout=sources.take(TARGET_TIMEOUT),
        kill_wait=sources.take(KILL_WAIT),
        target_output=sources.take(TARGET_OUTPUT),
        run_output=sources.take(RUN_OUTPUT),
        keep_events=sources.take(KEEP_EVENTS),
        keep_history=sources.take(KEEP_HISTORY),
        log_level=sources.take(LOG_LEVEL),
        color=sources.take(COLOR),
        origins=sources.origins,
    )
    sources.finish()
    return settings


def default_file() -> Path:
    """Read when it exists and no other file is named."""
    return paths.config_folder() / "deployx.toml"


class _Sources:
    """The four places where a value may stand, and what was wrong in them."""

    def __init__(self, flags: Mapping[str, object], environment: Mapping[str, str], file: Path | None) -> None:
        self.origins: dict[str, str] = {}
        self._flags = flags
        self._environment = environment
        self._problems: list[Problem] = []
        chosen = file
        if chosen is None and (named := environment.get("DEPLOYX_CONFIG")):
            chosen = Path(named)
        self._file = chosen if chosen is not None else default_file()
        self._table = self._read_file(must_exist=chosen is not None)

    def take(self, key: Key[T]) -> T:
        value: object
        if key.name in self._flags:
            value, origin, named = self._flags[key.name], f"flag --{key.name.replace('_', '-')}", key.name
        elif self._environment.get(key.variable):
            value, origin, named = self._environment[key.variable], f"environment {key.variable}", key.variable
        elif key.name in self._table:
            value, origin, named = self._table[key.name], str(self._file), key.name
        else:
            self.origins[key.name] = "default"
            return key.default()
        self.origins[key.name] = origin
        try:
            return key.read(named, value)
        except InvalidInput as error:
            self._problems += [
                Problem(field=named, message=f"{problem.message} (from {origin})", remedy=problem.remedy)
                for problem in error.problems
            ]
            return key.default()

    def finish(self) -> None:
        known = [key.name for key in KEYS]
        for name in self._table:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                self._problems.append(
                    Problem(
                        field=name,
                        message=f"no such setting (in {self._file})",
                        remedy=f"did you mean {near[0]}?" if near else f"settings are {', '.join(known)}",
                    )
                )
        if self._problems:
            raise InvalidInput(self._problems)

    def _read_file(self, *, must_exist: bool) -> dict[str, object]:
        try:
            text = self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            if must_exist:
                self._problems.append(
                    Problem(field="config", message=f"{self._file} does not exist", remedy="name a TOML file that does")
                )
            return {}
        except (OSError, UnicodeDecodeError) as error:
            self._problems.append(
                Problem(field="config", message=f"{self._file}: {error}", remedy="make it a readable UTF-8 file")
            )
            return {}
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self._problems.append(
                Problem(field="config", message=f"{self._file}: {error}", remedy='write NAME = "value" lines (TOML)')
            )
            return {}


_NONE = "none"
#: each is a thread, and each SSH target two descriptors
_MOST_WORKERS = 1024
_SHIFTS = {"MiB": 20, "GiB": 30}

# ---- how values are read; `field` is what the person typed: a flag's, variable's or key's name


def _text(field: str, value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise InvalidInput.of(field, f"{value!r} is not a text", 'give a text in quotes, such as "UTC"')


def _database(field: str, value: object) -> str:
    text = _text(field, value)
    if text.startswith(("postgresql://", "postgresql+psycopg://")):
        return text
    prefix = "sqlite:///"
    if not text.startswith(prefix) or text == prefix or "?" in text:
        raise InvalidInput.of(
            field, f"{text!r} is not a database that deployx knows", "say sqlite:///PATH or postgresql://HOST/NAME"
        )
    # made absolute, not resolved: whether a link lies on the way is judged when it is opened
    return prefix + os.path.abspath(Path(text.removeprefix(prefix)).expanduser())  # noqa: PTH100 - resolve() follows links


def _server(field: str, value: object) -> str:
    text = _text(field, value)
    if text.startswith("unix:///"):
        return text
    raise InvalidInput.of(field, f"{text!r} is not an address of an engine", "say unix:///PATH/OF/SOCKET")


def _zone(field: str, value: object) -> str:
    name = _text(field, value)
    zone_of(name, field)
    return name


def _path(field: str, value: object) -> Path:
    path = value if isinstance(value, Path) else Path(_text(field, value)).expanduser()
    if not path.is_absolute():
        path = Path.cwd() / path
    return path


def _duration(field: str, value: object) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise InvalidInput.of(field, f"{value} has no unit", f'say "{value}s", "{value}m" or "{value}h"')
    return value if isinstance(value, timedelta) else parse_duration(_text(field, value), field)


def _some_time(field: str, value: object) -> timedelta:
    """A duration of a second or more: with none at all nothing would be reached, or kept."""
    found = _duration(field, value)
    if found < timedelta(seconds=1):
        raise InvalidInput.of(field, "it is shorter than a second", "give 1s or more")
    return found


def _some_time_or_none(field: str, value: object) -> timedelta | None:
    return None if value == _NONE else _some_time(field, value)


def _workers(field: str, value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or not 1 <= int(text[:5]) <= _MOST_WORKERS:
        raise InvalidInput.of(field, f"{value!r} is no number of workers", f"give 1 to {_MOST_WORKERS}")
    return int(text)


def _size(field: str, value: object) -> int:
    found = re.fullmatch(r"(\d{1,9})\s*(MiB|GiB)", _text(field, str(value)), re.ASCII)
    if found is None or int(found[1]) == 0:
        raise InvalidInput.of(field, f"{value!r} is not a size", 'say "128MiB" or "4GiB"')
    return int(found[1]) << _SHIFTS[found[2]]


def _show_size(size: int) -> str:
    unit = "GiB" if size % (1 << 30) == 0 else "MiB"
    return f"{size >> _SHIFTS[unit]}{unit}"


def _one_of(words: tuple[str, ...]) -> Callable[[str, object], str]:
    def read(field: str, value: object) -> str:
        text = _text(field, value).lower()
        if text not in words:
            near = difflib.get_close_matches(text, words, n=1)
            raise InvalidInput.of(
                field, f"{text!r} is not known", f"did you mean {near[0]}?" if near else f"say {', '.join(words)}"
            )
        return text

    return read


def system_zone() -> str:
    """The IANA name of this machine's zone; UTC when it can't be told."""
    candidates = [os.environ.get("TZ", "").lstrip(":")]
    link = os.path.realpath("/etc/localtime")
    candidates.append(link.partition("/zoneinfo/")[2])
    timezone_file = Path("/etc/timezone")
    if timezone_file.is_file():
        candidates.append(timezone_file.read_text(encoding="utf-8", errors="replace").strip())
    for name in candidates:
        if name:
            try:
                zone_of(name)
            except InvalidInput:
                continue
            return name
    return "UTC"


def without_password(database: str) -> str:
    """A database URL as it may be shown and logged."""
    return re.sub(r"(//[^:/@]*):[^@/]*@", r"\1:[secret]@", database)


DB = Key("db", "DEPLOYX_DB", "the database", _database, paths.default_database_url, without_password)
CONNECT: Key[str | None] = Key("connect", "DEPLOYX_URL", "an engine elsewhere to be a client of", _server, lambda: None)
TIMEZONE = Key("timezone", "DEPLOYX_TIMEZONE", "the zone of tasks that name none", _zone, system_zone)
SOCKET: Key[Path | None] = Key("socket", "DEPLOYX_SOCKET", "where the engine listens", _path, lambda: None)
DRAIN = Key(
    "drain",
    "DEPLOYX_DRAIN",
    "how long a stopping engine waits for what runs",
    _duration,
    lambda: timedelta(seconds=30),
    format_duration,
)
LINGER = Key(
    "linger",
    "DEPLOYX_LINGER",
    "how long a private engine outlives its last client",
    _duration,
    lambda: timedelta(seconds=3),
    format_duration,
)
WORKERS = Key("workers", "DEPLOYX_WORKERS", "targets that run at once", _workers, lambda: 64)
CONNECT_TIMEOUT = Key(
    "connect_timeout",
    "DEPLOYX_CONNECT_TIMEOUT",
    "to reach a target and log in",
    _some_time,
    lambda: timedelta(seconds=10),
    format_duration,
)
TARGET_TIMEOUT: Key[timedelta | None] = Key(
    "target_timeout",
    "DEPLOYX_TARGET_TIMEOUT",
    "a target's run time where its task says nothing",
    _some_time_or_none,
    lambda: None,
    lambda found: format_duration(found or timedelta()),
    _NONE,
)
KILL_WAIT = Key(
    "kill_wait",
    "DEPLOYX_KILL_WAIT",
    "how long a stopping engine waits for what it killed",
    _some_time,
    lambda: timedelta(seconds=15),
    format_duration,
)
TARGET_OUTPUT = Key(
    "target_output", "DEPLOYX_TARGET_OUTPUT", "output kept of one target", _size, lambda: 128 << 20, _show_size
)
RUN_OUTPUT = Key(
    "run_output", "DEPLOYX_RUN_OUTPUT", "output kept of all targets of a run", _size, lambda: 4 << 30, _show_size
)
KEEP_EVENTS = Key(
    "keep_events",
    "DEPLOYX_KEEP_EVENTS",
    "how long a follower may be away",
    _some_time,
    lambda: timedelta(days=7),
    format_duration,
)
KEEP_HISTORY: Key[timedelta | None] = Key(
    "keep_history",
    "DEPLOYX_KEEP_HISTORY",
    "how long runs and their outputs are kept",
    _some_time_or_none,
    lambda: None,
    lambda found: format_duration(found or timedelta()),
    _NONE,
)
LOG_LEVEL = Key("log_level", "DEPLOYX_LOG_LEVEL", "what is logged", _one_of(LOG_LEVELS), lambda: "info")
COLOR = Key("color", "DEPLOYX_COLOR", "colours on a terminal", _one_of(COLORS), lambda: "auto")

#: in the order of `Settings`
_LIMITS: tuple[Key[Any], ...] = (
    WORKERS, CONNECT_TIMEOUT, TARGET_TIMEOUT, KILL_WAIT, TARGET_OUTPUT, RUN_OUTPUT, KEEP_EVENTS, KEEP_HISTORY,
)  # fmt: skip
KEYS: tuple[Key[Any], ...] = (DB, CONNECT, TIMEZONE, SOCKET, DRAIN, LINGER, *_LIMITS, LOG_LEVEL, COLOR)
#: what an engine process is told by the face that starts it
ENGINE_KEYS: tuple[Key[Any], ...] = (DB, TIMEZONE, SOCKET, DRAIN, LINGER, *_LIMITS, LOG_LEVEL)
