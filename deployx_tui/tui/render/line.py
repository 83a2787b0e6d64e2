"""A line of a screen as data: spans of safe text with the names of styles. Pure, tested without a terminal."""

from __future__ import annotations

from typing import Literal, NamedTuple

from deployx_tui.tui.render.safe import EMPTY, SPACE, SafeText, cells, fit, show

#: what a span means; `theme.py` says how each looks. The accent is for cursor, running and keys only.
StyleName = Literal[
    "", "dim", "bold", "head", "title", "good", "warn", "bad", "run", "key", "accent", "mark", "reverse", "alarm"
]


class Span(NamedTuple):
    text: SafeText
    style: StyleName = ""


Line = tuple[Span, ...]

BLANK: Line = ()


def span(text: str, style: StyleName = "") -> Span:
    """Any text, made safe."""
    return Span(show(text), style)


def line(*parts: str | Span) -> Line:
    """A line of plain texts and styled spans."""
    return tuple(part if isinstance(part, Span) else Span(show(part)) for part in parts)


def width_of(content: Line) -> int:
    return sum(cells(part.text) for part in content)


def plain(content: Line) -> SafeText:
    """The text alone."""
    return SafeText("".join(part.text for part in content))


def fit_line(content: Line, width: int) -> Line:
    """Exactly `width` cells: filled with spaces, or cut behind an ellipsis."""
    length = width_of(content)
    if length == width:
        return content
    if length < width:
        return (*content, Span(fit(EMPTY, width - length)))
    kept: list[Span] = []
    left = width
    for part in content:
        size = cells(part.text)
        if size < left:
            kept.append(part)
            left -= size
            continue
        # more follows or this part is too wide: the ellipsis takes the last cell
        kept.append(Span(fit(SafeText(part.text + "…"), left) if size == left else fit(part.text, left), part.style))
        break
    return tuple(kept)


def spread(left: Line, right: Line, width: int) -> Line:
    """`left` at the left end, `right` at the right end; the left one gives way."""
    room = max(0, width - width_of(right))
    return (*fit_line(left, room), *fit_line(right, min(width, width_of(right))))


def title(left: tuple[str, ...], right: tuple[str, ...], width: int, verdict: StyleName = "") -> Line:
    """`─ Tasks ─ 9 of 52 ─          ─ 3 marked ─ sort NEXT ▴ ─`: the right end carries the verdict."""
    begin: list[Span] = [Span(SafeText("─ "), "dim")]
    for index, part in enumerate(left):
        if index:
            begin.append(Span(SafeText(" ─ "), "dim"))
        begin.append(span(part, "title" if index == 0 else ""))
    end: list[Span] = []
    for part in right:
        end.append(Span(SafeText(" ─ "), "dim"))
        end.append(span(part, verdict))
    end.append(Span(SafeText(" ─"), "dim"))
    return spread(tuple(begin), tuple(end) if right else (Span(SafeText(" ─"), "dim"),), width)


def beside(columns: tuple[tuple[tuple[Line, ...], int], ...], height: int) -> tuple[Line, ...]:
    """Columns of lines side by side with `│` between, each cut to its width, `height` rows."""
    rows: list[Line] = []
    for row in range(height):
        parts: list[Span] = []
        for index, (lines, width) in enumerate(columns):
            if index:
                parts.append(Span(SafeText("│ "), "dim"))
            parts.append(Span(SPACE) if index == 0 else Span(EMPTY))
            parts.extend(fit_line(lines[row] if row < len(lines) else BLANK, width))
        rows.append(tuple(parts))
    return tuple(rows)
