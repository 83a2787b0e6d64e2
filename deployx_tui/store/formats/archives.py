"""Archives: how much is in them, and the first name that no careful program unpacks. A wheel says what it is."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from deployx_tui.errors import InvalidInput
from deployx_tui.store.contents.tar import Kind, Tar
from deployx_tui.store.formats.bounded import Enough, File, Unpacked, Unreadable
from deployx_tui.store.formats.deb import fields

_ZIP_END = b"PK\x05\x06"
#: bytes of a zip's list that are looked through: some 40,000 names
_MOST_LIST = 4 << 20
_MOST_METADATA = 1 << 20
#: a second of reading; a list says "or more" then
_MOST_MEMBERS = 20_000

_WHEEL = {
    "Name": "package",
    "Version": "version",
    "Requires-Python": "requires_python",
    "Summary": "description",
}


def read_tar(file: File) -> list[tuple[str, str]]:
    """A tar, packed or not. Unreadable when it is none."""
    files = size = 0
    unsafe = more = ""
    try:
        for member in Tar(Unpacked(file, 0, file.size).read):
            files += member.kind is not Kind.FOLDER
            size += member.size
            unsafe = unsafe or _unsafe(member.path)
            if files >= _MOST_MEMBERS:
                raise Enough("there are more")
    except Enough:
        more = " or more"
    except InvalidInput as error:
        raise Unreadable(error.problems[0].message) from error
    return [("files", f"{files}{more}"), ("unpacked", f"{size}{more}"), ("unsafe", unsafe)]


def read_zip(file: File, path: Path) -> list[tuple[str, str]]:
    tail = file.some(max(file.size - (66 << 10), 0), 66 << 10)
    at = tail.rfind(_ZIP_END)
    if at < 0 or at + 22 > len(tail):
        raise Unreadable("its list is not there")
    count, size = struct.unpack("<HI", tail[at + 10 : at + 16])
    if count == 0xFFFF or size > _MOST_LIST:
        return [("files", f"{count} or more")]
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            unpacked = sum(info.file_size for info in infos)
            unsafe = next(filter(None, (_unsafe(info.filename) for info in infos)), "")
            files = sum(not info.filename.endswith("/") for info in infos)  # is_dir() fails without a name
            return [*_wheel(archive, infos), ("files", str(files)), ("unpacked", str(unpacked)), ("unsafe", unsafe)]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, LookupError) as error:
        raise Unreadable(str(error)) from error


def _wheel(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> list[tuple[str, str]]:
    for info in infos:
        folder, _, name = info.filename.partition("/")
        if folder.endswith(".dist-info") and name == "METADATA":
            # the other kinds unpack without a bound
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                return []
            with archive.open(info) as member:
                return fields(member.read(_MOST_METADATA).decode("utf-8", "replace"), _WHEEL)
    return []


def _unsafe(name: str) -> str:
    """The name, when it leads out of where it is unpacked."""
    leads_out = name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or name[1:3] == ":\\"
    return name if leads_out else ""
