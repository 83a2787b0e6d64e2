"""One append-only file of frames per execution, and beside it an index of who said what where.

`<execution>.seg` is nothing but frames; `<execution>.idx` has one record (`output.blocks`) per written block.

The block is written before its record, so a record never points at what is not there; bytes without a record
are the torn tail of an engine that died and are never read. Offsets never shift: nothing is rewritten here; when
the execution is over the two become one packed file (`output.packed`).
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from deployx_tui.output.blocks import RECORD_SIZE, Block, BlockList, Extent, decode_records, encode_record

log = logging.getLogger(__name__)

#: POSIX promises at least 16 buffers for one writev; Linux takes 1,024
_VECTORS = 512
#: behind every logical offset
_FAR = 2**63


class SegmentWriter:
    """Appends blocks of many targets to one execution's file. Thread-safe; one engine writes a file."""

    def __init__(self, folder: Path, execution: int) -> None:
        """Opens or makes the files, 0600, never through a link. OSError when that fails, or they were packed."""
        if (folder / f"{execution}.pack").exists():
            raise _closed()
        # a reader that finds the segment relies on the index being there
        self._index = _open_to_append(folder / f"{execution}.idx")
        try:
            self._segment = _open_to_append(folder / f"{execution}.seg")
        except OSError:
            os.close(self._index)
            raise
        if not _lock(self._segment, fcntl.LOCK_SH) or (folder / f"{execution}.pack").exists():
            self.close()
            raise _closed()
        self._lock = threading.Lock()
        self._end = os.fstat(self._segment).st_size
        # a record torn by a death would shift all later ones
        whole = os.fstat(self._index).st_size // RECORD_SIZE * RECORD_SIZE
        os.ftruncate(self._index, whole)

    def append(self, target: int, start: int, extent: Extent, buffers: Sequence[bytes]) -> None:
        """Write one block. OSError when the disk refuses; then the block is not part of the output."""
        size = sum(map(len, buffers))
        # held over the write: blocks of different targets must not interleave, and the disk is one anyway
        with self._lock:
            position = self._end
            try:
                _write_all(self._segment, buffers)
                _write_all(self._index, [encode_record(target, position, size, start, extent)])
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


class Damaged(Exception):
    """A file of output is not what was written; says how, and names it."""


class BlockReader(ABC):
    """Reads the blocks of an execution out of open files, for as many as hold it. Thread-safe."""

    def __init__(self, path: Path, *descriptors: int) -> None:
        """They are closed with the last user; whoever opened them is the first. `path` is that of the frames."""
        self.path = path
        self._descriptors = descriptors
        self._lock = threading.Lock()
        self._users = 1
        self._targets: dict[int, BlockList] = {}

    def blocks(self, target: int, until: int | None = None) -> BlockList:
        """The target's blocks so far, by logical start; with `until` those that begin before that offset."""
        with self._lock:
            self._refresh(self._targets)
            return self._targets.get(target, BlockList()).until(_FAR if until is None else until)

    def targets(self) -> tuple[int, ...]:
        """Those that have blocks so far."""
        with self._lock:
            self._refresh(self._targets)
            return tuple(self._targets)

    @abstractmethod
    def frames(self, block: Block) -> bytes:
        """The block's encoded frames; short, or nothing, when the disk lost them."""

    @property
    def damage(self) -> str:
        """Why bytes that should be there can't be read, if there are any."""
        return f"the output file is damaged: {self.path}"

    @property
    @abstractmethod
    def is_sound(self) -> bool:
        """Whether the index was read to its end; else there were more blocks than those that are known."""

    @abstractmethod
    def _refresh(self, into: dict[int, BlockList]) -> None:
        """Add what was written since the last time."""

    def hold(self) -> None:
        """One more uses it."""
        with self._lock:
            self._users += 1

    def release(self) -> None:
        """One less; the files are closed with the last."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for descriptor in self._descriptors:
                    os.close(descriptor)


class UnreadableReader(BlockReader):
    """Stands for a file of which nothing can be read."""

    def __init__(self, path: Path, damage: str) -> None:
        super().__init__(path)
        self._damage = damage

    @property
    def damage(self) -> str:
        return self._damage

    @property
    def is_sound(self) -> bool:
        return False

    def frames(self, block: Block) -> bytes:
        raise LookupError(f"a file without blocks has none at {block.position}")

    def _refresh(self, into: dict[int, BlockList]) -> None:
        return  # nothing comes


class SegmentReader(BlockReader):
    """Reads an execution's blocks, also while they are being written, also when the files were removed meanwhile."""

    def __init__(self, folder: Path, execution: int) -> None:
        """FileNotFoundError when nothing of this execution was ever large, or it was packed."""
        self._segment = _open_to_read(folder / f"{execution}.seg")
        try:
            self._index = _open_to_read(folder / f"{execution}.idx")
        except OSError:
            os.close(self._segment)
            raise
        super().__init__(folder / f"{execution}.seg", self._segment, self._index)
        self._read_until = 0

    @property
    def is_sound(self) -> bool:
        with self._lock:
            self._refresh(self._targets)
            return os.fstat(self._index).st_size - self._read_until < RECORD_SIZE

    @property
    def size(self) -> int:
        """Bytes of the file that hold frames."""
        return os.fstat(self._segment).st_size

    def lock(self) -> bool:
        """Keep every process from writing more, until this is released. False: one may be writing."""
        return _lock(self._segment, fcntl.LOCK_EX)

    def frames(self, block: Block) -> bytes:
        return read_at(self._segment, block.size, block.position)

    def _refresh(self, into: dict[int, BlockList]) -> None:
        end = os.fstat(self._index).st_size
        new = os.pread(self._index, end - self._read_until, self._read_until)
        self._read_until += decode_records(new, into)


def read_at(descriptor: int, size: int, position: int) -> bytes:
    """What the file has there; short or b"" where it ends before, or the disk can't read it."""
    try:
        left = max(0, os.fstat(descriptor).st_size - position)
        return os.pread(descriptor, min(size, left), position) if left else b""
    except OSError as error:
        log.error("output can't be read at %d: %s", position, error)
        return b""


def _closed() -> OSError:
    return OSError(errno.EROFS, "the output of this execution is closed")


def _open_to_append(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o600)


def _open_to_read(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _lock(descriptor: int, kind: int) -> bool:
    """Writers share the lock, whoever packs has it alone; it ends with the descriptor, also by a death."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_all(descriptor: int, buffers: Sequence[bytes]) -> None:
    """writev until nothing is left; a short write (a full disk, a signal) is gone on with."""
    pending = [memoryview(buffer) for buffer in buffers if buffer]
    while pending:
        written = os.writev(descriptor, pending[:_VECTORS])
        while pending and written >= len(pending[0]):
            written -= len(pending.pop(0))
        if pending and written:
            pending[0] = pending[0][written:]
