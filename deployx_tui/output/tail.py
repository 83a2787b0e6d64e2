"""The end of an output above its cap, kept in memory, and the joining of small frames."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from deployx_tui.model.execution import Stream
from deployx_tui.output.frames import Frame

#: pieces of one stream that arrive within this are one frame, up to _JOINED bytes
_JOIN_MS = 20
_JOINED = 4 << 10
#: memory that a frame takes beside its data
_FRAME_COST = 200


class Tail:
    """The end of an output above its cap: whole frames up to a size, and what was lost before them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._frames: deque[Frame] = deque()
        self._size = 0
        #: per stream: one gap that grows
        self._gaps: dict[Stream, Frame] = {}

    @property
    def missing(self) -> int:
        """Masked bytes that are lost."""
        return sum(gap.missing for gap in self._gaps.values())

    def append(self, frame: Frame) -> None:
        before = len(self._frames)
        append_or_join(self._frames, frame)
        self._size += len(frame.data) + _FRAME_COST * (len(self._frames) - before)
        while self._size > self._limit and len(self._frames) > 1:
            self._lose_first()

    def frames(self) -> list[Frame]:
        return [*self._gaps.values(), *self._frames]

    def lose_all(self) -> None:
        while self._frames:
            self._lose_first()

    def was_written(self) -> None:
        """The file has it: free the memory. What was lost stays counted."""
        self._frames.clear()

    def _lose_first(self) -> None:
        lost = self._frames.popleft()
        self._size -= len(lost.data) + _FRAME_COST
        gap = self._gaps.get(lost.stream) or replace(lost, raw_length=0, data=b"", missing=0)
        self._gaps[lost.stream] = replace(
            gap, raw_length=lost.raw_end - gap.raw_start, missing=gap.missing + len(lost.data)
        )


def append_or_join(frames: list[Frame] | deque[Frame], frame: Frame) -> None:
    """Small pieces of one stream that come close together are one frame."""
    if frames:
        before = frames[-1]
        if (
            before.stream is frame.stream
            and len(before.data) + len(frame.data) <= _JOINED
            and frame.at_ms - before.at_ms <= _JOIN_MS
        ):
            raw_length = before.raw_length + frame.raw_length
            frames[-1] = replace(before, raw_length=raw_length, data=before.data + frame.data)
            return
    frames.append(frame)
