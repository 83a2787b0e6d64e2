"""As whom and how a command runs, and what becomes of it when its connection breaks. Pure."""

from __future__ import annotations

from deployx_tui.model.parse import format_umask
from deployx_tui.model.payload import CommandPayload, Reboot


def disconnected_words(payload: CommandPayload) -> str:
    """What becomes of a command whose connection breaks, in the words of the editor."""
    if payload.reboot is Reboot.EXPECTED:
        return "reboot expected"
    return "goes on (durable)" if payload.durable else "lost"


def manner(payload: CommandPayload) -> tuple[tuple[str, str], ...]:
    """(what, how) of what was asked for, where it is not the account that logs in and its own way."""
    run_as = payload.run_as
    rows = [] if run_as is None else [("as", f"{run_as.user}, by {run_as.method}")]
    if payload.umask is not None:
        rows.append(("umask", format_umask(payload.umask)))
    if payload.tty:
        rows.append(("tty", "a terminal: its two streams come as one"))
    return tuple(rows)
