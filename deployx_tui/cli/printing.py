"""What goes to standard output and what to standard error. Text from outside is made safe, always."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

import click

from deployx_tui.cli.invocation import Invocation

if TYPE_CHECKING:
    from deployx_tui.model.codec import JSON


#: cells that a column keeps which gives way, and those that the last column is left when another one gives way for it
_LEAST, _LAST_COLUMN = 12, 24


def _show(text: str) -> str:
    """Text from outside, made safe. Its door measures cells with rich, which --serve and --help do without."""
    from deployx_tui.tui.render.safe import show

    return show(text)


def put_json(document: JSON) -> None:
    """One document, as the whole of standard output. ASCII: what a target said reaches a terminal as escapes only."""
    click.echo(_ascii(json.dumps(document, indent=2)))


def put_json_line(document: JSON) -> None:
    """One of a stream of documents, in ASCII too; flushed, since somebody may be waiting for it."""
    click.echo(_ascii(json.dumps(document, separators=(",", ":"))))
    sys.stdout.flush()


def _ascii(text: str) -> str:
    """JSON's own escapes leave DEL as it is."""
    return text.replace("\x7f", "\\u007f")


def put_line(text: str = "") -> None:
    """A line of the result."""
    click.echo(_show(text))


def note(call: Invocation, text: str) -> None:
    """Something to know, on standard error; silent with -q."""
    if not call.quiet:
        say(text)


def say(text: str) -> None:
    """A line on standard error, where it can be written: a disk that is full changes nothing of what was done."""
    with contextlib.suppress(OSError):
        click.echo(_show(text), err=True)


def instant(at: datetime | None, zone: tzinfo | None = None) -> str:
    """`2026-11-30 02:00:00+01:00`: the one form of every instant that is printed; "-" for None.

    In `zone`, else in this machine's own, always with its offset.
    """
    return "-" if at is None else at.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def close_output() -> None:
    """Nobody reads standard output any more: what is still written to it goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def put_table(
    titles: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    empty: str = "nothing",
    gives_way: str | None = None,
    leaves: Sequence[str] = (),
) -> None:
    """Columns as wide as their content; the last one is not padded. An empty table says so on standard error.

    `gives_way`: title of a column that is cut on a terminal, so that a line fits it; what still goes beyond its
    edge is cut there. Before that the columns of `leaves` go, the first of them first, until the rest has room. A pipe
    and a file get all of it.
    """
    cells: list[list[str]] = [[_show(cell) for cell in row] for row in rows]
    if not cells:
        say(empty)
        return
    widths = [max(_width(title), *(_width(row[column]) for row in cells)) for column, title in enumerate(titles)]
    lines: list[list[str]] = [[*titles], *([*row] for row in cells)]
    if sys.stdout.isatty():
        room = os.get_terminal_size(sys.stdout.fileno()).columns or 80
        kept = _kept(titles, widths, gives_way, leaves, room)
        lines, widths = [[row[at] for at in kept] for row in lines], [widths[at] for at in kept]
        if gives_way is not None:
            lines, widths = _cut_to(lines, widths, lines[0].index(gives_way), room)
    for row in lines:
        padded = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())


def _kept(
    titles: Sequence[str], widths: Sequence[int], gives_way: str | None, leaves: Sequence[str], room: int
) -> list[int]:
    """Which columns stay on a terminal of `room` cells."""
    least = [*widths]
    if gives_way is not None:
        at = titles.index(gives_way)
        least[at], least[-1] = min(widths[at], _LEAST), min(widths[-1], _LAST_COLUMN)
    kept = [*range(len(titles))]
    for title in leaves:
        if sum(least[at] for at in kept) + 2 * (len(kept) - 1) <= room:
            break
        kept.remove(titles.index(title))
    return kept


def _cut_to(lines: list[list[str]], widths: list[int], column: int, room: int) -> tuple[list[list[str]], list[int]]:
    """The lines and widths for a terminal of `room` cells: `column` gives way first, then the last one."""
    others = sum(widths[:column]) + sum(widths[column + 1 : -1]) + 2 * (len(widths) - 1)
    last = min(widths[-1], _LAST_COLUMN)
    cut = [*widths]
    cut[column] = max(min(widths[column], room - others - last), min(widths[column], _LEAST))
    cut[-1] = max(min(widths[-1], room - others - cut[column]), 1)
    return [[_cut(cell, width) for cell, width in zip(row, cut, strict=True)] for row in lines], cut


def _cut(text: str, width: int) -> str:
    """At most `width` cells of it; an ellipsis stands for the rest."""
    if _width(text) <= width:
        return text
    from deployx_tui.tui.render.safe import fit, show

    return fit(show(text), width).rstrip()


def put_facts(facts: Iterable[tuple[str, str]]) -> None:
    """A label and a value a line."""
    shown = [(label, _show(value)) for label, value in facts]
    width = max((len(label) for label, _ in shown), default=0)
    for label, value in shown:
        click.echo(f"{label:<{width}}  {value}".rstrip())


def _width(text: str) -> int:
    """Cells on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
