"""What a target said, put together as lines to print: each stream apart, with a line of ours where a limit cut it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from deployx_tui.model.execution import OutputGap, OutputSlice, Stream

#: a line without an end is shown once it is this long
LONGEST_LINE = 64 * 1024


@dataclass(frozen=True, slots=True)
class SaidLine:
    """A line without its end."""

    #: BOTH: not output but a note about it
    stream: Stream
    #: arrival of its first byte; None of a note
    at: datetime | None
    data: bytes

    @property
    def text(self) -> str:
        return self.data.removesuffix(b"\r").decode(errors="replace")


class SaidLines:
    """Takes one target's output in order; a line stands where it ends."""

    def __init__(self) -> None:
        #: per stream: arrival and bytes of the line that has not ended
        self._rests: dict[Stream, tuple[datetime, bytes]] = {}

    def feed(self, part: OutputSlice) -> Iterator[SaidLine]:
        """The lines that this part ends."""
        for piece in part.in_order():
            if isinstance(piece, OutputGap):
                yield from self.rest()
                yield SaidLine(Stream.BOTH, None, piece.mark)
            else:
                yield from self._take(piece.stream, piece.at, piece.data)

    def rest(self) -> Iterator[SaidLine]:
        """What has not ended; nothing of it comes again."""
        for stream, (at, data) in sorted(self._rests.items()):
            yield SaidLine(stream, at, data)
        self._rests.clear()

    def _take(self, stream: Stream, at: datetime, data: bytes) -> Iterator[SaidLine]:
        began, before = self._rests.pop(stream, (at, b""))
        *lines, rest = (before + data).split(b"\n")
        while len(rest) > LONGEST_LINE:
            lines.append(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        for line in lines:
            yield SaidLine(stream, began, line)
            began = at
        if rest:
            self._rests[stream] = began, rest
