"""The numbered, stored tellings of what changed. Written in the transaction of the change; read by `events.stream`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, text

from deployx_tui.model.event import Event, EventId
from deployx_tui.model.ids import ExecutionId, TaskId
from deployx_tui.store.clock import from_ms
from deployx_tui.store.schema import event_stream, events

Facts = Iterable[tuple[str, str | int | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event before it has a number. Field meanings: `model.event.Event`."""

    type: str
    at_ms: int
    task_id: TaskId | None = None
    execution_id: ExecutionId | None = None
    facts: tuple[tuple[str, str | int | None], ...] = ()


def append(
    c: Connection,
    type: str,  # noqa: A002 - the event's own word
    *,
    at_ms: int,
    task_id: TaskId | None = None,
    execution_id: ExecutionId | None = None,
    facts: Facts = (),
) -> None:
    """Tell one thing. It is numbered, and seen by followers once this transaction has committed."""
    append_many(c, [NewEvent(type=type, at_ms=at_ms, task_id=task_id, execution_id=execution_id, facts=tuple(facts))])


def append_many(c: Connection, new: Sequence[NewEvent]) -> None:
    """Tell many things, in their order.

    On PostgreSQL they are kept until `number_pending`: several transactions write at once there, and one that drew a
    number early and committed late would slip in behind followers who have passed that number.
    """
    rows = [
        {
            "type": e.type,
            "at": e.at_ms,
            "task_id": e.task_id,
            "execution_id": e.execution_id,
            "facts": json.dumps([list(fact) for fact in e.facts], separators=(",", ":")),
        }
        for e in new
    ]
    if c.dialect.name == "postgresql":
        c.info.setdefault(_PENDING, []).extend(rows)
    elif rows:
        c.execute(insert(events), rows)


_PENDING = "deployx events without a number"


def forget_pending(c: Connection) -> None:
    """What a transaction that was rolled back on this connection would have told."""
    c.info.pop(_PENDING, None)


def number_pending(c: Connection) -> None:
    """Number what this transaction tells, as its last act before the commit.

    One transaction at a time, so that numbers are drawn in the order of the commits. The lock is waited for by
    transactions that ask for nothing afterwards: it can't be part of a deadlock.
    """
    rows = c.info.pop(_PENDING, None)
    if rows:
        c.execute(text("SELECT pg_advisory_xact_lock(hashtext('deployx events'))"))
        c.execute(insert(events), rows)


def stream_uuid(c: Connection) -> str:
    found: str = c.scalars(select(event_stream.c.uuid)).one()
    return found


def newest(c: Connection) -> int:
    """The number of the last event; 0 before the first."""
    return c.scalar(select(func.max(events.c.number))) or 0


def oldest(c: Connection) -> int:
    """The number of the first event that is still kept; 0 when there is none."""
    return c.scalar(select(func.min(events.c.number))) or 0


def after(c: Connection, stream: str, number: int, limit: int) -> tuple[Event, ...]:
    """What came after `number`, in order."""
    rows = c.execute(select(events).where(events.c.number > number).order_by(events.c.number).limit(limit))
    return tuple(
        Event(
            id=EventId(stream, row.number),
            type=row.type,
            at=from_ms(row.at),
            task_id=None if row.task_id is None else TaskId(row.task_id),
            execution_id=None if row.execution_id is None else ExecutionId(row.execution_id),
            facts=tuple((name, value) for name, value in json.loads(row.facts)),
        )
        for row in rows
    )


def forget_before(c: Connection, at_ms: int, limit: int) -> int:
    """Delete up to `limit` events from before an instant, oldest first; the newest always stays, as the position.

    Returns how many went.
    """
    last = newest(c)
    old = select(events.c.number).where(events.c.at < at_ms, events.c.number < last).order_by(events.c.at).limit(limit)
    return c.execute(delete(events).where(events.c.number.in_(old.scalar_subquery()))).rowcount


def forget_growth(c: Connection, at_ms: int, limit: int) -> int:
    """Delete up to `limit` tellings of grown output from before an instant: nobody follows on from those.

    Returns how many went. The newest event stays, whatever it is.
    """
    old = (
        select(events.c.number)
        .where(events.c.at < at_ms, events.c.type == "output.grew", events.c.number < newest(c))
        .order_by(events.c.at)
        .limit(limit)
    )
    return c.execute(delete(events).where(events.c.number.in_(old.scalar_subquery()))).rowcount
