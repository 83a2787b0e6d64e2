"""Questions to a person, on standard error. Without one, what would ask fails and names the flag."""

from __future__ import annotations

import click

from deployx_tui.cli import printing
from deployx_tui.cli.invocation import INTERRUPTED, Invocation
from deployx_tui.errors import InvalidInput
from deployx_tui.tui.render.safe import show


def confirm(call: Invocation, what: str, *, yes: bool) -> None:
    """Return if `what` may be done ("delete 3 devices: web01, web02, web03"); else stop.

    Raises InvalidInput when nobody can be asked and --yes was not given; leaves the command with 130 on a no.
    """
    if yes:
        return
    if not call.can_ask:
        raise InvalidInput.of("--yes", f"would {what}, and nobody is there to ask", "add --yes to do it")
    if not click.confirm(show(f"{what[:1].upper()}{what[1:]}?"), err=True):
        printing.note(call, "nothing was changed")
        raise click.exceptions.Exit(INTERRUPTED)
