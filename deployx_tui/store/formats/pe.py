"""Programs of Windows (Microsoft, "PE Format"): the version resource of an .exe or .dll."""

from __future__ import annotations

import struct

from deployx_tui.store.formats.bounded import File, Unreadable

BEGINS = b"MZ"
_MACHINES = {0x014C: "x86", 0x8664: "x64", 0xAA64: "arm64", 0x01C4: "arm"}
#: Windows loads no more
_MOST_SECTIONS = 96
_MOST_ENTRIES = 4096
#: of a version resource
_MOST_VERSION = 64 << 10
_RT_VERSION = 16
_FIXED = b"\xbd\x04\xef\xfe"

_KEPT = (
    ("ProductName", "package"),
    ("ProductVersion", "product_version"),
    ("CompanyName", "vendor"),
    ("FileDescription", "description"),
)


def read(file: File) -> list[tuple[str, str]]:
    (head,) = file.unpack("<I", 0x3C)
    if file.at(head, 4) != b"PE\0\0":
        raise Unreadable("it is no program of Windows")
    machine, sections = file.unpack("<HH", head + 4)
    (optional_size,) = file.unpack("<H", head + 20)
    optional = head + 24
    (magic,) = file.unpack("<H", optional)
    directories = optional + {0x10B: 96, 0x20B: 112}.get(magic, 0)
    if directories == optional or sections > _MOST_SECTIONS:
        raise Unreadable("its header can't be read")
    found = [("architecture", _MACHINES.get(machine, f"machine {machine:#06x}"))]
    address, _ = file.unpack("<II", directories + 2 * 8)
    if not address:
        return found
    table = file.at(optional + optional_size, 40 * sections)
    image = _Image([struct.unpack("<IIII", table[at + 8 : at + 24]) for at in range(0, len(table), 40)])
    resource = image.offset(address)
    kind = _entry(file, resource, resource, _RT_VERSION)
    name = _entry(file, resource, kind, None)
    language = _entry(file, resource, name, None, is_leaf=True)
    data_address, size = file.unpack("<II", language)
    return found + _version(file.at(image.offset(data_address), min(size, _MOST_VERSION)))


class _Image:
    """Where what is at an address in memory lies in the file."""

    def __init__(self, sections: list[tuple[int, ...]]) -> None:
        self._sections = sections

    def offset(self, address: int) -> int:
        for size, start, raw_size, raw in self._sections:
            if start <= address < start + max(size, raw_size):
                return int(raw + address - start)
        raise Unreadable("an address lies in no section")


def _entry(file: File, root: int, folder: int, wanted: int | None, *, is_leaf: bool = False) -> int:
    """Where the entry of a folder of resources leads: the one with that number, or the first."""
    names, numbers = file.unpack("<HH", folder + 12)
    if not 0 < names + numbers <= _MOST_ENTRIES:
        raise Unreadable("its resources can't be read")
    entries = file.at(folder + 16, 8 * (names + numbers))
    for at in range(0, len(entries), 8):
        name, place = struct.unpack("<II", entries[at : at + 8])
        if wanted is None or name == wanted:
            if bool(place & 0x80000000) is is_leaf:
                raise Unreadable("its resources can't be read")
            return root + (int(place) & 0x7FFFFFFF)
    raise Unreadable("it says no version")


def _version(data: bytes) -> list[tuple[str, str]]:
    """Of VS_VERSIONINFO: the fixed numbers, and texts by their names."""
    found: list[tuple[str, str]] = []
    fixed = data.find(_FIXED)
    if 0 <= fixed <= len(data) - 24:
        high, low = struct.unpack("<II", data[fixed + 8 : fixed + 16])
        found.append(("version", f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"))
    for name, word in _KEPT:
        key = name.encode("utf-16-le") + b"\0\0"
        at = data.find(key)
        if at < 0:
            continue
        at += len(key)
        at += -at % 4
        end = at
        while end + 1 < len(data) and data[end : end + 2] != b"\0\0":
            end += 2
        found.append((word, data[at:end].decode("utf-16-le", "replace")))
    return found
