"""Where fetched files land: below one folder, and nowhere else, whatever a target calls them.

A target is hostile: its names are checked part by part, and each folder on the way is opened as one, never through a
link. A file is written under a name of ours, with mode 0600, and renamed when all of it is there.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from deployx_tui.store.contents.tar import Kind, Member, Tar

#: so many bytes, fewer at the end only
Read = Callable[[int], bytes]

_PIECE = 256 * 1024
#: of one host's folder
_MOST_MEMBERS = 500_000
#: names of refused and kept ones that are told
_MOST_TOLD = 50
#: bytes of a part of a name, on most file systems
_MOST_PART = 255


class TooMuch(Exception):
    """The target sends more than it may."""


class BadName(Exception):
    """It leads elsewhere, or is none."""


@dataclass(slots=True)
class Landed:
    """What became of one host's files."""

    files: int = 0
    bytes: int = 0
    #: were there, and stay as they are; the first of them, and how many
    kept: list[str] = field(default_factory=list)
    kept_count: int = 0
    #: (name, why) of what was not written; the first of them, and how many
    refused: list[tuple[str, str]] = field(default_factory=list)
    refused_count: int = 0

    def keep(self, name: str) -> None:
        self.kept_count += 1
        if len(self.kept) < _MOST_TOLD:
            self.kept.append(name)

    def refuse(self, name: str, why: str) -> None:
        self.refused_count += 1
        if len(self.refused) < _MOST_TOLD:
            self.refused.append((name[:200], why))


class Landing:
    """One folder that is filled; made when it is not there. A context manager. OSError passes."""

    def __init__(self, folder: Path, *, overwrite: bool, most: int) -> None:
        self._overwrite, self._left = overwrite, most
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        self._root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self.landed = Landed()

    def __enter__(self) -> Landing:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._root)

    def has(self, name: str) -> bool:
        """Whether there is a file of this name that would be kept."""
        return not self._overwrite and _kind(self._root, name) not in (None, stat.S_IFDIR)

    def file(self, name: str, read: Read, is_whole: Callable[[], bool]) -> None:
        """One file of this name. `is_whole` is asked at its end: False leaves nothing of it."""
        self._write(self._root, name, name, self._counted(read), is_whole)

    def tree(self, name: str, read: Read) -> None:
        """What a tar holds, below a folder of this name. InvalidInput when it is none."""
        tar = Tar(self._counted(read))
        for number, member in enumerate(tar):
            if number >= _MOST_MEMBERS:
                raise TooMuch(f"it has more than {_MOST_MEMBERS} files")
            try:
                self._member(name, member, tar)
            except BadName as error:
                self.landed.refuse(member.path, str(error))
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EEXIST):
                    raise
                self.landed.refuse(member.path, f"something else is in its place here: {error.strerror}")

    def _member(self, top: str, member: Member, tar: Tar) -> None:
        parts = (top, *parts_of(member.path))
        shown = "/".join(parts)
        if member.kind is Kind.OTHER and not member.target:
            raise BadName(f"it is {member.what}")
        if member.kind is Kind.FOLDER:
            with self._folder(parts):
                return
        if len(parts) == 1:
            raise BadName("it has no name")
        with self._folder(parts[:-1]) as folder:
            match member.kind:
                case Kind.FILE:
                    self._write(folder, parts[-1], shown, tar.read, lambda: True)
                case Kind.LINK:
                    if not stays_inside(member.target, len(parts) - 2):
                        raise BadName(f"it is a link that leads elsewhere, to {member.target[:200]!r}")
                    self._link(folder, parts[-1], shown, member.target)
                case Kind.OTHER:
                    self._copy(folder, parts[-1], shown, (top, *parts_of(member.target)))

    @contextmanager
    def _folder(self, parts: tuple[str, ...]) -> Iterator[int]:
        """Made where it is not there; through no link."""
        held = os.dup(self._root)
        try:
            for part in parts:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=held)
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held)
                os.close(held)
                held = inner
            yield held
        finally:
            os.close(held)

    def _write(self, folder: int, name: str, shown: str, read: Read, is_whole: Callable[[], bool]) -> None:
        if self._stays(folder, name, shown):
            return
        place = f".deployx-{secrets.token_hex(8)}"
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                while data := read(_PIECE):
                    file.write(data)
                size = file.tell()
            if not is_whole():
                return
            os.rename(place, name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(place, dir_fd=folder)
        self.landed.files += 1
        self.landed.bytes += size

    def _copy(self, folder: int, name: str, shown: str, source: tuple[str, ...]) -> None:
        """Another name of a file that came before it."""
        with self._folder(source[:-1]) as there:
            try:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                file = os.fdopen(os.open(source[-1], flags, dir_fd=there), "rb")
            except FileNotFoundError:
                raise BadName("it is another name of a file that did not come") from None
        with file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadName("it is another name of what is no file here")
            self._write(folder, name, shown, self._counted(file.read), lambda: True)

    def _link(self, folder: int, name: str, shown: str, target: str) -> None:
        if self._stays(folder, name, shown):
            return
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        os.symlink(target, name, dir_fd=folder)
        self.landed.files += 1

    def _stays(self, folder: int, name: str, shown: str) -> bool:
        """What is there already is kept; a folder is never replaced by a file."""
        kind = _kind(folder, name)
        if kind is None:
            return False
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, "a folder")
        if not self._overwrite:
            self.landed.keep(shown)
        return not self._overwrite

    def _counted(self, read: Read) -> Read:
        def counted(size: int) -> bytes:
            data = read(size)
            self._left -= len(data)
            if self._left < 0:
                raise TooMuch("it is larger than it may be")
            return data

        return counted


def parts_of(path: str) -> tuple[str, ...]:
    """Of a name as a tar has it, "./a/b/"; (): the folder itself. BadName when it leads out, or is none."""
    if path.startswith("/"):
        raise BadName("its name begins at the root")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    for part in parts:
        if part == "..":
            raise BadName("its name leads out of the folder")
        if not part.isprintable():
            raise BadName("its name is not printable")
        if len(part.encode("utf-8", "surrogateescape")) > _MOST_PART:
            raise BadName("its name is too long")
    return parts


def stays_inside(target: str, depth: int) -> bool:
    """Whether a link so many folders deep leads to something in the tree. Up first, then down: after a name `..` could
    go anywhere, for the name may be a link itself."""
    if not target or target.startswith("/") or not target.isprintable():
        return False
    parts = [part for part in target.split("/") if part not in ("", ".")]
    ups = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    return ups <= depth and ".." not in parts[ups:]


def _kind(folder: int, name: str) -> int | None:
    try:
        return stat.S_IFMT(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return None
