"""What a file is by its first bytes, and what it says of itself. Files are hostile: everything has an end."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployx_tui.store.formats import archives, compound, deb, msi, pe, rpm
from deployx_tui.store.formats.bounded import File, Unreadable

#: of a value
_LONGEST = 500

_PLAIN = "application/octet-stream"
#: of the first bytes that are looked at for text
_LOOKED_AT = 8192
#: first bytes: (type, how it is read)
_KINDS: tuple[tuple[bytes, str, Callable[[File], list[tuple[str, str]]] | None], ...] = (
    (deb.BEGINS, "application/vnd.debian.binary-package", deb.read),
    (rpm.BEGINS, "application/x-rpm", rpm.read),
    (compound.BEGINS, "application/x-msi", msi.read),
    (pe.BEGINS, "application/vnd.microsoft.portable-executable", pe.read),
    (b"\x1f\x8b", "application/gzip", archives.read_tar),
    (b"\xfd7zXZ\0", "application/x-xz", archives.read_tar),
    (b"BZh", "application/x-bzip2", archives.read_tar),
    (b"\x28\xb5\x2f\xfd", "application/zstd", archives.read_tar),
    (b"\x7fELF", "application/x-elf", None),
    (b"#!", "text/x-script", None),
)


@dataclass(frozen=True, slots=True)
class Looked:
    media_type: str
    #: what it says of itself; values are one line of printable characters
    metadata: tuple[tuple[str, str], ...]


def look(path: Path) -> Looked:
    """Whatever the file holds, this ends soon and takes little memory. OSError when it can't be read."""
    with File(path) as file:
        begins = file.some(0, _LOOKED_AT)
        if begins.startswith(b"PK\x03\x04"):
            return Looked("application/zip", _said(lambda: archives.read_zip(file, path)))
        if begins[257:262] == b"ustar":
            return Looked("application/x-tar", _said(lambda: archives.read_tar(file)))
        for beginning, media_type, read in _KINDS:
            if begins.startswith(beginning):
                if read is None:
                    return Looked(media_type, ())
                found = _said(lambda read=read: read(file))  # type: ignore[misc]  # bound now
                if media_type == "application/x-msi" and not found:
                    return Looked("application/x-ole-storage", ())
                if media_type == "application/vnd.microsoft.portable-executable" and not found:
                    return Looked(_text_or_not(begins), ())
                return Looked(media_type, found)
        return Looked(_text_or_not(begins), ())


def _said(read: Callable[[], list[tuple[str, str]]]) -> tuple[tuple[str, str], ...]:
    try:
        found = read()
    except (Unreadable, struct.error, zlib.error, lzma.LZMAError, EOFError, ValueError, OverflowError):
        return ()  # it is not what it begins as: an artifact all the same
    return tuple((word, line) for word, value in found if (line := _line(value)))


def _line(value: str) -> str:
    shown = "".join(character if character.isprintable() else "\ufffd" for character in value[:_LONGEST])
    return shown.strip()


def _text_or_not(begins: bytes) -> str:
    if b"\0" in begins:
        return _PLAIN
    try:
        # a character may be cut at the end of what is looked at
        begins[: len(begins) - 3 if len(begins) == _LOOKED_AT else None].decode("utf-8")
    except UnicodeDecodeError as error:
        return "text/plain" if error.start > len(begins) - 8 and len(begins) == _LOOKED_AT else _PLAIN
    return "text/plain"
