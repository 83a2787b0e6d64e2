"""A line of output as rows of a screen: time, stderr's mark, colours, wrapping, what a search found. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from rich.cells import cell_len, chop_cells
from rich.style import Style
from rich.text import Text

from deployx_tui.model.execution import Stream
from deployx_tui.tui.render import sgr
from deployx_tui.tui.render.output import OutputLine, size
from deployx_tui.tui.render.safe import SafeText

_DIM, _BOLD, _REVERSE = Style(dim=True), Style(bold=True), Style(reverse=True)


@dataclass(frozen=True, slots=True)
class RowLook:
    """How rows are drawn."""

    width: int
    zone: tzinfo
    wrap: bool = False
    timestamps: bool = True
    #: cells that a row is moved to the left by, without wrap
    shift: int = 0
    #: what a search marks; "" nothing
    found: str = ""
    dim: Style = _DIM
    stderr: Style = _BOLD
    hit: Style = _REVERSE


def rows_of(line: OutputLine, look: RowLook) -> list[Text]:
    """The rows of a line, at least one, each at most `look.width` cells."""
    body = body_of(line, look)
    prefix = prefix_of(line, look)
    room = max(1, look.width - prefix.cell_len)
    if look.wrap:
        pieces = _wrapped(body, room)
    else:
        body = _from_cell(body, look.shift)
        body.truncate(room, overflow="crop")
        pieces = [body]
    if look.found:
        for piece in pieces:
            _mark(piece, look)
    blank = Text(" " * prefix.cell_len, end="")
    return [(prefix if index == 0 else blank) + piece for index, piece in enumerate(pieces)]


def height_of(line: OutputLine, look: RowLook) -> int:
    """How many rows a line takes."""
    return len(rows_of(line, look)) if look.wrap else 1


def prefix_of(line: OutputLine, look: RowLook) -> Text:
    prefix = Text(end="")
    if look.timestamps:
        at = line.at.astimezone(look.zone)
        when = f"{at:%H:%M:%S}.{at.microsecond // 100_000} "
        # a note is not the target's: it has no time
        prefix.append(" " * len(when) if line.stream is Stream.BOTH else when, look.dim)
    if line.stream is Stream.STDERR:
        prefix.append("E ", look.stderr)
    return prefix


def body_of(line: OutputLine, look: RowLook) -> Text:
    if line.stream is Stream.BOTH:
        return Text(f"… {sgr.stripped(line.data)}", style=look.dim, end="")
    shown, overwritten = line.shown
    body = sgr.parse(shown)
    if overwritten:
        # what stood before was overwritten, not absent: say so
        body = Text("␍", style=look.dim, end="") + body
    if line.more:
        body.append(f" … {size(line.more)} more on this line", look.dim)
    return body


def plain_of(line: OutputLine) -> SafeText:
    """What is copied of a line."""
    return sgr.stripped(line.shown[0])


def _wrapped(body: Text, room: int) -> list[Text]:
    if body.cell_len <= room:
        return [body]
    ends: list[int] = []
    at = 0
    for piece in chop_cells(body.plain, room):
        at += len(piece)
        ends.append(at)
    return list(body.divide(ends[:-1]))


def _from_cell(body: Text, shift: int) -> Text:
    if shift == 0:
        return body
    cells = 0
    for index, character in enumerate(body.plain):
        if cells >= shift:
            return body[index:]
        cells += cell_len(character)
    return Text(end="")


def _mark(piece: Text, look: RowLook) -> None:
    plain = piece.plain if look.found != look.found.lower() else piece.plain.lower()
    start = plain.find(look.found)
    while start >= 0:
        piece.stylize(look.hit, start, start + len(look.found))
        start = plain.find(look.found, start + len(look.found))
