"""Output as lines: what the tail shows, assembled from chunks as they arrive. Pure; no widget, no terminal.

Chunks split anywhere, also inside a character; the two streams interleave. A line stands where it ended; a line
that has not ended stands last, one per stream. What is kept is a window of the whole, bounded in bytes.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deployx_tui.model.execution import OutputChunk, OutputGap, Stream

#: a longer line is cut here for display; the store keeps all of it
LINE_CAP = 64 * 1024
#: what a window keeps, counted as bytes of output and of bookkeeping
WINDOW_CAP = 8 * 1024 * 1024
#: about what CPython spends on a line and on a block beside their bytes, so that empty lines count too
_LINE_COST = 48
_BLOCK_COST = 400

#: of a note with nothing before it
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

_SGR = re.compile(rb"\x1b\[[0-9;:]*m")


@dataclass(frozen=True, slots=True)
class OutputLine:
    """One line of one stream, as stored, without its newline."""

    #: counted from the start of the window's first reading
    number: int
    #: BOTH: not output but a note about it, such as a gap
    stream: Stream
    #: arrival of its first byte
    at: datetime
    data: bytes
    #: so many bytes of the line lie beyond LINE_CAP
    more: int = 0
    #: it has not ended yet
    is_open: bool = False

    @property
    def shown(self) -> tuple[bytes, bool]:
        """What a terminal would still show of it, and whether carriage returns overwrote something before.

        A progress line rewrites itself; the text after its last return stands.
        """
        text = self.data.rstrip(b"\r")
        start = text.rfind(b"\r") + 1
        return text[start:], start > 0


def size(count: int) -> str:
    """Bytes for people: "812 B", "8.1 kB", "1.2 MB"."""
    if count < 1000:
        return f"{count} B"
    amount, units = count / 1000, iter("kMGT")
    unit = next(units)
    while amount >= 999.95:
        amount, unit = amount / 1000, next(units)
    return f"{amount:.1f} {unit}B"


@dataclass(slots=True)
class _Block:
    """Lines of one stream that arrived together."""

    stream: Stream
    at: datetime
    lines: list[bytes]
    #: arrival and offset of line 0, which may have begun in an earlier chunk
    first_at: datetime
    first_offset: int
    #: offset of line 1, and after the last one
    base: int
    end: int
    cost: int
    #: bytes beyond LINE_CAP, by index
    cut: dict[int, int] = field(default_factory=dict)

    def offset_of(self, index: int) -> int:
        if index == 0:
            return self.first_offset
        skipped = sum(len(line) + 1 for line in self.lines[1:index])
        return self.base + skipped + sum(more for at, more in self.cut.items() if 0 < at < index)


@dataclass(slots=True)
class _Open:
    """The line of a stream that has not ended."""

    data: bytes
    at: datetime
    offset: int
    more: int = 0

    def extend(self, data: bytes) -> None:
        joined = self.data + data
        # a progress line may rewrite itself for hours: only its last state is kept, behind the return that made it
        overwritten = joined.rfind(b"\r", 0, max(0, len(joined.rstrip(b"\r"))))
        if overwritten > 0:
            joined, self.more = joined[overwritten:], 0
        self.more += max(0, len(joined) - LINE_CAP)
        self.data = joined[:LINE_CAP]


class OutputWindow:
    """A window of one target's output: lines `first` up to `end`, of which the last may be open ones.

    Line numbers are absolute within a reading: dropping old lines raises `first` and renames none.
    """

    def __init__(
        self, offset: int = 0, cap: int = WINDOW_CAP, is_line_start: bool | None = None, line: int = 0
    ) -> None:
        """`is_line_start` None: only offset 0 is known to begin a line. `line`: lines that ended before `offset`."""
        #: logical offset that the reading began at
        self.start_offset = offset
        #: lines of the whole output before that
        self._before = line
        #: numbers of what stands as a line of its own and is none of the output's: notes, and what a gap cut off
        self._uncounted: list[int] = []
        #: logical offset after the last byte fed
        self.next_offset = offset
        self._cap = cap
        self._blocks: list[_Block] = []
        self._starts: list[int] = []
        self._first = 0
        self._closed_end = 0
        self._cost = 0
        self._open: dict[Stream, _Open] = {}
        #: a reading from the middle begins inside a line: what comes before its first newline is not a line
        self._skipping = offset > 0 if is_line_start is None else not is_line_start

    @property
    def first(self) -> int:
        """Number of the oldest line kept."""
        return self._first

    @property
    def end(self) -> int:
        """Number after the last line, open ones included."""
        return self._closed_end + len(self._open)

    @property
    def cost(self) -> int:
        """Bytes kept, with bookkeeping; at most the cap, whatever was fed."""
        return self._cost

    @property
    def is_full(self) -> bool:
        """Reading on would soon drop the oldest lines."""
        return self._cost > self._cap * 3 // 4

    @property
    def is_from_start(self) -> bool:
        """No line before `first` exists."""
        return self.start_offset == 0 and self._first == 0

    def true_number(self, number: int) -> int:
        """How many lines of the whole output come before line `number` of this window; also for `end`."""
        return self._before + number - bisect_left(self._uncounted, number)

    def number_of(self, line: int) -> int | None:
        """The inverse: number here of line `line` of the whole output, None when it does not stand here."""
        number = bisect_left(range(self.first, self.end), line, key=self.true_number) + self.first
        # of several with one number the last is the line, the others stand before it
        while number + 1 < self.end and self.true_number(number + 1) == line:
            number += 1
        return number if number < self.end and self.true_number(number) == line else None

    def feed(self, chunk: OutputChunk) -> None:
        """Take the next chunk. One that begins further on says that the store did not keep what lies between."""
        data, offset = chunk.data, chunk.offset
        if offset > self.next_offset and not self._skipping:
            self._note_gap(chunk.at, offset)
        self.next_offset = offset + len(data)
        if self._skipping:
            newline = data.find(b"\n")
            if newline < 0 and self.next_offset - self.start_offset < LINE_CAP:
                return
            self._skipping = False
            self._before += newline >= 0
            self.start_offset = offset + newline + 1
            data, offset = data[newline + 1 :], self.start_offset
        if data:
            self._take(chunk.stream, chunk.at, data, offset)

    def lose(self, gap: OutputGap) -> None:
        """Say why what comes next can't be read. What merely was not kept is said by the chunk behind it."""
        if not gap.reason or gap.end <= self.next_offset:
            return
        at = self._blocks[-1].at if self._blocks else _NEVER
        if gap.start > self.next_offset and not self._skipping:
            self._note_gap(at, gap.start)
        # the line that the reading began in has lost its end
        self._skipping = False
        self.next_offset = max(gap.start, self.next_offset)
        self._note_gap(at, gap.end, f"{size(gap.end - self.next_offset)} can't be read: {gap.reason}")
        self.next_offset = gap.end

    def _note_gap(self, at: datetime, offset: int, words: str = "") -> None:
        for stream in tuple(self._open):
            self._uncounted.append(self._closed_end)
            self._take(stream, self._open[stream].at, b"\n", self.next_offset)
        self._uncounted.append(self._closed_end)
        words = words or f"{size(offset - self.next_offset)} of output were not kept"
        note = words.replace("\n", " ").encode("utf-8", "backslashreplace")
        self._take(Stream.BOTH, at, note + b"\n", self.next_offset)
        self._blocks[-1].end = offset

    def _take(self, stream: Stream, at: datetime, data: bytes, offset: int) -> None:
        lines = data.split(b"\n")
        rest = lines.pop()
        if not lines:
            self._extend_open(stream, at, rest, offset)
            return
        base = offset + len(lines[0]) + 1
        first_at, first_offset, cut = at, offset, {}
        opened = self._open.pop(stream, None)
        if opened is not None:
            opened.extend(lines[0])
            lines[0], first_at, first_offset = opened.data, opened.at, opened.offset
            if opened.more:
                cut[0] = opened.more
        if len(data) > LINE_CAP:
            for index, line in enumerate(lines):
                if len(line) > LINE_CAP:
                    cut[index] = len(line) - LINE_CAP
                    lines[index] = line[:LINE_CAP]
        end = offset + len(data) - len(rest)
        cost = len(data) + (len(opened.data) if opened else 0) + _LINE_COST * len(lines)
        last = self._blocks[-1] if self._blocks else None
        if last is not None and opened is None and not cut and _goes_on(last, stream, at, offset):
            last.lines += lines
            last.cost += cost
            last.end = end
        else:
            cost += _BLOCK_COST
            self._starts.append(self._closed_end)
            self._blocks.append(_Block(stream, at, lines, first_at, first_offset, base, end, cost, cut))
        self._closed_end += len(lines)
        self._cost += cost
        if rest:
            self._extend_open(stream, at, rest, end)
        self._drop_oldest()

    def _extend_open(self, stream: Stream, at: datetime, data: bytes, offset: int) -> None:
        opened = self._open.get(stream)
        if opened is None:
            opened = self._open[stream] = _Open(b"", at, offset)
        opened.extend(data)

    def _drop_oldest(self) -> None:
        if self._cost <= self._cap:
            return
        gone = 0
        while self._cost > self._cap and gone < len(self._blocks) - 1:
            self._cost -= self._blocks[gone].cost
            gone += 1
        del self._blocks[:gone], self._starts[:gone]
        self._first = self._starts[0]

    def line(self, number: int) -> OutputLine:
        """IndexError when the window does not hold it."""
        if not self._first <= number < self.end:
            raise IndexError(number)
        if number >= self._closed_end:
            stream, opened = list(self._open.items())[number - self._closed_end]
            return OutputLine(number, stream, opened.at, opened.data, opened.more, is_open=True)
        block, index = self._place(number)
        at = block.at if index else block.first_at
        return OutputLine(number, block.stream, at, block.lines[index], block.cut.get(index, 0))

    def offset_of(self, number: int) -> int:
        """Logical offset of a line's first byte: what a later window finds its place by."""
        if not self._first <= number < self.end:
            raise IndexError(number)
        if number >= self._closed_end:
            return list(self._open.values())[number - self._closed_end].offset
        block, index = self._place(number)
        return block.offset_of(index)

    def number_at(self, offset: int) -> int:
        """Number of the line that holds a logical offset, or of the nearest one kept."""
        which = bisect_right(self._blocks, offset, key=lambda block: block.first_offset) - 1
        if which < 0:
            return self._first
        block, number = self._blocks[which], self._starts[which]
        at = block.base
        for index, line in enumerate(block.lines[1:], 1):
            if at > offset:
                break
            number += 1
            at += len(line) + 1 + block.cut.get(index, 0)
        return number

    def find(self, words: str, start: int, step: int = 1) -> int | None:
        """Number of the next line from `start` (inclusive, upwards with step -1) that holds `words`, or None.

        Upper case counts only when `words` has some. Colour codes do not hide a match.
        """
        start = max(self._first, min(start, self.end - 1))
        numbers = range(start, self.end) if step > 0 else range(start, self._first - 1, -1)
        any_case = words == words.lower()
        needle = words.encode("utf-8", "surrogateescape")
        for number in numbers:
            text = self.line(number).shown[0]
            if b"\x1b" in text:
                text = _SGR.sub(b"", text)
            if needle in (text.lower() if any_case else text):
                return number
        return None

    def _place(self, number: int) -> tuple[_Block, int]:
        which = bisect_right(self._starts, number) - 1
        return self._blocks[which], number - self._starts[which]


def _goes_on(last: _Block, stream: Stream, at: datetime, offset: int) -> bool:
    """Whether a chunk merely goes on where a block ended, so that small chunks of one moment share a block."""
    return last.stream is stream and last.at == at and last.end == offset and last.cost < 16 * 1024
