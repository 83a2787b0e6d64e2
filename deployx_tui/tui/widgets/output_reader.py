"""Reads one target's output by offset into a window, as far as its reader wants. Knows no Backend and no widget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from deployx_tui.model.execution import OutputGap, OutputSlice
from deployx_tui.tui.render.output import WINDOW_CAP, OutputWindow

#: bytes asked for at once, and at the beginning when the end is followed
READ_LIMIT = 256 * 1024
FIRST_TAIL = 512 * 1024
#: how long the engine may hold an answer that would be empty
_WAIT = timedelta(seconds=20)
#: further behind than this a follower jumps to the end instead of reading through
_FAR_BEHIND = WINDOW_CAP // 2
#: lines below the view that are read ahead while the reader scrolls
_AHEAD = 2000
#: bytes of one step of a search beyond the window
_SEARCH_STEP = WINDOW_CAP // 2


@dataclass(frozen=True, slots=True)
class TailStatus:
    """Where the reader is; what the pane's title says."""

    follow: bool
    wrap: bool
    #: number of the last line seen, from 1, and of the last one there is
    line: int
    lines: int
    complete: bool
    #: nothing is shown, not even that something can't be read
    is_empty: bool
    #: "" or what is being searched for
    searching: str = ""


class OutputSource(Protocol):
    """One target's stored output."""

    async def read(
        self, offset: int, limit: int, tail: int | None, wait: timedelta | None, line: int | None = None
    ) -> OutputSlice:
        """As `Executions.output`; raises DeployxError."""
        ...


class OutputReader:
    """What is read of one output: a window of at most WINDOW_CAP bytes around where the reader is."""

    def __init__(
        self, source: OutputSource, *, on_grow: Callable[[], None], on_jump: Callable[[int], None], follow: bool = True
    ) -> None:
        """`on_grow` is told that there is more to see, `on_jump` that another window is shown, with its first line."""
        self._source = source
        self._on_grow = on_grow
        self._on_jump = on_jump
        self.follow = follow
        self.window = OutputWindow()
        #: size of the whole, as far as known
        self.total = 0
        #: lines that have ended in it, as far as known
        self.lines = 0
        #: the target said all that it will say
        self.complete = False
        self._last_seen = 0
        self._wanted = asyncio.Event()
        self._shown = asyncio.Event()

    @property
    def at_end(self) -> bool:
        """All that is stored at this moment was read."""
        return self.window.next_offset >= self.total

    def wants(self, follow: bool, last_seen: int) -> None:
        """The view moved: `last_seen` is the number of the lowest line in it."""
        self.follow, self._last_seen = follow, last_seen
        if self._is_wanted(self.window):
            self._wanted.set()

    def was_shown(self) -> None:
        """What was read by now is painted."""
        self._shown.set()

    async def read(self, offset: int | None, anchor: int | None = None) -> None:
        """Read on until all is read, from `offset` (None: near the end).

        What comes while the last is not painted yet is read at once after that: in a flood as often as it is painted.

        With `anchor`, a logical offset, the old window stays until the new one reaches beyond it.
        """
        window, part = await self._begin(offset)
        while True:
            for piece in part.in_order():
                if isinstance(piece, OutputGap):
                    window.lose(piece)
                else:
                    window.feed(piece)
            window.next_offset = max(window.next_offset, part.next_offset)
            self.total, self.complete = max(part.total, window.next_offset), part.complete
            self.lines = part.lines
            ended = part.complete and window.next_offset >= part.total
            if anchor is None or ended or window.next_offset > anchor + READ_LIMIT:
                if window is not self.window:
                    self.window = window
                    self._last_seen = window.first if anchor is None else window.number_at(anchor)
                    self._on_jump(self._last_seen)
                anchor = None
                self._shown.clear()
                self._on_grow()
                if ended:
                    return
                if self.at_end:
                    await self._shown.wait()
                while not self._is_wanted(window):
                    self._wanted.clear()
                    await self._wanted.wait()
            if self.follow and anchor is None and self.total - window.next_offset > _FAR_BEHIND:
                window, part = await self._begin(None)
            else:
                part = await self._source.read(window.next_offset, READ_LIMIT, None, _WAIT)

    async def _begin(self, offset: int | None) -> tuple[OutputWindow, OutputSlice]:
        if offset is not None:
            part = await self._source.read(offset, READ_LIMIT, None, None)
            return OutputWindow(offset, line=part.line), part
        part = await self._source.read(0, FIRST_TAIL, FIRST_TAIL, None)
        return OutputWindow(_begin_of(part), line=part.line), part

    async def place_of(self, line: int) -> int | None:
        """Logical offset at which line `line` begins, from 0, or from the end when negative; None: there is none."""
        part = await self._source.read(0, 1, None, None, line)
        return part.chunks[0].offset if part.chunks else None

    def _is_wanted(self, window: OutputWindow) -> bool:
        """A reader who stands still above the end of a full window needs nothing."""
        return self.follow or not window.is_full or window.end - self._last_seen < _AHEAD

    async def look_through(self, words: str, step: int) -> int | None:
        """Logical offset of the next line outside the window that holds `words`, below (`step` 1) or above (-1)."""
        low = self.window.offset_of(self.window.first) if self.window.end > self.window.first else 0
        at = self.window.next_offset if step > 0 else max(0, low - _SEARCH_STEP)
        while True:
            end = at + _SEARCH_STEP if step > 0 else low
            scratch = await self._piece(at, end)
            if scratch.end > scratch.first:
                number = scratch.find(words, scratch.first if step > 0 else scratch.end - 1, step)
                if number is not None:
                    return scratch.offset_of(number)
            if (step > 0 and scratch.next_offset < end) or (step < 0 and at == 0):
                return None
            if step > 0:
                # the last line may go on in the next piece: begin there again
                at = max(at + 1, scratch.offset_of(scratch.end - 1) if scratch.end > scratch.first else end)
            else:
                low, at = at, max(0, at - _SEARCH_STEP)

    async def _piece(self, at: int, end: int) -> OutputWindow:
        scratch = OutputWindow(at, cap=2 * WINDOW_CAP, is_line_start=True)
        while scratch.next_offset < end:
            part = await self._source.read(scratch.next_offset, min(READ_LIMIT, end - scratch.next_offset), None, None)
            if not part.chunks:
                break
            for chunk in part.chunks:
                scratch.feed(chunk)
        return scratch


def _begin_of(part: OutputSlice) -> int:
    """Where there is something to see in it: output, or that it can't be read."""
    for piece in part.in_order():
        if not isinstance(piece, OutputGap):
            return piece.offset
        if piece.reason:
            return piece.start
    return part.next_offset
