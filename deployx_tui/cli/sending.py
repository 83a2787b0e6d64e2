"""Files, folders and standard input on their way to the engine, with a line that says how far they are."""

from __future__ import annotations

import asyncio
import io
import os
import select
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployx_tui.cli.invocation import Invocation
from deployx_tui.errors import InvalidInput
from deployx_tui.model.words import size_words
from deployx_tui.service import upload

if TYPE_CHECKING:
    from deployx_tui.model.artifact import Artifact
    from deployx_tui.service.backend import Backend

_PIECE = 1 << 20
#: between two looks whether ctrl-c was pressed, while nothing comes
_LOOK_SECONDS = 0.2
#: between two changes of the line
_REFRESH_SECONDS = 0.1


def looked_at(path: Path) -> upload.Source:
    """What is to be sent. InvalidInput names what can't be, and an empty file."""
    source = upload.look(path)
    if not source.is_folder and not source.size:
        raise InvalidInput.of("file", f"{path} is empty", "give a file that holds something")
    return source


async def send(call: Invocation, backend: Backend, source: upload.Source | None, name: str | None) -> Artifact:
    """Store it under `name`, else under its own. None: standard input."""
    if source is None:
        with Line(call, name or "-") as line:
            return await backend.artifacts.add(name or "", standard_input(line.told), "standard input")
    whole = _whole(source)
    add = backend.artifacts.add_tree if source.is_folder else backend.artifacts.add
    with Line(call, whole.name) as line:
        async with aclosing(upload.stream(source, line.told)) as pieces:
            return await add(name or whole.name, pieces, origin_of(whole))


def name_of(source: upload.Source) -> str:
    """What it is called when nothing else is said."""
    return _whole(source).name


def _whole(source: upload.Source) -> Path:
    # the folder itself is meant by "." and by a path that ends in ".."
    return Path(os.path.abspath(source.path))  # noqa: PTH100 - resolve() would name what a link leads to


def origin_of(path: Path) -> str:
    """A path as it may be stored and shown: a person reads it, nobody opens it."""
    return "".join(character if character.isprintable() else "?" for character in str(path))[:4000]


async def standard_input(told: Callable[[int, int], None]) -> AsyncIterator[bytes]:
    """All of it, as it comes."""
    sent = 0
    while piece := await asyncio.to_thread(_some):
        if isinstance(piece, _Nothing):
            continue
        yield piece
        sent += len(piece)
        told(sent, 0)


class _Nothing:
    """Nothing came yet."""


def _some() -> bytes | _Nothing:
    """The next bytes; b"" at the end. Comes back now and then: a thread that waits for ever can't be interrupted."""
    try:
        descriptor = sys.stdin.fileno()
    except io.UnsupportedOperation:
        return sys.stdin.buffer.read(_PIECE)  # it is not the process's own
    readable, _, _ = select.select([descriptor], [], [], _LOOK_SECONDS)
    return os.read(descriptor, _PIECE) if readable else _Nothing()


class Line:
    """One line on standard error that is written over, where that is a terminal."""

    def __init__(self, call: Invocation, name: str) -> None:
        self._name, self._drawn_at, self._width = name, 0.0, 0
        self._is_shown = not call.quiet and not call.json and sys.stderr.isatty()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        if self._width:
            click.echo(f"\r{' ' * self._width}\r", err=True, nl=False)

    def told(self, sent: int, total: int) -> None:
        """`total` 0: it is not known."""
        now = time.monotonic()
        if not self._is_shown or now - self._drawn_at < _REFRESH_SECONDS:
            return
        self._drawn_at = now
        from deployx_tui.tui.render.safe import fit, show

        of = f" of {size_words(total)} ({100 * sent // total} %)" if total else ""
        room = os.get_terminal_size(sys.stderr.fileno()).columns or 80
        text = fit(show(f"{self._name}  {size_words(sent)}{of}"), room - 1).rstrip()
        click.echo(f"\r{text:<{self._width}}", err=True, nl=False)
        self._width = len(text)
