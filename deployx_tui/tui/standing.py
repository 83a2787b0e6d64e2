"""How the screens stand to the engine: starting, up, lost. A value, so that it can be drawn without either."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deployx_tui.model.engine import EngineStatus


class Link(StrEnum):
    STARTING = "starting"
    UP = "up"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the screens stand to the engine."""

    link: Link = Link.STARTING
    #: what it said last; None: nothing yet
    status: EngineStatus | None = None
    #: our clock when it said it
    status_at: datetime | None = None
    #: since when it is lost, and why
    lost_at: datetime | None = None
    why: str = ""
