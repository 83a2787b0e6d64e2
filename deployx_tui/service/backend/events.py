"""The event stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from deployx_tui.model.event import Event, EventId, Reset
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


class Events(Protocol):
    @needs(Permission.EVENTS_READ)
    def follow(
        self, after: EventId | None = None, execution: ExecutionId | None = None, *, without_growth: bool = False
    ) -> AsyncIterator[Event | Reset]:
        """Events after `after` (None: from now on), without end. A gap gives one Reset first.

        With None the first item is always a Reset that carries the present position, so that a client that
        reads its state after it misses nothing. `without_growth`: no `output.grew`, of which each running target
        causes some a second; for whoever waits for outputs at the outputs themselves.
        """
        ...
