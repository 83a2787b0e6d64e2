"""An output in memory, read like a stored one; for the tail's tests and benchmarks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from deployx_tui.model.execution import OutputChunk, OutputSlice, Stream

START = datetime(2026, 3, 3, 14, 0, 41, 100_000, UTC)


def chunks_of(*pieces: tuple[Stream, bytes], start: int = 0, step: timedelta = timedelta(0)) -> list[OutputChunk]:
    """Chunks one after the other, from a logical offset on."""
    made: list[OutputChunk] = []
    for index, (stream, data) in enumerate(pieces):
        made.append(OutputChunk(stream=stream, at=START + step * index, offset=start, data=data))
        start += len(data)
    return made


def place_of_line(whole: bytes, line: int) -> int:
    """Where line `line` begins, from 0; from the end when negative. The length when there is none."""
    lines = whole.splitlines(keepends=True)
    if line >= len(lines):
        return len(whole)
    return sum(map(len, lines[:line] if line >= 0 else lines[: max(0, len(lines) + line)]))


class MemorySource:
    """What one target said so far; `say` adds to it, `end` completes it."""

    def __init__(self, *pieces: tuple[Stream, bytes], complete: bool = True, most: int = 1 << 20) -> None:
        self.pieces: list[OutputChunk] = chunks_of(*pieces)
        self.complete = complete
        self.most = most
        self.reads: list[int] = []
        self._more = asyncio.Event()

    @property
    def total(self) -> int:
        return self.pieces[-1].offset + len(self.pieces[-1].data) if self.pieces else 0

    def say(self, data: bytes, stream: Stream = Stream.STDOUT) -> None:
        self.pieces += chunks_of((stream, data), start=self.total)
        self._wake()

    def end(self) -> None:
        self.complete = True
        self._wake()

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()

    async def read(
        self, offset: int, limit: int, tail: int | None, wait: timedelta | None, line: int | None = None
    ) -> OutputSlice:
        if wait is not None and offset >= self.total and not self.complete:
            await self._more.wait()
        else:
            await asyncio.sleep(0)
        if tail is not None:
            offset = max(0, self.total - tail)
        whole = self.pieces[0].data if len(self.pieces) == 1 else b"".join(piece.data for piece in self.pieces)
        if line is not None:
            offset = place_of_line(whole, line)
        self.reads.append(offset)
        end = min(self.total, offset + min(limit, self.most))
        part: list[OutputChunk] = []
        for piece in self.pieces:
            low, high = max(offset, piece.offset), min(end, piece.offset + len(piece.data))
            if low < high:
                data = piece.data[low - piece.offset : high - piece.offset]
                part.append(OutputChunk(stream=piece.stream, at=piece.at, offset=low, data=data))
        return OutputSlice(
            chunks=tuple(part), next_offset=max(offset, end), complete=self.complete, total=self.total,
            line=whole.count(b"\n", 0, offset), lines=whole.count(b"\n"),
        )  # fmt: skip
