"""RPM packages, by the header of version 3 and 4 packages (rpm.org, "RPM Package File Structure")."""

from __future__ import annotations

import struct

from deployx_tui.store.formats.bounded import File, Unreadable

BEGINS = b"\xed\xab\xee\xdb"
_LEAD = 96
_MAGIC = b"\x8e\xad\xe8\x01"
#: rpm's own bounds
_MOST_TAGS = 0xFFFF
_MOST_DATA = 256 << 20
#: of a text
_MOST_TEXT = 64 << 10

_NAME, _VERSION, _RELEASE, _EPOCH, _SUMMARY, _VENDOR, _ARCH = 1000, 1001, 1002, 1003, 1004, 1011, 1022
_SOURCE_PACKAGE = 1106
_INT32, _STRING, _ARRAY, _I18N = 4, 6, 8, 9


def read(file: File) -> list[tuple[str, str]]:
    tags, size, start = _intro(file, _LEAD)
    # the signature's header is padded to eight bytes
    tags, size, start = _intro(file, start + 16 * tags + size + -(16 * tags + size) % 8)
    index, data = file.at(start, 16 * tags), start + 16 * tags
    found: dict[int, str] = {}
    is_source = True
    for at in range(0, len(index), 16):
        tag, kind, offset, count = struct.unpack(">IIII", index[at : at + 16])
        if tag == _SOURCE_PACKAGE or offset >= size or not count:
            continue
        if tag == 1044:  # SOURCERPM: binary packages alone name it
            is_source = False
        if tag not in (_NAME, _VERSION, _RELEASE, _EPOCH, _SUMMARY, _VENDOR, _ARCH):
            continue
        if kind == _INT32:
            found[tag] = str(file.unpack(">I", data + offset)[0])
        elif kind in (_STRING, _ARRAY, _I18N):
            text, nul, _ = file.some(data + offset, min(size - offset, _MOST_TEXT)).partition(b"\0")
            if not nul:
                raise Unreadable("a text in it has no end")
            found[tag] = text.decode("utf-8", "replace")
    if not found.get(_NAME) or not found.get(_VERSION):
        raise Unreadable("it does not say what it is")
    version = f"{found[_VERSION]}-{found[_RELEASE]}" if found.get(_RELEASE) else found[_VERSION]
    if found.get(_EPOCH, "0") != "0":
        version = f"{found[_EPOCH]}:{version}"
    return [
        ("package", found[_NAME]),
        ("version", version),
        ("architecture", "src" if is_source else found.get(_ARCH, "")),
        ("vendor", found.get(_VENDOR, "")),
        ("description", found.get(_SUMMARY, "")),
    ]


def _intro(file: File, offset: int) -> tuple[int, int, int]:
    """How many tags a header has, how many bytes of data, and where its index begins."""
    head = file.at(offset, 16)
    tags, size = struct.unpack(">II", head[8:])
    if head[:4] != _MAGIC or tags > _MOST_TAGS or size > _MOST_DATA:
        raise Unreadable("it has no header")
    return tags, size, offset + 16
