"""Places that are searched for what must not be there, and for a control that must be: a blind search finds neither."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.proof.spelled import traces


@dataclass(frozen=True)
class Place:
    """Somewhere that a secret could be."""

    name: str
    content: bytes
    #: it holds what the target printed, byte for byte: there the control is found in every spelling
    is_exact: bool = False


@dataclass(frozen=True)
class Found:
    """What a search of one place gave."""

    place: Place
    #: spellings of the secrets that are in it
    leaks: tuple[str, ...]
    #: how many spellings of the control are in it, of how many
    control: int
    of: int

    @property
    def sees(self) -> bool:
        return self.control == self.of if self.place.is_exact else self.control > 0


def search(place: Place, secrets: Mapping[str, str], control: str) -> Found:
    leaks = [
        f"{name}: {label}"
        for name, value in secrets.items()
        for label, trace in traces(value).items()
        if trace in place.content
    ]
    wanted = traces(control)
    return Found(place, tuple(leaks), sum(trace in place.content for trace in wanted.values()), len(wanted))


def files(folder: Path, pattern: str = "*") -> bytes:
    """The content of every file below a folder, as it lies there and with what is compressed in it expanded."""
    found: list[bytes] = []
    for path in sorted(folder.rglob(pattern)):
        # one that the engine has replaced meanwhile stands there under its new name, or was read before
        with suppress(FileNotFoundError):
            if path.is_file():
                content = path.read_bytes()
                found += [content, *expanded(content)]
    return b"\n".join(found)


def expanded(content: bytes) -> Iterator[bytes]:
    """Every zlib stream (RFC 1950) in it, wherever one begins."""
    at = content.find(b"\x78")
    while at >= 0:
        stream = zlib.decompressobj()
        with suppress(zlib.error):
            plain = stream.decompress(content[at:])
            if stream.eof:
                yield plain
                at = len(content) - len(stream.unused_data) - 1
        at = content.find(b"\x78", at + 1)


def rows(database: Path) -> bytes:
    """Every value of every row, asked of SQLite itself: in the file a long value lies in several pages."""
    found: list[bytes] = []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        tables = [name.decode() for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(found)


class ProcessList:
    """Everybody's arguments, as `ps` lists them again and again while the context lasts."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._seen: set[bytes] = set()
        self.looks = 0
        self._watcher = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self._seen.update(processes())
            self.looks += 1

    @property
    def content(self) -> bytes:
        return b"\n".join(sorted(self._seen))

    def __enter__(self) -> ProcessList:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()


def processes() -> Iterable[bytes]:
    """The line of each process of this machine: pid, parent, account, state, arguments, unshortened."""
    said = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,user:32=,stat=,args="],
        capture_output=True,
        check=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    return said.stdout.splitlines()
