"""What the engine says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from deployx_tui.model.ids import EngineId


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    engine_id: EngineId
    version: str
    pid: int
    host: str
    #: what it serves, without a password
    database: str
    started_at: datetime
    #: the engine's own wall clock, now
    now: datetime
    #: the default zone for tasks, IANA
    zone: str
    #: --serve, or a terminal's private child that ends when idle
    is_service: bool
    #: it starts nothing more, waits for what runs, and then ends
    is_stopping: bool
    clients: int
    running_executions: int
    queued_executions: int
    #: how late starts are, at worst in the last hour
    lag_ms: int
    #: event stream position
    event_stream: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAllReport:
    """What F9 found and stopped."""

    executions: int
    targets: int
