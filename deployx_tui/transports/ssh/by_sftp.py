"""One file over an SFTP session: pieces in flight, each answer looked at before the file counts as sent.

Everything here raises Broken and Cancelled; what the server does not do is a value.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Broke, ByteSource, Refused, Sent
from deployx_tui.transports.pace import Paced
from deployx_tui.transports.posix import files
from deployx_tui.transports.posix.carrier import Broken
from deployx_tui.transports.ssh.sftp import READ, READ_PIECE, WRITE, Answer, Attributes, Said, Sftp

WAY = "sftp"
#: bytes of one write where the server is OpenSSH, which takes packets of 256 KiB; else what every server must take.
#: Both fill whole SSH packets
LARGE_PIECE, PIECE = 261_120, 32_640
#: writes that wait for their answer. The server's window bounds them first; a server may give one without end
_MOST_WRITES = 64
#: readings at once: 1 MiB, and a target that answers in another order makes us hold no more
_MOST_READS = 32


def put(
    sftp: Sftp, source: ByteSource, path: str, offset: int, progress: Paced, *, piece: int, patience: float
) -> Sent | Refused | Broke:
    """See FileMover.put."""
    opened = _open(sftp, path, WRITE, patience)
    if isinstance(opened, Refused):
        return opened
    handle, found = opened
    if found.size not in (None, offset):
        return files.refused(path, "size", found.size, offset, "")
    at = over = offset
    waiting: dict[int, int] = {}
    while at < source.size or waiting:
        if at < source.size and len(waiting) < _MOST_WRITES:
            data = source.read(at, min(piece, source.size - at))
            if not data:
                return Broke(Cause.VERIFY, f"the file that is sent ended at byte {at}, before its end")
            waiting[sftp.ask_write(handle, at, data)] = len(data)
            at += len(data)
            answer = sftp.answer(0)
        else:
            answer = sftp.answer(None)
        if answer is None:
            continue
        try:
            answer.check()
        except Said as said:
            return _not_written(sftp, path, over, said, patience)
        over += waiting.pop(answer.number)
        progress(over)
    return _finish(sftp, handle, path, source.size, over - offset)


def _finish(sftp: Sftp, handle: bytes, path: str, size: int, sent: int) -> Sent | Broke:
    """Every write was answered; a disk that is far away says at the closing what it did not take."""
    looked, closed = sftp.ask_fstat(handle), sftp.ask_close(handle)
    try:
        found = sftp.answer_to(looked, None).attributes()
        sftp.answer_to(closed, None).check()
    except Said as said:
        return Broke(Cause.EXIT, f"the target could not close {path!r}: {said}")
    if found.size not in (None, size):
        return Broke(Cause.VERIFY, f"{path!r} has {found.size} bytes on the target after the transfer, not {size}")
    return Sent(sent, WAY)


def _not_written(sftp: Sftp, path: str, over: int, said: Said, patience: float) -> Broke:
    """Version 3 has no word for a full disk: "Failure" is all that OpenSSH says."""
    free = sftp.free_bytes(files.in_bytes(path), patience)
    room = "" if free is None else f"; {free} bytes are free there"
    return Broke(Cause.EXIT, f"the target could not write {path!r} after byte {over}: {said}{room}")


def get(
    sftp: Sftp, path: str, offset: int, sink: Callable[[bytes], None], *, patience: float
) -> Sent | Refused | Broke:
    """See FileMover.get."""
    opened = _open(sftp, path, READ, patience)
    if isinstance(opened, Refused):
        return opened
    handle = opened[0]
    parts: deque[_Part] = deque()
    came: dict[int, Answer] = {}
    asked = over = offset
    while True:
        while len(parts) < _MOST_READS:
            parts.append(_Part(sftp.ask_read(handle, asked, READ_PIECE), asked, READ_PIECE))
            asked += READ_PIECE
        answer = sftp.answer(None)
        if answer is not None:
            came[answer.number] = answer
        while parts[0].number in came:
            part = parts.popleft()
            try:
                data = came.pop(part.number).data()
            except Said as said:
                if not said.is_end_of_file:
                    return Broke(Cause.EXIT, f"the target could not read {path!r} after byte {over}: {said}")
                return Sent(over - offset, WAY)
            if len(data) > part.size:
                raise Broken("the SFTP server sent more than was asked for")
            sink(data)
            over += len(data)
            if len(data) < part.size:  # the end, or the server's own bound: the next answer tells
                rest = part.offset + len(data), part.size - len(data)
                parts.appendleft(_Part(sftp.ask_read(handle, *rest), *rest))
            if not parts:
                break


@dataclass(frozen=True, slots=True)
class _Part:
    """Of a file, in the order of the file: asked for and not given to the sink yet."""

    number: int
    offset: int
    size: int


def _open(sftp: Sftp, path: str, flags: int, patience: float) -> tuple[bytes, Attributes] | Refused:
    """Its handle, and how it is. Never makes a file, nor empties one."""
    name = files.in_bytes(path)
    try:
        # first: the opening of a pipe would never end, nor would the server that tries
        found = sftp.answer_to(sftp.ask_stat(name), patience).attributes()
        if not found.is_plain:
            return files.refused(path, "kind", None, 0, "")
        return sftp.answer_to(sftp.ask_open(name, flags), patience).handle(), found
    except Said as said:
        return files.refused(path, "missing" if said.code == Said.MISSING else "", None, 0, str(said))
