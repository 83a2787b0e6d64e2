"""Sentences on as many lines as they take. Pure."""

from __future__ import annotations

from deployx_tui.tui.render.line import Line, Span, StyleName, line, span
from deployx_tui.tui.render.safe import SafeText, cells, show


def wrap(text: SafeText, width: int) -> tuple[SafeText, ...]:
    """Pieces of at most `width` cells, at spaces where that costs less than half a line."""
    width = max(8, width)
    pieces: list[SafeText] = []
    rest = str(text)
    while (room := _room(rest, width)) < len(rest):
        cut = rest.rfind(" ", room // 2, room + 1)
        cut = room if cut < 0 else cut + 1
        pieces.append(SafeText(rest[:cut]))
        rest = rest[cut:]
    pieces.append(SafeText(rest))
    return tuple(pieces)


def _room(text: str, width: int) -> int:
    """How many of its characters stand in so many cells."""
    if text.isascii():
        return min(len(text), width)
    used = 0
    for index, character in enumerate(text):
        used += cells(SafeText(character))
        if used > width:
            return index
    return len(text)


def said(mark: str, style: StyleName, text: str, width: int) -> tuple[Line, ...]:
    """A mark and a sentence, on as many lines as it takes."""
    pieces = wrap(show(text), width - 2)
    return tuple(
        line(span(f"{mark} ", style) if index == 0 else "  ", Span(piece)) for index, piece in enumerate(pieces)
    )


def beside_counts(why: str) -> str:
    """What failed, without the count before it ("2 of 22 targets failed: web19 unreachable"): a column says it."""
    head, colon, rest = why.partition(": ")
    return rest if colon and " targets " in f"{head} " and head[:1].isdigit() else why
