"""Questions to a person, on standard error. Without one, what would ask fails and names the flag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import printing
from deployx_tui.cli.invocation import INTERRUPTED, Invocation
from deployx_tui.errors import InvalidInput
from deployx_tui.model.guard import MANY, guard
from deployx_tui.model.words import counted
from deployx_tui.tui.render.safe import show

if TYPE_CHECKING:
    from deployx_tui.model.ids import DeviceId
    from deployx_tui.service.backend import Backend


async def confirm_devices(
    call: Invocation, backend: Backend, what: str, devices: Mapping[DeviceId, str], *, yes: bool
) -> None:
    """Return if `what` ("run this") may be done on these devices; else stop, as `confirm` does.

    Few of no protected group are not asked about; those of a protected one want their count, or the name, typed.
    """
    found = guard(devices, (await backend.groups.list()).items)
    if yes or not found.asks:
        return
    shown = ", ".join(found.names[:MANY]) + (" ..." if len(found.names) > MANY else "")
    whole = f"{what} on {counted(len(found.names), 'device')}: {shown}"
    if not found.protected:
        confirm(call, whole, yes=yes)
        return
    whole = f"{whole} (protected: {', '.join(found.protected)})"
    if not call.can_ask:
        raise InvalidInput.of("--yes", f"would {whole}, and nobody is there to ask", "add --yes to do it")
    printing.say(f"would {whole}")
    if click.prompt(show(f"Type {found.word} to do it"), default="", show_default=False, err=True) != found.word:
        printing.note(call, "nothing was changed")
        raise click.exceptions.Exit(INTERRUPTED)


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
