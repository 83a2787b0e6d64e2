"""Debian packages (deb(5)): an ar archive whose second member is a tar with the file `control`."""

from __future__ import annotations

from deployx_tui.store.contents.tar import Tar
from deployx_tui.store.formats.bounded import File, Unpacked, Unreadable

BEGINS = b"!<arch>\ndebian-binary"
#: of the file `control`
_MOST_CONTROL = 1 << 20
#: of the members before it, which are two
_MOST_MEMBERS = 8
#: of the tar before it
_MOST_FILES = 1000

_KEPT = {
    "Package": "package",
    "Version": "version",
    "Architecture": "architecture",
    "Depends": "depends",
    "Installed-Size": "installed_kib",
    "Maintainer": "maintainer",
    "Description": "description",
}


def read(file: File) -> list[tuple[str, str]]:
    offset = 8
    for _ in range(_MOST_MEMBERS):
        head = file.at(offset, 60)
        digits = head[48:58].strip()
        if head[58:] != b"`\n" or not digits.isdigit():
            raise Unreadable("it is no ar archive")
        size = int(digits)
        name = head[:16].decode("ascii", "replace").strip().rstrip("/")
        if name.startswith("control.tar"):
            return _control(Unpacked(file, offset + 60, size))
        offset += 60 + size + size % 2
    raise Unreadable("it has no control.tar")


def _control(unpacked: Unpacked) -> list[tuple[str, str]]:
    tar = Tar(unpacked.read)
    for number, member in enumerate(tar):
        if member.path.removeprefix("./") == "control":
            return fields(tar.read(_MOST_CONTROL).decode("utf-8", "replace"), _KEPT)
        if number > _MOST_FILES:
            break
    raise Unreadable("it has no control file")


def fields(text: str, kept: dict[str, str]) -> list[tuple[str, str]]:
    """Of the first paragraph of `Name: value` lines, in the order of `kept`; of long values the first line."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            break
        if line[0] in " \t":
            continue
        name, colon, value = line.partition(":")
        if colon and name in kept:
            found.setdefault(name, value.strip())
    return [(word, found[name]) for name, word in kept.items() if found.get(name)]
