"""A file or a folder of this machine as a stream of bytes for `Artifacts.add` and `add_tree`.

A folder goes as a tar of files, folders and links with relative names, always in the same order, and with nothing in
it of whose it was or when: an equal folder is an equal stream.
"""

from __future__ import annotations

import asyncio
import os
import stat
import tarfile
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from deployx_tui.errors import InvalidInput

_READ = 1 << 20
_BLOCK = 512

#: hears how many bytes of how many are sent
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be sent."""

    path: Path
    is_folder: bool
    #: files in it; of a file 1
    files: int
    #: bytes of all its files
    size: int


def look(path: Path) -> Source:
    """What a path is; blocks. InvalidInput: it is not there, can't be read, or is neither a file nor a folder."""
    try:
        facts = path.stat()
        if stat.S_ISREG(facts.st_mode):
            return Source(path, False, 1, facts.st_size)
        if not stat.S_ISDIR(facts.st_mode):
            raise InvalidInput.of("file", f"{path} is neither a file nor a folder", "choose a file or a folder")
        sizes = [each.lstat().st_size for each, kind in _walk(path) if kind is _FILE]
    except OSError as error:
        raise _unreadable(error, path) from error
    return Source(path, True, len(sizes), sum(sizes))


async def stream(source: Source, told: Progress) -> AsyncGenerator[bytes]:
    """Its bytes; read in a thread, piece by piece. InvalidInput: it can't be read, or changed meanwhile."""
    pieces = _gathered(_tar_of(source.path)) if source.is_folder else _file(source.path, source.size)
    sent = 0
    try:
        while True:
            piece = await asyncio.to_thread(next, pieces, None)
            if piece is None:
                return
            yield piece
            sent += len(piece)
            told(min(sent, source.size), source.size)
    finally:
        await asyncio.to_thread(pieces.close)


_FILE, _FOLDER, _LINK = "file", "folder", "link"


def _walk(folder: Path) -> Iterator[tuple[Path, str]]:
    """Everything below it, a folder before what is in it, in the order of names; links are not followed."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = folder / entry.name
        if entry.is_symlink():
            yield path, _LINK
        elif entry.is_dir(follow_symlinks=False):
            yield path, _FOLDER
            yield from _walk(path)
        elif entry.is_file(follow_symlinks=False):
            yield path, _FILE
        else:
            raise InvalidInput.of("file", f"{path} is neither a file, a folder nor a link", "move it out of the folder")


def _file(path: Path, size: int) -> Generator[bytes]:
    try:
        with path.open("rb") as content:
            yield from _exactly(content.fileno(), path, size)
    except OSError as error:
        raise _unreadable(error, path) from error


def _exactly(descriptor: int, path: Path, size: int) -> Iterator[bytes]:
    """So many bytes: a file that grows or shrinks under the reading is refused, not sent by halves."""
    left = size
    while left:
        piece = os.read(descriptor, min(_READ, left))
        if not piece:
            raise _changed(path)
        left -= len(piece)
        yield piece
    if os.read(descriptor, 1):
        raise _changed(path)


def _gathered(pieces: Generator[bytes]) -> Generator[bytes]:
    """The same bytes in fewer pieces: each is handed from thread to thread, which costs more than a small file."""
    waiting = bytearray()
    try:
        for piece in pieces:
            waiting += piece
            if len(waiting) >= _READ:
                yield bytes(waiting)
                waiting.clear()
    finally:
        pieces.close()
    if waiting:
        yield bytes(waiting)


def _tar_of(folder: Path) -> Generator[bytes]:
    try:
        for path, kind in _walk(folder):
            header = tarfile.TarInfo(path.relative_to(folder).as_posix())
            match kind:
                case "link":
                    header.type, header.linkname = tarfile.SYMTYPE, str(path.readlink())
                    yield _header(header)
                case "folder":
                    header.type, header.mode = tarfile.DIRTYPE, stat.S_IMODE(path.lstat().st_mode)
                    yield _header(header)
                case _:
                    yield from _tar_file(header, path)
    except OSError as error:
        raise _unreadable(error, folder) from error
    yield bytes(2 * _BLOCK)


def _tar_file(header: tarfile.TarInfo, path: Path) -> Iterator[bytes]:
    # not followed: what was a file a moment ago may be a link to another one now
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise _changed(path)
        header.size, header.mode = facts.st_size, stat.S_IMODE(facts.st_mode)
        yield _header(header)
        yield from _exactly(descriptor, path, facts.st_size)
    finally:
        os.close(descriptor)
    if over := header.size % _BLOCK:
        yield bytes(_BLOCK - over)


def _header(header: tarfile.TarInfo) -> bytes:
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _unreadable(error: OSError, path: Path) -> InvalidInput:
    said = error.strerror or type(error).__name__
    return InvalidInput.of("file", f"{said}: {error.filename or path}", "choose one that this account can read")


def _changed(path: Path) -> InvalidInput:
    return InvalidInput.of("file", f"{path} changed while it was read", "add it again when nothing writes to it")
