"""Which row is meant, and whether the caller has seen its present state."""

from __future__ import annotations

from deployx_tui.errors import Conflict


def refuse_stale(noun: str, present: int, given: int | None) -> None:
    """Conflict when the caller's version is given and not the present one."""
    if given is not None and given != present:
        raise Conflict(f"the {noun} was changed meanwhile (version {present}, not {given})", stale=True)
