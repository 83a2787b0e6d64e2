"""Engine processes: who lives, and, on SQLite, who serves."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from deployx_tui.model.ids import EngineId
from deployx_tui.store.dialects.insert import insert_or_replace
from deployx_tui.store.schema import engines, holder


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRow:
    """One start of an engine process."""

    id: EngineId
    #: of the machine's boot and the process namespace: where the same text stands, pids mean the same
    boot_id: str
    host: str
    pid: int
    #: when that process began, in the system's own count; None where the system does not tell
    process_start: int | None
    started_at_ms: int
    #: grows with each sign of life; only compared, never subtracted from a clock
    beat: int = 0
    sites: str = "local"


@dataclass(frozen=True, slots=True)
class Holder:
    """The engine that serves a SQLite database. True only while its lock is held (engine/lease.py)."""

    engine_id: EngineId
    socket: str
    since_ms: int


def register(c: Connection, row: EngineRow) -> None:
    c.execute(
        sa.insert(engines).values(
            id=row.id,
            boot_id=row.boot_id,
            host=row.host,
            pid=row.pid,
            process_start=row.process_start,
            started_at=row.started_at_ms,
            beat=row.beat,
            beat_at=row.started_at_ms,
            sites=row.sites,
        )
    )


def beat(c: Connection, engine: EngineId, now_ms: int) -> bool:
    """A sign of life. False: another engine has taken this one for dead; it must start nothing any more."""
    statement = sa.update(engines).where(engines.c.id == engine).values(beat=engines.c.beat + 1, beat_at=now_ms)
    return c.execute(statement).rowcount == 1


def is_registered(c: Connection, engine: EngineId) -> bool:
    """Asked inside a claim. On PostgreSQL whoever sweeps this engine away waits until the claim has ended."""
    statement = sa.select(engines.c.id).where(engines.c.id == engine).with_for_update(read=True)
    return c.scalar(statement) is not None


def remove(c: Connection, engine: EngineId) -> bool:
    """It is no more: it starts nothing from here on. False: another one has removed it already."""
    return c.execute(sa.delete(engines).where(engines.c.id == engine)).rowcount == 1


def registered(c: Connection) -> tuple[EngineRow, ...]:
    return tuple(
        EngineRow(
            id=EngineId(row.id),
            boot_id=row.boot_id,
            host=row.host,
            pid=row.pid,
            process_start=row.process_start,
            started_at_ms=row.started_at,
            beat=row.beat,
            sites=row.sites,
        )
        for row in c.execute(sa.select(engines).order_by(engines.c.started_at, engines.c.id))
    )


def holder_of(c: Connection) -> Holder | None:
    """None: nobody has ever served it, or the last one left in order."""
    row = c.execute(sa.select(holder)).one_or_none()
    return None if row is None else Holder(EngineId(row.engine_id), row.socket, row.since)


def take_hold(c: Connection, engine: EngineId, socket: str, now_ms: int) -> None:
    """Write down who serves. The caller holds the lock that makes it true."""
    values = {"id": 1, "engine_id": engine, "socket": socket, "since": now_ms}
    c.execute(insert_or_replace(c, holder, ["id"]), values)


def let_go(c: Connection, engine: EngineId) -> None:
    c.execute(sa.delete(holder).where(holder.c.engine_id == engine))
