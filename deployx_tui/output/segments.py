"""One append-only file of frames per execution, and beside it an index of who said what where.

`<execution>.seg` is nothing but frames; `<execution>.idx` has one record of fixed size per written block:

    target u64 | position in .seg u64 | size u32 | logical start u64 | stdout bytes u64 | stderr bytes u64 | crc32

The block is written before its record, so a record never points at what is not there; bytes without a record
are the torn tail of an engine that died and are never read. Offsets never shift: nothing is rewritten.
"""

from __future__ import annotations

import logging
import os
import struct
import threading
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

_RECORD = struct.Struct("<QQIQQQ")
_CHECK = struct.Struct("<I")
RECORD_SIZE = _RECORD.size + _CHECK.size
#: the columns of a block that are kept per target: position, size, logical start, stdout, stderr
_COLUMNS = 5
#: POSIX promises at least 16 buffers for one writev; Linux takes 1,024
_VECTORS = 512


@dataclass(frozen=True, slots=True)
class Block:
    """Frames of one target that were written together."""

    position: int
    size: int
    #: logical offset of its first byte in the target's joined output
    start: int
    #: logical lengths, gaps counted
    stdout: int
    stderr: int

    @property
    def end(self) -> int:
        return self.start + self.stdout + self.stderr


class SegmentWriter:
    """Appends blocks of many targets to one execution's file. Thread-safe; one engine writes a file."""

    def __init__(self, folder: Path, execution: int) -> None:
        """Opens or makes the files, 0600, never through a link. OSError when that fails."""
        # a reader that finds the segment relies on the index being there
        self._index = _open_to_append(folder / f"{execution}.idx")
        try:
            self._segment = _open_to_append(folder / f"{execution}.seg")
        except OSError:
            os.close(self._index)
            raise
        self._lock = threading.Lock()
        self._end = os.fstat(self._segment).st_size
        # a record torn by a death would shift all later ones
        whole = os.fstat(self._index).st_size // RECORD_SIZE * RECORD_SIZE
        os.ftruncate(self._index, whole)

    def append(self, target: int, start: int, stdout: int, stderr: int, buffers: Sequence[bytes]) -> None:
        """Write one block. OSError when the disk refuses; then the block is not part of the output."""
        size = sum(map(len, buffers))
        # held over the write: blocks of different targets must not interleave, and the disk is one anyway
        with self._lock:
            position = self._end
            try:
                _write_all(self._segment, buffers)
                record = _RECORD.pack(target, position, size, start, stdout, stderr)
                _write_all(self._index, [record + _CHECK.pack(zlib.crc32(record))])
            except OSError:
                self._end = os.fstat(self._segment).st_size
                whole = os.fstat(self._index).st_size // RECORD_SIZE * RECORD_SIZE
                os.ftruncate(self._index, whole)
                raise
            self._end += size

    def sync(self) -> None:
        """What was appended survives a power loss from here on. OSError when the disk refuses."""
        os.fsync(self._segment)
        os.fsync(self._index)

    def close(self) -> None:
        """What was appended stands already; a disk that complains only now has nothing more to lose."""
        for descriptor in (self._segment, self._index):
            try:
                os.close(descriptor)
            except OSError as error:
                log.warning("closing a segment file: %s", error)


class SegmentReader:
    """Reads an execution's blocks, also while they are being written. Thread-safe."""

    def __init__(self, folder: Path, execution: int) -> None:
        """FileNotFoundError when nothing of this execution was ever large."""
        self._index_path = folder / f"{execution}.idx"
        self._segment = os.open(folder / f"{execution}.seg", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._lock = threading.Lock()
        #: whoever opened it is the first
        self._users = 1
        self._read_until = 0
        self._targets: dict[int, array[int]] = {}

    def blocks(self, target: int) -> BlockList:
        """The target's blocks so far, by logical start."""
        with self._lock:
            self._refresh()
            return BlockList(self._targets.get(target, array("Q"))[:])

    def frames(self, block: Block) -> bytes:
        """The block's bytes; short when the disk lost them."""
        return os.pread(self._segment, block.size, block.position)

    def hold(self) -> None:
        """One more uses it."""
        with self._lock:
            self._users += 1

    def release(self) -> None:
        """One less; the file is closed with the last."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                os.close(self._segment)

    def _refresh(self) -> None:
        with self._index_path.open("rb") as index:
            index.seek(self._read_until)
            new = index.read()
        for at in range(0, len(new) - RECORD_SIZE + 1, RECORD_SIZE):
            record = new[at : at + _RECORD.size]
            if _CHECK.unpack_from(new, at + _RECORD.size)[0] != zlib.crc32(record):
                break  # being written, or damaged: nothing behind it is trusted
            target, *columns = _RECORD.unpack(record)
            self._targets.setdefault(target, array("Q")).extend(columns)
            self._read_until += RECORD_SIZE


class BlockList(Sequence[Block]):
    """Blocks in 40 bytes each: 24,000 of them are an ordinary large run."""

    def __init__(self, columns: array[int]) -> None:
        self._columns = columns

    @classmethod
    def none(cls) -> BlockList:
        return cls(array("Q"))

    def __len__(self) -> int:
        return len(self._columns) // _COLUMNS

    def __getitem__(self, at: int) -> Block:  # type: ignore[override]  # slices are not needed
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        first = at % len(self) * _COLUMNS
        return Block(*self._columns[first : first + _COLUMNS])

    def holding(self, offset: int) -> int:
        """Number of the block that holds a logical offset; the last one when it lies behind all."""
        return max(0, bisect_right(self._columns[2::_COLUMNS], offset) - 1)


def _open_to_append(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o600)


def _write_all(descriptor: int, buffers: Sequence[bytes]) -> None:
    """writev until nothing is left; a short write (a full disk, a signal) is gone on with."""
    pending = [memoryview(buffer) for buffer in buffers if buffer]
    while pending:
        written = os.writev(descriptor, pending[:_VECTORS])
        while pending and written >= len(pending[0]):
            written -= len(pending.pop(0))
        if pending and written:
            pending[0] = pending[0][written:]
