"""The keys of a place as lines, made from the keymap. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from deployx_tui.tui.keymap import Key
from deployx_tui.tui.render.line import BLANK, Line, line, span


def help_lines(sections: Sequence[tuple[str, Sequence[Key]]]) -> tuple[Line, ...]:
    """Sections with a heading each, one key a line."""
    rows: list[Line] = []
    size = max((len(key.display_all) for _, keys in sections for key in keys), default=0)
    for heading, keys in sections:
        if not keys:
            continue
        if rows:
            rows.append(BLANK)
        rows.append(line(span(heading, "head")))
        rows.extend(line(span(f"  {key.display_all.ljust(size)}   ", "key"), key.says) for key in keys)
    return tuple(rows)
