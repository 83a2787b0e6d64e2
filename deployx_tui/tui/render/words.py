"""Sentences on as many lines as they take. Pure."""

from __future__ import annotations

from deployx_tui.tui.render.line import Line, Span, StyleName, line, span
from deployx_tui.tui.render.safe import SafeText, show


def wrap(text: SafeText, width: int) -> tuple[SafeText, ...]:
    """Pieces of at most `width` characters, at spaces where that costs less than half a line."""
    width = max(8, width)
    pieces: list[SafeText] = []
    rest = str(text)
    while len(rest) > width:
        cut = rest.rfind(" ", width // 2, width + 1)
        cut = width if cut < 0 else cut + 1
        pieces.append(SafeText(rest[:cut]))
        rest = rest[cut:]
    pieces.append(SafeText(rest))
    return tuple(pieces)


def said(mark: str, style: StyleName, text: str, width: int) -> tuple[Line, ...]:
    """A mark and a sentence, on as many lines as it takes."""
    pieces = wrap(show(text), width - 2)
    return tuple(
        line(span(f"{mark} ", style) if index == 0 else "  ", Span(piece)) for index, piece in enumerate(pieces)
    )
