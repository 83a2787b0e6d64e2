"""Sentences on as many lines as they take. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from deployx_tui.tui.render.line import BLANK, Line, Span, StyleName, line, plain, span, width_of
from deployx_tui.tui.render.safe import SafeText, cells, show

#: spaces, and a mark of one character
_BEFORE_WORDS = re.compile(r" *(?:[^\w\s(\[\"'] +)?")


def wrap(text: SafeText, width: int, *, keep_words: bool = False) -> tuple[SafeText, ...]:
    """Pieces of at most `width` cells, at spaces where that costs less than half a line.

    With `keep_words` also where it costs more, as long as the word fits a line: a fingerprint is compared whole.
    """
    width = max(8, width)
    pieces: list[SafeText] = []
    rest = str(text)
    while (room := _room(rest, width)) < len(rest):
        at = rest.rfind(" ", 0, room + 1)
        word, _, _ = rest[at + 1 :].partition(" ")
        fits = at > 0 and (at >= room // 2 or (keep_words and _room(word, width) == len(word)))
        cut = at + 1 if fits else room
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


def said(mark: str, style: StyleName, text: str, width: int, *, keep_words: bool = False) -> tuple[Line, ...]:
    """A mark and a sentence, on as many lines as it takes; `keep_words` as in `wrap`."""
    pieces = wrap(show(text), width - 2, keep_words=keep_words)
    return tuple(
        line(span(f"{mark} ", style) if index == 0 else "  ", Span(piece)) for index, piece in enumerate(pieces)
    )


def folded(content: Line, width: int, hang: int | None = None) -> tuple[Line, ...]:
    """The line on as many lines as it takes, its styles kept.

    What follows the first line stands `hang` cells in: behind a label, so that labels stay a column of their own.
    None: as far in as the line's own words begin, behind its mark.
    """
    if width_of(content) <= width:
        return (content,)
    text = plain(content)
    indent = min(_before_words(text) if hang is None else hang, width // 2)
    first, *rest = wrap(text, width)
    rows = [first]
    if rest:
        # the first line has the indent in itself already
        rows += wrap(SafeText(text[len(first) :].lstrip(" ")), width - indent)
    made: list[Line] = []
    at = 0
    for number, row in enumerate(rows):
        at = text.index(row, at)
        piece = _cut_out(content, at, at + len(row.rstrip(" ")))
        made.append(piece if number == 0 else (Span(SafeText(" " * indent)), *piece))
        at += len(row)
    return tuple(made)


def folded_all(lines: Iterable[Line], width: int, hang: int | None = None) -> tuple[Line, ...]:
    """Each of them `folded`."""
    return tuple(row for each in lines for row in (folded(each, width, hang) if each else (BLANK,)))


def folded_values(lines: Iterable[Line], width: int) -> tuple[Line, ...]:
    """Lines of labels and values: a value goes on below itself, so that the labels stay a column of their own."""
    return tuple(row for each in lines for row in (folded(each, width, _before_last(each)) if each else (BLANK,)))


def _before_last(content: Line) -> int | None:
    """Where its last span begins; None: it has one only."""
    return width_of(content[:-1]) if len(content) > 1 else None


def _before_words(text: str) -> int:
    found = _BEFORE_WORDS.match(text)
    return 0 if found is None else found.end()


def _cut_out(content: Line, start: int, end: int) -> Line:
    """Its characters from `start` up to `end`."""
    kept: list[Span] = []
    at = 0
    for part in content:
        low, high = max(start - at, 0), min(end - at, len(part.text))
        if low < high:
            kept.append(Span(SafeText(part.text[low:high]), part.style))
        at += len(part.text)
    return tuple(kept)


def beside_counts(why: str) -> str:
    """What failed, without the count before it ("2 of 22 targets failed: web19 unreachable"): a column says it."""
    head, colon, rest = why.partition(": ")
    return rest if colon and " targets " in f"{head} " and head[:1].isdigit() else why
