"""What an act touches, before it is asked about: how many devices, and which protected groups hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deployx_tui.model.guard import Guard, guard
from deployx_tui.model.ids import DeviceId
from deployx_tui.tui.render.line import Line, line, span

if TYPE_CHECKING:
    from deployx_tui.tui.screens.place import Place


async def guard_of(place: Place, devices: Mapping[DeviceId, str]) -> Guard | None:
    """Of an act on these devices; None: the groups could not be read, and the person was told."""
    page = await place.attempt(place.bridge.backend.groups.list())
    return None if page is None else guard(devices, page.items)


def guard_lines(found: Guard) -> tuple[Line, ...]:
    """A question's warning where a protected group is touched."""
    if not found.protected:
        return ()
    return (line(span("  ! ", "warn"), f"protected: {', '.join(found.protected)}"),)
