"""A setting's text into its value, and back.

A reader takes `field`, what the person typed (a flag's, variable's or key's name), and the value as it stood there;
it raises InvalidInput with that field and a remedy.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from deployx_tui.errors import InvalidInput
from deployx_tui.model.parse import parse_duration, zone_of

#: how a setting that may have no value says so
NONE = "none"
#: what a shell takes for one word as it stands
_PLAIN_FOLDER = re.compile(r"/[A-Za-z0-9._/-]*\Z")
#: each is a thread, and each SSH target two descriptors
_MOST_WORKERS = 1024
_SHIFTS = {"MiB": 20, "GiB": 30}


def read_text(field: str, value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise InvalidInput.of(field, f"{value!r} is not a text", 'give a text in quotes, such as "UTC"')


def read_database(field: str, value: object) -> str:
    text = read_text(field, value)
    if text.startswith(("postgresql://", "postgresql+psycopg://")):
        return text
    prefix = "sqlite:///"
    if not text.startswith(prefix) or text == prefix or "?" in text:
        raise InvalidInput.of(
            field, f"{text!r} is not a database that deployx knows", "say sqlite:///PATH or postgresql://HOST/NAME"
        )
    # made absolute, not resolved: whether a link lies on the way is judged when it is opened
    return prefix + os.path.abspath(Path(text.removeprefix(prefix)).expanduser())  # noqa: PTH100 - resolve() follows links


def read_server(field: str, value: object) -> str:
    text = read_text(field, value)
    if text.startswith("unix:///"):
        return text
    raise InvalidInput.of(field, f"{text!r} is not an address of an engine", "say unix:///PATH/OF/SOCKET")


def read_zone(field: str, value: object) -> str:
    name = read_text(field, value)
    zone_of(name, field)
    return name


def read_path(field: str, value: object) -> Path:
    path = value if isinstance(value, Path) else Path(read_text(field, value)).expanduser()
    if not path.is_absolute():
        path = Path.cwd() / path
    return path


def read_vault_key(field: str, value: object) -> str:
    """A file, or a word for what is no file. A key itself has no place in the settings."""
    text = read_text(field, value)
    return text if text in ("passphrase", "keyring") else str(read_path(field, text))


def read_duration(field: str, value: object) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise InvalidInput.of(field, f"{value} has no unit", f'say "{value}s", "{value}m" or "{value}h"')
    return value if isinstance(value, timedelta) else parse_duration(read_text(field, value), field)


def read_some_time(field: str, value: object) -> timedelta:
    """A duration of a second or more: with none at all nothing would be reached, or kept."""
    found = read_duration(field, value)
    if found < timedelta(seconds=1):
        raise InvalidInput.of(field, "it is shorter than a second", "give 1s or more")
    return found


def read_some_time_or_none(field: str, value: object) -> timedelta | None:
    return None if value == NONE else read_some_time(field, value)


def read_workers(field: str, value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or not 1 <= int(text[:5]) <= _MOST_WORKERS:
        raise InvalidInput.of(field, f"{value!r} is no number of workers", f"give 1 to {_MOST_WORKERS}")
    return int(text)


def read_size(field: str, value: object) -> int:
    found = re.fullmatch(r"(\d{1,9})\s*(MiB|GiB)", read_text(field, str(value)), re.ASCII)
    if found is None or int(found[1]) == 0:
        raise InvalidInput.of(field, f"{value!r} is not a size", 'say "128MiB" or "4GiB"')
    return int(found[1]) << _SHIFTS[found[2]]


def show_size(size: int) -> str:
    unit = "GiB" if size % (1 << 30) == 0 else "MiB"
    return f"{size >> _SHIFTS[unit]}{unit}"


def one_of(words: tuple[str, ...]) -> Callable[[str, object], str]:
    def read(field: str, value: object) -> str:
        text = read_text(field, value).lower()
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


def read_folders(field: str, value: object) -> tuple[str, ...]:
    """Folders of a target, absolute; several with spaces between them."""
    folders = value if isinstance(value, tuple) else tuple(read_text(field, value).split())
    if not folders or not all(isinstance(folder, str) and _PLAIN_FOLDER.match(folder) for folder in folders):
        remedy = 'give absolute paths of letters, digits, ".", "_" and "-", such as "/var/tmp /tmp"'
        raise InvalidInput.of(field, f"{value!r} are no folders of a target", remedy)
    return folders
