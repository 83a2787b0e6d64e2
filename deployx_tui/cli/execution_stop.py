"""`deployx execution stop-all`: F9 of the screens, as a command."""

from __future__ import annotations

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.invocation import Command, invocation


@click.command("stop-all", cls=Command, example="deployx execution stop-all --yes")
@click.option("--yes", is_flag=True, help="Do not ask.")
def stop_all(yes: bool) -> None:
    """Stop everything that runs, waits or is queued, as F9 does. Answers when all are asked to stop, not when dead."""
    from deployx_tui.model.words import counted

    call = invocation()
    asking.confirm(call, "stop everything that runs, waits or is queued", yes=yes)
    report = with_backend(call, lambda backend: backend.engine.stop_all())
    if call.json:
        printing.put_json({"executions": report.executions, "targets": report.targets})
    else:
        printing.put_line(f"asked {counted(report.executions, 'run')} with {counted(report.targets, 'target')} to stop")
