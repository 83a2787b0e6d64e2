"""Files on this machine, as the engine's own account: what LocalConnection moves."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Broke, ByteSource, Refused, Sent, TransferProgress
from deployx_tui.transports.pace import Paced
from deployx_tui.transports.posix import files

WAY = "local"
_PIECE = 1 << 20
_CANCELLED = Broke(Cause.KILLED, "cancelled; a part of the file may be there")


def put(
    source: ByteSource, path: str, offset: int, progress: TransferProgress, cancel: Event
) -> Sent | Refused | Broke:
    """See FileMover."""
    paced = Paced(progress)
    with _opened(path, os.O_WRONLY, offset) as file:
        if isinstance(file, Refused):
            return file
        at = offset
        while at < source.size:
            if cancel.is_set():
                return _CANCELLED
            data = source.read(at, min(_PIECE, source.size - at))
            if not data:
                return Broke(Cause.VERIFY, f"the file that is sent ended at byte {at}, before its end")
            try:
                at += os.pwrite(file, data, at)
            except OSError as error:
                return Broke(Cause.EXIT, f"{path!r} could not be written after byte {at}: {error.strerror}")
            paced(at)
        paced.end(at)
        return Sent(at - offset, WAY)


def get(path: str, offset: int, sink: Callable[[bytes], None], cancel: Event) -> Sent | Refused | Broke:
    """See FileMover."""
    with _opened(path, os.O_RDONLY, None) as file:
        if isinstance(file, Refused):
            return file
        at = offset
        while not cancel.is_set():
            try:
                data = os.pread(file, _PIECE, at)
            except OSError as error:
                return Broke(Cause.EXIT, f"{path!r} could not be read after byte {at}: {error.strerror}")
            if not data:
                return Sent(at - offset, WAY)
            sink(data)
            at += len(data)
        return _CANCELLED


@contextmanager
def _opened(path: str, flags: int, size: int | None) -> Iterator[int | Refused]:
    """A plain file; `size`: which it must have, None: any."""
    file = files.unfit(path) or _open(path, flags, size)
    try:
        yield file
    finally:
        if not isinstance(file, Refused):
            os.close(file)


def _open(path: str, flags: int, size: int | None) -> int | Refused:
    try:
        # a pipe, or a device, is not waited for
        file = os.open(files.in_bytes(path), flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except IsADirectoryError:
        return files.refused(path, "kind", None, 0, "")
    except FileNotFoundError:
        return files.refused(path, "missing", None, 0, "")
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that nobody reads, or a socket
            return files.refused(path, "kind", None, 0, "")
        return files.refused(path, "open", None, 0, error.strerror or str(error))
    found = os.fstat(file)
    if stat.S_ISREG(found.st_mode) and size in (None, found.st_size):
        return file
    os.close(file)
    return files.refused(path, "size" if stat.S_ISREG(found.st_mode) else "kind", found.st_size, size or 0, "")
