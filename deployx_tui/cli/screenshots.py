"""`deployx screenshots`: the main job on a demo fleet as a transcript, and every screen as a picture."""

from __future__ import annotations

import asyncio
import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import printing
from deployx_tui.cli.invocation import Command, Invocation, invocation

if TYPE_CHECKING:
    from deployx_tui.config import Settings
    from deployx_tui.demo.fleet import Fleet


@click.command(cls=Command, example="deployx screenshots pictures")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def screenshots(folder: Path) -> int:
    """Run the demo without a terminal and write what it shows into DIR.

    transcript.txt is the main job as `deployx demo --check` prints it; each screen is an SVG at 120x36 and at 80x24,
    and a PNG where cairosvg is installed.
    """
    from deployx_tui.cli.demo import demo_place

    call = invocation()
    target = folder.absolute()
    with demo_place(call, "auto") as (fleet, settings):
        return asyncio.run(_make(call, settings, fleet, target))


async def _make(call: Invocation, settings: Settings, fleet: Fleet, folder: Path) -> int:
    from deployx_tui.cli.demo import put_check
    from deployx_tui.cli.following import exit_status_of
    from deployx_tui.demo import seeding
    from deployx_tui.demo.check import check
    from deployx_tui.service import process
    from deployx_tui.tui.screenshots import capture

    async with process.backend_for(settings, in_process=True) as backend:
        printing.note(call, "making devices, groups and tasks, and running them ...")
        await seeding.seed_devices(backend, fleet.hosts)
        tasks = await seeding.seed_tasks(backend, settings.timezone)
        await seeding.first_round(backend, tasks)
        await seeding.later_rounds(backend, tasks)
        checked = await check(backend)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            put_check(call, checked)
        written = await capture(backend, folder)
    transcript = folder / "transcript.txt"
    transcript.write_text(f"$ deployx demo --check\n{said.getvalue()}", "utf-8")
    paths = [transcript, *written]
    if call.json:
        printing.put_json([str(path) for path in paths])
    else:
        for path in paths:
            printing.put_line(str(path))
    return exit_status_of(checked.execution, checked.targets)
