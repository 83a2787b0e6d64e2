"""What goes to standard output and what to standard error. Text from outside is made safe, always."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from deployx_tui.cli.invocation import Invocation

if TYPE_CHECKING:
    from deployx_tui.model.codec import JSON


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


def minutes(at: datetime) -> str:
    """An instant in this machine's zone, with its offset as every time that is printed."""
    return at.astimezone().isoformat(sep=" ", timespec="minutes")


def close_output() -> None:
    """Nobody reads standard output any more: what is still written to it goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def put_table(titles: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str = "nothing") -> None:
    """Columns as wide as their content; the last one is not padded. An empty table says so on standard error."""
    cells: list[list[str]] = [[_show(cell) for cell in row] for row in rows]
    if not cells:
        say(empty)
        return
    widths = [max(_width(title), *(_width(row[column]) for row in cells)) for column, title in enumerate(titles)]
    lines: list[list[str]] = [[*titles], *([*row] for row in cells)]
    for row in lines:
        padded = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())


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
