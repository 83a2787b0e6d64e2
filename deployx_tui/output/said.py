"""What one target said, at one moment: blocks on disk, then frames in memory. Read by offset or by line.

Lines are counted where they end. Line `n` (from 0) of a stream is what its newline number `n` ends; of both streams
together, what the n-th newline of either ends. What no newline has ended yet is the last line of its stream. A line is
found by the counts of the blocks, so whatever the size of the output, one block is read for it.

What a block should hold and can't be read is a gap behind what can: the offsets of all others stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from deployx_tui.model.execution import OutputChunk, OutputGap, OutputSlice, Stream
from deployx_tui.output.blocks import BlockList, Extent
from deployx_tui.output.frames import Frame, decode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Said:
    """Reads without a lock and without asking what came later."""

    def __init__(
        self,
        blocks: BlockList,
        read: Callable[[int], bytes],
        written: int,
        frames: Sequence[Frame],
        *,
        is_complete: bool,
        damage: str = "",
    ) -> None:
        """`read` gives the encoded frames of a block by its number; the blocks end at `written`, where `frames`
        begin. `damage` is why bytes that should be there can't be read, if there are any."""
        self._damage = damage
        self._blocks, self._read = blocks, read
        self._written, self._frames = written, frames
        self._is_complete = is_complete
        self._in_memory = Extent.of(frames)
        self.total = written + self._in_memory.size
        #: number and frames of the block that was read last
        self._held: tuple[int, tuple[Frame, ...]] = (-1, ())

    # -- by offset

    def slice(self, stream: Stream, offset: int, limit: int, skip: int = 0) -> OutputSlice:
        """From `offset`, leaving out the first `skip` bytes of the stream."""
        chunks: list[OutputChunk] = []
        gaps: list[OutputGap] = []
        left = limit
        at = min(offset, self.total)
        for start, frame in self._from(at):
            at = start + frame.length
            if not _counts(frame, stream):
                continue
            if frame.missing:
                gaps.append(OutputGap(start, at, self._damage if frame.is_lost else ""))
                continue
            first = max(0, offset - start)
            ignored = min(skip, len(frame.data) - first)
            skip -= ignored
            first += ignored
            data = frame.data[first : first + left] if first or left < len(frame.data) else frame.data
            left -= len(data)
            if data:
                when = _EPOCH + timedelta(milliseconds=frame.at_ms)
                chunks.append(OutputChunk(stream=frame.stream, at=when, offset=start + first, data=data))
            if not left:
                at = start + first + len(data)
                break
        return OutputSlice(
            chunks=tuple(chunks),
            next_offset=at,
            complete=self._is_complete and at >= self.total,
            total=self.total,
            gaps=tuple(gaps),
            line=self.lines_before(stream, chunks[0].offset if chunks else at),
            lines=self.lines(stream),
        )

    def place_of_tail(self, stream: Stream, size: int) -> tuple[int, int]:
        """(offset, skip): reading there without the first `skip` bytes gives the last `size` of the stream."""
        found = sum(len(frame.data) for frame in self._frames if _counts(frame, stream))
        if found >= size:
            return self._written, found - size
        for number in range(len(self._blocks) - 1, -1, -1):
            block = self._blocks[number]
            if block.extent.said(stream):
                # counted by its frames: the lengths of a block include its gaps
                found += sum(len(frame.data) for frame in self._block(number) if _counts(frame, stream))
            if found >= size:
                return block.start, found - size
        return 0, 0

    # -- by line

    def lines(self, stream: Stream) -> int:
        """How many have ended."""
        return self._blocks.lines(stream) + self._in_memory.lines(stream)

    def lines_before(self, stream: Stream, offset: int) -> int:
        """How many have ended before a logical offset: the number of the line that stands there."""
        if offset >= self.total:
            return self.lines(stream)
        if offset >= self._written:
            count = self._blocks.lines(stream)
        else:
            block = self._blocks[self._blocks.holding(offset)]
            count = block.before.lines(stream)
            if offset <= block.start:
                return count
        for start, frame in self._beside(offset):
            if start >= offset:
                break
            if _counts(frame, stream):
                count += frame.data.count(b"\n", 0, offset - start)
        return count

    def begin_of(self, stream: Stream, line: int) -> int:
        """Logical offset behind the end of the line before; the total when no line has that number yet.

        A negative number counts from the end, lines that have not ended included: -1 is the last one.
        """
        if line < 0:
            line = max(0, self.lines(stream) + self._unfinished(stream) + line)
        if line == 0:
            return 0
        number = self._blocks.ending(stream, line)
        if number < len(self._blocks):
            block = self._blocks[number]
            start, frames, left = block.start, self._block(number), line - block.before.lines(stream)
        else:
            start, frames, left = self._written, tuple(self._frames), line - self._blocks.lines(stream)
        for frame in frames:
            if _counts(frame, stream):
                if frame.is_lost:
                    return start  # it ends somewhere in there
                ended = frame.data.count(b"\n")
                if ended >= left:
                    return start + _behind(frame.data, left)
                left -= ended
            start += frame.length
        return self.total

    def _unfinished(self, stream: Stream) -> int:
        """Lines that began and have not ended: one a stream at most."""
        streams = (Stream.STDOUT, Stream.STDERR) if stream is Stream.BOTH else (stream,)
        return sum(self._is_unfinished(each) for each in streams)

    def _is_unfinished(self, stream: Stream) -> bool:
        last = next((frame for frame in reversed(self._frames) if frame.stream is stream), None)
        if last is None and (number := self._blocks.last_saying(stream)) is not None:
            last = next((frame for frame in reversed(self._block(number)) if frame.stream is stream), None)
        # a line that a gap has cut has ended
        return last is not None and bool(last.data) and not last.data.endswith(b"\n")

    # -- parts

    def _from(self, offset: int) -> Iterator[tuple[int, Frame]]:
        """(logical start, frame) of every frame that reaches behind `offset`, in order."""
        if offset < self._written:
            for number in range(self._blocks.holding(offset), len(self._blocks)):
                at = self._blocks[number].start
                for frame in self._block(number):
                    if at + frame.length > offset:
                        yield at, frame
                    at += frame.length
        at = self._written
        for frame in self._frames:
            if at + frame.length > offset:
                yield at, frame
            at += frame.length

    def _beside(self, offset: int) -> Iterator[tuple[int, Frame]]:
        """(logical start, frame) of all that lie with `offset` in one block, or in memory."""
        if offset < self._written:
            number = self._blocks.holding(offset)
            at, frames = self._blocks[number].start, self._block(number)
        else:
            at, frames = self._written, tuple(self._frames)
        for frame in frames:
            yield at, frame
            at += frame.length

    def _block(self, number: int) -> tuple[Frame, ...]:
        if self._held[0] != number:
            self._held = number, _whole(tuple(decode(self._read(number))), self._blocks[number].extent)
        return self._held[1]


def _whole(frames: tuple[Frame, ...], extent: Extent) -> tuple[Frame, ...]:
    """Frames of a block, with gaps for what it should hold beside them."""
    found = Extent.of(frames)
    if (found.stdout, found.stderr) == (extent.stdout, extent.stderr):
        return frames
    if found.stdout > extent.stdout or found.stderr > extent.stderr:
        return extent.gaps()  # they are another block's
    sequence, at_ms = (frames[-1].sequence + 1, frames[-1].at_ms) if frames else (0, 0)
    return (*frames, *Extent(extent.stdout - found.stdout, extent.stderr - found.stderr).gaps(sequence, at_ms))


def _counts(frame: Frame, stream: Stream) -> bool:
    return stream in (Stream.BOTH, frame.stream)


def _behind(data: bytes, newline: int) -> int:
    """Where the data goes on behind its newline number `newline`, from 1."""
    return len(data) - len(data.split(b"\n", newline)[-1])
