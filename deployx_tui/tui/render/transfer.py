"""Bytes on their way: a bar, how many of how many, how fast, how long still. Pure."""

from __future__ import annotations

from datetime import timedelta

from deployx_tui.model.words import size_words
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.render.progress import bar
from deployx_tui.tui.render.when import took

#: a rate is said of what was measured for so long
_MEASURED = 1.0


def transfer_line(done: int, total: int, elapsed: float, width: int) -> Line:
    """`▓▓▓░░░ 43 MB of 256 MB  12.3 MB/s  17s left`; what `width` has no room for is left out from the right."""
    counts = f"{size_words(done)} of {size_words(total)}" if total else size_words(done)
    made = line(span(bar(done, total, 12), "run"), f" {counts}")
    for each in (rate_words(done, elapsed), left_words(done, total, elapsed)):
        if each and sum(len(part.text) for part in made) + len(each) + 2 <= width:
            made = (*made, span(f"  {each}", "dim"))
    return made


def rate_words(done: int, elapsed: float) -> str:
    """ "12.3 MB/s"; "" before there is something to say."""
    return "" if elapsed < _MEASURED or not done else f"{size_words(int(done / elapsed))}/s"


def left_words(done: int, total: int, elapsed: float) -> str:
    """ "17s left", by the rate so far; "" before there is something to say."""
    if elapsed < _MEASURED or not 0 < done < total:
        return ""
    return f"{took(timedelta(seconds=round((total - done) * elapsed / done)))} left"
