"""Files that a person or a configuration names, read with an end: plain ones only, and no more of them than is wanted.

A name can lead to anything: /dev/zero gives bytes for ever, a pipe waits for its writer, a folder says nothing useful.
Importable by all; imports nothing of ours.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: bytes of a file of settings, of a script, of a list of hosts
USUAL_MOST = 1 << 20


class NotPlain(OSError):
    """It is there, and it is not read: no plain file, or larger than what reads it takes."""

    def __init__(self, path: Path, why: str, remedy: str) -> None:
        super().__init__(errno.EINVAL, why, str(path))
        #: what to give instead
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.filename} {self.strerror}"


def read_plain(path: Path, most: int = USUAL_MOST, *, pipe: bool = False) -> bytes:
    """The whole content of a plain file of at most `most` bytes. /dev/null is the empty one that its name promises.

    Links are followed: who names a file may name it so. `pipe`: what a shell's <(...) gives is read to its end too, and
    waited for; only for a process that the person who named it can interrupt.

    Raises OSError; NotPlain, which has the remedy, when it is there and is not read.
    """
    try:
        # not blocking: without it the opening of a pipe waits for a writer
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (ValueError, UnicodeEncodeError) as error:  # a NUL in it, or half a character
        raise NotPlain(path, f"is no name of a file: {error}", "give the path of a file") from error
    try:
        found = os.fstat(descriptor)
        if _is_null(found):
            return b""
        if pipe and stat.S_ISFIFO(found.st_mode):
            os.set_blocking(descriptor, True)
        elif not stat.S_ISREG(found.st_mode):
            raise NotPlain(path, f"is not a plain file but {_kind(found.st_mode)}", "give a plain file")
        content = bytearray()
        # it may grow while it is read, and files of /proc have no size
        while len(content) <= most and (piece := os.read(descriptor, most + 1 - len(content))):
            content += piece
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise NotPlain(path, f"has more than {most} bytes, the most that is read of it", "give a smaller file")
    return bytes(content)


def text_of(content: bytes) -> str:
    """UTF-8, without what editors of Windows put in: a mark at the beginning, line ends of two characters.

    Raises UnicodeDecodeError.
    """
    return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def why_not(error: OSError) -> str:
    """What keeps a file from being read, as the end of a sentence that has named the file."""
    return error.strerror or str(error)


def _is_null(found: os.stat_result) -> bool:
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == Path(os.devnull).stat().st_rdev


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a device"
