"""A folder out of a tar: each file by its own SHA-256, and a manifest that says what lies where. Unpacks nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from deployx_tui.errors import InvalidInput
from deployx_tui.model.artifact import EntryKind, TreeEntry
from deployx_tui.model.manifest import manifest_text
from deployx_tui.store.contents.incoming import PIECE, Incoming, Read
from deployx_tui.store.contents.tar import Kind, Member, Tar

#: things in a tree
MOST_ENTRIES = 1_000_000
#: bytes of a path, as Linux has it
_LONGEST_PATH = 4096
_LONGEST_NAME = 255
#: links that one path may lead through, as Linux has it
_MOST_LINKS = 40
#: of a folder that no entry names
_USUAL_MODE = 0o755


@dataclass(frozen=True, slots=True)
class TakenTree:
    #: of the manifest
    sha256: str
    #: bytes of all its files
    size: int
    files: int


def take_tree(incoming: Incoming, read: Read) -> TakenTree:
    """Raises InvalidInput with the entry that is wrong, and as `Incoming.take`."""
    entries: dict[str, TreeEntry] = {}
    tar = Tar(read)
    for member in tar:
        path = _path(member)
        if path:
            _add(entries, _entry(incoming, tar, member, path))
    _refuse_broken(entries)
    files = [entry for entry in entries.values() if entry.kind is EntryKind.FILE]
    if not files:
        _refuse("the folder holds no files", "give a folder with files in it")
    manifest = incoming.put(manifest_text(entries.values()).encode("ascii"))
    return TakenTree(manifest, sum(entry.size for entry in files), len(files))


def _entry(incoming: Incoming, tar: Tar, member: Member, path: str) -> TreeEntry:
    mode = member.mode & 0o777
    match member.kind:
        case Kind.FOLDER:
            return TreeEntry(path=path, kind=EntryKind.FOLDER, mode=mode)
        case Kind.LINK:
            if "\0" in member.target or not member.target:
                _refuse(f"the link {path!r} points at nothing", "leave it out")
            return TreeEntry(path=path, kind=EntryKind.LINK, mode=0, target=member.target)
        case Kind.FILE:
            if member.size > PIECE:
                sha256, _ = incoming.take(tar.read, path)
            else:
                sha256 = incoming.put(tar.read(PIECE))
            return TreeEntry(path=path, kind=EntryKind.FILE, mode=mode, size=member.size, sha256=sha256)
        case Kind.OTHER:
            raise TypeError("refused by its path")


def _path(member: Member) -> str:
    """As a manifest has it; "" for the folder itself (`./`). InvalidInput when it leads out of the tree."""
    path = member.path
    if member.kind is Kind.OTHER:
        _refuse(f"{path[:200]!r} is {member.what}", "an artifact holds files, folders and links")
    if not _is_utf8(path) or not _is_utf8(member.target):
        _refuse(f"the name {path[:200]!r} is not UTF-8", "rename that file")
    if path.startswith("/"):
        _refuse(f"{path[:200]!r} is absolute", "give names relative to the folder")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        _refuse(f"{path[:200]!r} leads out of the folder", "leave out ..")
    whole = "/".join(parts)
    if len(whole.encode()) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_NAME for part in parts):
        _refuse(f"the name {whole[:200]!r} is too long", f"use at most {_LONGEST_NAME} bytes for each part of a name")
    if any(unicodedata.category(character) == "Cc" for character in whole):
        _refuse(f"the name {whole[:200]!r} holds a control character", "rename it")
    return whole


def _is_utf8(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _add(entries: dict[str, TreeEntry], entry: TreeEntry) -> None:
    """With the folders above it, where no entry names them."""
    before = entries.get(entry.path)
    if before is not None and not (before.kind is entry.kind is EntryKind.FOLDER):
        _refuse(f"{entry.path!r} is there twice", "give it once")
    if len(entries) >= MOST_ENTRIES:
        _refuse(f"there are more than {MOST_ENTRIES} files, folders and links", "give a smaller folder")
    entries[entry.path] = entry
    above = entry.path.rpartition("/")[0]
    while above:
        found = entries.get(above)
        if found is None:
            entries[above] = TreeEntry(path=above, kind=EntryKind.FOLDER, mode=_USUAL_MODE)
        elif found.kind is EntryKind.FOLDER:
            return
        else:
            _refuse(f"{entry.path!r} lies in {above!r}, which is no folder", "give each name once")
        above = above.rpartition("/")[0]


def _refuse_broken(entries: dict[str, TreeEntry]) -> None:
    """Links stay in the tree, whatever other links they lead through; and nothing lies below what is no folder."""
    for entry in entries.values():
        above = entry.path.rpartition("/")[0]
        if above and entries[above].kind is not EntryKind.FOLDER:
            _refuse(f"{entry.path!r} lies in {above!r}, which is no folder", "give each name once")
        if entry.kind is EntryKind.LINK and not _stays(entries, entry):
            _refuse(
                f"the link {entry.path!r} points out of the folder, at {entry.target[:200]!r}",
                "leave it out, or let it point at something in the folder by a relative path",
            )


def _stays(entries: dict[str, TreeEntry], link: TreeEntry) -> bool:
    """Whether following the link never leaves the tree; of a loop it is said too that it does not."""
    if link.target.startswith("/"):
        return False
    place = link.path.split("/")[:-1]
    ahead = _parts(link.target)
    links = 0
    while ahead:
        if len(place) + len(ahead) > _LONGEST_PATH // 2:
            return False  # no system follows such a path
        part = ahead.pop()
        if part == "..":
            if not place:
                return False
            place.pop()
            continue
        place.append(part)
        found = entries.get("/".join(place))
        if found is not None and found.kind is EntryKind.LINK:
            links += 1
            if found.target.startswith("/") or links > _MOST_LINKS:
                return not found.target.startswith("/")
            place.pop()
            ahead += _parts(found.target)
    return True


def _parts(target: str) -> list[str]:
    """The last one first."""
    parts: Iterable[str] = (part for part in target.split("/") if part not in ("", "."))
    return [*parts][::-1]


def _refuse(message: str, remedy: str) -> NoReturn:
    raise InvalidInput.of("artifact", message, remedy)
