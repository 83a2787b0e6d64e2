"""Blocks: frames of one target that lie together in a file, and the record that says where and how much.

A record has a fixed size:

    target u64 | position u64 | size u32 | logical start u64 | stdout bytes u64 | stderr bytes u64
    | stdout lines u32 | stderr lines u32 | crc32

Lines are counted where they end, so the sums of these counts find the line that is asked for with one block read.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deployx_tui.model.execution import Stream
from deployx_tui.output.frames import Frame

_RECORD = struct.Struct("<QQIQQQII")
_CHECK = struct.Struct("<I")
RECORD_SIZE = _RECORD.size + _CHECK.size
#: no file and no output is so long
_FAR = 2**62
#: what is kept per block and target: position, size, logical start, stdout, stderr, and the lines of stdout and
#: stderr that have ended when the block ends
_COLUMNS = 7
_START, _STDOUT, _STDERR, _STDOUT_LINES, _STDERR_LINES = range(2, 7)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much frames hold: logical lengths, gaps counted, and newlines that were kept."""

    stdout: int = 0
    stderr: int = 0
    stdout_lines: int = 0
    stderr_lines: int = 0

    @classmethod
    def of(cls, frames: Iterable[Frame]) -> Extent:
        sizes = dict.fromkeys((Stream.STDOUT, Stream.STDERR), 0)
        lines = dict(sizes)
        for frame in frames:
            sizes[frame.stream] += frame.length
            lines[frame.stream] += frame.data.count(b"\n")
        return cls(sizes[Stream.STDOUT], sizes[Stream.STDERR], lines[Stream.STDOUT], lines[Stream.STDERR])

    def __add__(self, other: Extent) -> Extent:
        return Extent(
            self.stdout + other.stdout,
            self.stderr + other.stderr,
            self.stdout_lines + other.stdout_lines,
            self.stderr_lines + other.stderr_lines,
        )

    @property
    def size(self) -> int:
        return self.stdout + self.stderr

    def gaps(self, sequence: int = 0, at_ms: int = 0) -> tuple[Frame, ...]:
        """Frames that stand for bytes of this extent that can't be read."""
        sizes = ((Stream.STDOUT, self.stdout), (Stream.STDERR, self.stderr))
        return tuple(
            Frame(sequence, at_ms, stream, 0, 0, b"", missing=size, is_lost=True) for stream, size in sizes if size > 0
        )

    def said(self, stream: Stream) -> int:
        """Logical length of one stream, or of both."""
        return (self.stdout if stream is not Stream.STDERR else 0) + (self.stderr if stream is not Stream.STDOUT else 0)

    def lines(self, stream: Stream) -> int:
        """Lines of one stream that ended, or of both."""
        out = self.stdout_lines if stream is not Stream.STDERR else 0
        return out + (self.stderr_lines if stream is not Stream.STDOUT else 0)


@dataclass(frozen=True, slots=True)
class Block:
    """Frames of one target that lie together."""

    #: in the file, and the bytes there
    position: int
    size: int
    #: logical offset of its first byte in the target's joined output
    start: int
    extent: Extent
    #: all that the target said before, lines only
    before: Extent

    @property
    def end(self) -> int:
        return self.start + self.extent.size


class BlockList(Sequence[Block]):
    """A target's blocks in order, 56 bytes each: 24,000 of them are an ordinary large run."""

    def __init__(self, columns: array[int] | None = None) -> None:
        self._columns = array("Q") if columns is None else columns

    def __len__(self) -> int:
        return len(self._columns) // _COLUMNS

    def __getitem__(self, at: int) -> Block:  # type: ignore[override]  # slices are not needed
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        first = at % len(self) * _COLUMNS
        position, size, start, stdout, stderr, out_lines, err_lines = self._columns[first : first + _COLUMNS]
        out_before, err_before = self._columns[first - 2 : first] if first else (0, 0)
        extent = Extent(stdout, stderr, out_lines - out_before, err_lines - err_before)
        return Block(position, size, start, extent, Extent(stdout_lines=out_before, stderr_lines=err_before))

    def add(self, position: int, size: int, start: int, extent: Extent) -> None:
        """One more, behind all."""
        out_before, err_before = self._columns[-2:] if self._columns else (0, 0)
        self._columns.extend(
            (
                position, size, start, extent.stdout, extent.stderr,
                out_before + extent.stdout_lines, err_before + extent.stderr_lines,
            )
        )  # fmt: skip

    def until(self, offset: int) -> BlockList:
        """A copy, of those that begin before a logical offset."""
        return BlockList(self._columns[: bisect_left(self._columns[_START::_COLUMNS], offset) * _COLUMNS])

    def holding(self, offset: int) -> int:
        """Number of the block that holds a logical offset; the last one when it lies behind all."""
        return max(0, bisect_right(self._columns[_START::_COLUMNS], offset) - 1)

    def ending(self, stream: Stream, line: int) -> int:
        """Number of the block in which line `line` (from 1) of `stream` ends; the number of blocks: in none."""
        return bisect_left(range(len(self)), line, key=lambda at: self._lines_after(stream, at))

    def last_saying(self, stream: Stream) -> int | None:
        """Number of the last block that holds something of STDOUT or STDERR."""
        sizes = self._columns[_STDOUT if stream is Stream.STDOUT else _STDERR :: _COLUMNS]
        return next((at for at in range(len(sizes) - 1, -1, -1) if sizes[at]), None)

    @property
    def said(self) -> Extent:
        """Logical lengths of all of them together; without lines."""
        return Extent(sum(self._columns[_STDOUT::_COLUMNS]), sum(self._columns[_STDERR::_COLUMNS]))

    def lines(self, stream: Stream) -> int:
        """How many lines ended in all of them."""
        return self._lines_after(stream, len(self) - 1) if self._columns else 0

    def _lines_after(self, stream: Stream, at: int) -> int:
        first = at * _COLUMNS
        out = self._columns[first + _STDOUT_LINES] if stream is not Stream.STDERR else 0
        return out + (self._columns[first + _STDERR_LINES] if stream is not Stream.STDOUT else 0)


def encode_record(target: int, position: int, size: int, start: int, extent: Extent) -> bytes:
    record = _RECORD.pack(
        target, position, size, start, extent.stdout, extent.stderr, extent.stdout_lines, extent.stderr_lines
    )
    return record + _CHECK.pack(zlib.crc32(record))


def decode_records(records: bytes, into: dict[int, BlockList]) -> int:
    """Add the blocks of whole records to their targets'; returns the bytes that were used.

    Stops at a record that is being written, or is damaged: nothing behind it is trusted.
    """
    for at in range(0, len(records) - RECORD_SIZE + 1, RECORD_SIZE):
        record = records[at : at + _RECORD.size]
        if _CHECK.unpack_from(records, at + _RECORD.size)[0] != zlib.crc32(record):
            return at
        target, position, size, start, *extent = _RECORD.unpack(record)
        if max(position, start, *extent) >= _FAR:
            return at
        into.setdefault(target, BlockList()).add(position, size, start, Extent(*extent))
    return len(records) // RECORD_SIZE * RECORD_SIZE
