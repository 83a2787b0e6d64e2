"""A whole folder as a target lists it, read while it comes: 100,000 names make no long text here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace

from deployx_tui.model.execution import Cause
from deployx_tui.runners.files.present import Present, hash_of, number_of
from deployx_tui.runners.files.stopped import failed
from deployx_tui.runners.files.text import MARK

_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_KINDS = {b"f": "file", b"d": "folder", b"l": "link"}
#: bytes of one name with what stands before it, at most; of all
_LONGEST, _MOST = 64 * 1024, 1 << 30


class Listing:
    """`hear` what the script says; then the rest is there."""

    def __init__(self) -> None:
        #: the answers before the listing, as `present.read_look` wants them
        self.answers: list[list[str]] = []
        #: by path relative to the folder, without hashes
        self.entries: dict[str, Present] = {}
        #: by path relative to the folder
        self.hashes: dict[str, str] = {}
        #: find or stat; none: nothing there can list; shut: the folder can't be entered; "": it is not there
        self.way = ""
        self._held = b""
        self._read: Callable[[bytes], None] = self._lines
        self._separator = b"\n"
        self._hash_separator = b"\n"
        self._link: tuple[str, Present] | None = None
        self._size = 0
        self._digest = hashlib.sha256()
        self._ended = False

    def hear(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > _MOST:
            raise failed(Cause.VERIFY, "the listing of the target folder is longer than 1 GiB")
        data, start = self._held + data, 0
        while (end := data.find(self._separator, start)) >= 0:
            piece, start = data[start:end], end + 1
            self._read(piece)
        self._held = data[start:]
        if len(self._held) > _LONGEST:
            raise failed(Cause.VERIFY, "the listing of the target folder can't be read")

    @property
    def digest(self) -> str:
        """SHA-256 of the listing as it came, without hashes."""
        return self._digest.hexdigest()

    def finish(self) -> None:
        """At the end; raises Stopped when it was cut."""
        if self._held.strip() == MARK + b"end":
            self._ended = True
        if not self._ended:
            raise failed(Cause.VERIFY, "the listing of the target folder has no end")

    def _lines(self, line: bytes) -> None:
        if not line.startswith(MARK):
            return
        words = line[len(MARK) :].decode("utf-8", "surrogateescape").split(" ")
        match words:
            case ["end"]:
                self._ended = True
            case ["tree", way, separator]:
                self.way = way
                self._hash_separator = b"\0" if separator == "z" else b"\n"
                if way in ("find", "stat", "none"):
                    self._read, self._separator = self._records, b"\0"
            case _:
                self.answers.append(words)

    def _records(self, record: bytes) -> None:
        self._digest.update(record + b"\0")
        if self._link is not None:
            path, present = self._link
            self.entries[path] = replace(present, target=record.decode("utf-8", "surrogateescape"))
            self._link = None
            return
        if not record:
            self._read, self._separator = self._hashed, self._hash_separator
            return
        words = record.split(b" ", 9)
        if len(words) != 10:
            raise failed(Cause.VERIFY, "the listing of the target folder can't be read")
        kind, mode, user, group, uid, gid, size, changed, status, name = words
        path = name.decode("utf-8", "surrogateescape")
        try:
            bits = int(mode, 8)
        except ValueError:
            bits = -1
        present = Present(
            kind=_KINDS.get(kind, "other"),
            mode=bits,
            uid=number_of(uid.decode("ascii", "replace")),
            gid=number_of(gid.decode("ascii", "replace")),
            user=user.decode("utf-8", "replace"),
            group=group.decode("utf-8", "replace"),
            size=max(0, number_of(size.decode("ascii", "replace"))),
            stamp=b" ".join((size, changed, status)).decode("ascii", "replace"),
        )
        self.entries[path] = present
        if present.kind == "link":
            self._link = (path, present)

    def _hashed(self, line: bytes) -> None:
        # GNU writes a name with a line end or a backslash escaped, and says so by a backslash before the hash
        if line.startswith(MARK):
            self._lines(line)
            return
        escaped = line.startswith(b"\\")
        sha256, name = line[escaped : 64 + escaped], line[66 + escaped :]
        if escaped:
            name = _unescaped(name)
        found = hash_of(sha256.decode("ascii", "replace"))
        if found:
            path = name.decode("utf-8", "surrogateescape")
            self.hashes[path.removeprefix("./")] = found


def _unescaped(name: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: {b"n": b"\n", b"r": b"\r"}.get(found[1], found[1]), name)
