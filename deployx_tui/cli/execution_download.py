"""`deployx execution download`: a run and all that its targets said, as one file."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.invocation import Command, ExecutionNumber, invocation
from deployx_tui.errors import InvalidInput

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend


@click.command(cls=Command, example="deployx execution download 1 --format archive")
@click.argument("number", metavar="ID", type=ExecutionNumber())
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "archive"]),
    help="One text, or a zip file with a file for each target and stream; default: as --to ends.",
)
@click.option("--to", metavar="FILE", help="Where to; - is standard output. Default: a name of its own, here.")
def download(number: int, form: str | None, to: str | None) -> int:
    """Write a run and all that its targets said to one file, for you alone. No file is overwritten.

    Exit status 1 when a part can't be read, because its file is damaged or missing; a line stands in its place.
    """
    from deployx_tui.cli.following import Unreadable
    from deployx_tui.model.ids import ExecutionId
    from deployx_tui.service import download as making

    call = invocation()
    unreadable = Unreadable()
    execution = ExecutionId(number)
    zone = datetime.now().astimezone().tzinfo
    if zone is None:
        raise TypeError("an aware time without a zone")

    async def work(backend: Backend) -> tuple[Path, int] | None:
        chosen = making.Format(form) if form else making.form_of(Path(to or ""))
        if to == "-":
            async for piece in making.download(backend, execution, chosen, zone, gaps=unreadable.look):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return None
        path = Path(to) if to else Path(making.file_name(await backend.executions.get(execution), chosen))
        try:
            size = await making.write(backend, execution, path.expanduser(), chosen, zone, gaps=unreadable.look)
            return path, size
        except FileExistsError:
            raise InvalidInput.of("--to", f"{path} exists and is left as it is", "name another file") from None
        except OSError as error:
            raise InvalidInput.of("--to", f"{path} can't be written: {error.strerror}", "name another file") from error

    if to == "-" and call.json:
        raise InvalidInput.of("--to", "the file itself would be no JSON", "leave out --json, or name a file")
    written = with_backend(call, work, engine=False)
    if written is None:
        return unreadable.told(call)
    path, size = written
    if call.json:
        printing.put_json({"file": str(path), "bytes": size})
    else:
        printing.put_line(f"wrote {size} bytes to {path}")
    return unreadable.told(call)
