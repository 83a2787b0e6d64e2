"""Windows Installer packages: the table `Property` of the database that an .msi is.

Not documented by Microsoft; as Wine's msi.dll (dlls/msi/table.c, string.c) and msitools read it.
"""

from __future__ import annotations

import struct

from deployx_tui.store.formats.bounded import File, Unreadable
from deployx_tui.store.formats.compound import Compound

_MOST_POOL = 4 << 20
_MOST_STRINGS = 16 << 20
_MOST_TABLE = 1 << 20
#: characters that two of a table's name are packed into, or one
_TWO, _ONE, _TABLE = 0x3800, 0x4800, "\u4840"
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"

_KEPT = {
    "ProductName": "package",
    "ProductVersion": "version",
    "Manufacturer": "vendor",
    "ProductCode": "product_code",
    "UpgradeCode": "upgrade_code",
}


def read(file: File) -> list[tuple[str, str]]:
    compound = Compound(file)
    pool = compound.read(packed_name("_StringPool"), _MOST_POOL)
    data = compound.read(packed_name("_StringData"), _MOST_STRINGS)
    table = compound.read(packed_name("Property"), _MOST_TABLE)
    if len(pool) < 4 or not table:
        raise Unreadable("it is no installer package")
    strings = _strings(pool, data)
    (flags,) = struct.unpack("<H", pool[2:4])
    width = 3 if flags & 0x8000 else 2
    rows = len(table) // (2 * width)
    found: dict[str, str] = {}
    for row in range(rows):
        name, value = (
            strings.get(int.from_bytes(table[at : at + width], "little"), "")
            for at in (row * width, (rows + row) * width)
        )
        if name in _KEPT:
            found[name] = value
    return [(word, found[name]) for name, word in _KEPT.items() if found.get(name)]


def packed_name(name: str) -> str:
    """As a table's stream is called."""
    packed = _TABLE
    for at in range(0, len(name), 2):
        first = _LETTERS.index(name[at])
        second = name[at + 1 : at + 2]
        packed += chr(_TWO + first + (_LETTERS.index(second) << 6)) if second else chr(_ONE + first)
    return packed


def _strings(pool: bytes, data: bytes) -> dict[int, str]:
    """By number, from 1. The pool has a length and a count of uses for each; a long one has two entries."""
    (codepage,) = struct.unpack("<H", pool[:2])
    found: dict[int, str] = {}
    at, offset, number = 4, 0, 0
    while at + 4 <= len(pool):
        size, uses = struct.unpack("<HH", pool[at : at + 4])
        at += 4
        number += 1
        if not size and uses:
            if at + 4 > len(pool):
                break
            (size,) = struct.unpack("<I", pool[at : at + 4])
            at += 4
        if size:
            found[number] = _text(data[offset : offset + min(size, 1 << 16)], codepage)
            offset += size
    return found


def _text(data: bytes, codepage: int) -> str:
    try:
        return data.decode("utf-8" if codepage in (0, 65001) else f"cp{codepage}", "replace")
    except LookupError:
        return data.decode("latin-1")
