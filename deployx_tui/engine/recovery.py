"""What becomes of the work of an engine that died.

Its running targets are lost: their outcome is unknown, which never means that they did not run. Durable ones are not:
they are attached to from here; nor are repeatable ones, which are begun again. What it had queued, and targets that it
had not started, are known to be untouched: they go on here, if they are not too late.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from secrets import token_hex

from sqlalchemy import Connection

from deployx_tui.engine import liveness
from deployx_tui.engine.liveness import BeatWatch
from deployx_tui.engine.resuming import resumption
from deployx_tui.errors import InvalidInput
from deployx_tui.model.ids import EngineId, ExecutionId
from deployx_tui.model.parse import format_duration
from deployx_tui.model.schedule import DEFAULT_GRACE
from deployx_tui.planning.plan import of_task
from deployx_tui.store import endings, engines, orphans, targets, tasks
from deployx_tui.store.database import Database
from deployx_tui.store.dialects.locks import try_lock
from deployx_tui.store.orphans import Orphan

log = logging.getLogger(__name__)


def sweep(database: Database, engine: EngineId, watch: BeatWatch, now_ms: int, monotonic: float) -> bool:
    """Bury engines that died, and take over what they left. True: this engine has adopted executions."""
    with database.read() as c:
        others = [row for row in engines.registered(c) if row.id != engine]
        has_orphans = orphans.exist(c)
    unclear = {row.id: row.beat for row in others if liveness.is_alive(row) is None}
    dead = {row.id for row in others if liveness.is_alive(row) is False} | watch.silent(unclear, monotonic)
    if not dead and not has_orphans:
        return False
    # durable: an adopted run may start at once, and must not fall back to the dead one by a power loss
    with database.write(durable=True) as c:
        # one sweeper at a time; and one that is itself taken for dead must adopt nothing
        if not try_lock(c, "sweep") or not engines.is_registered(c, engine):
            return False
        for each in dead:
            if engines.remove(c, each):
                log.warning("engine %s is dead; its work is taken over", each)
        return _take_over(c, engine, now_ms)


def _take_over(c: Connection, engine: EngineId, now_ms: int) -> bool:
    """Everything that belongs to an engine without a row."""
    left = orphans.left_behind(c)
    running = _adopt_targets(c, engine, frozenset(orphan.id for orphan in left))
    concerned = orphans.lose_targets(c, now_ms)
    has_adopted = False
    for orphan in left:
        too_late = None if orphan.is_cancelled else _too_late(orphan, now_ms)
        if too_late is not None and not orphan.has_started:
            endings.miss(c, orphan.id, too_late, now_ms)
            continue
        if too_late is not None:
            targets.skip_waiting(c, orphan.id, too_late, now_ms)
        goes_on = too_late is None and not orphan.is_cancelled and (orphan.waiting or not orphan.is_planned)
        if goes_on or orphan.id in running:
            orphans.adopt(c, orphan.id, engine, now_ms)
            has_adopted = True
        else:
            endings.finish(c, orphan.id, now_ms)
    # of runs that a living engine goes on with, or that were over and hear now of a target that is lost
    for execution in concerned - {orphan.id for orphan in left}:
        endings.finish(c, execution, now_ms)
    return has_adopted


def _adopt_targets(c: Connection, engine: EngineId, left: frozenset[ExecutionId]) -> frozenset[ExecutionId]:
    """Targets of executions that were left behind go on under this engine, if they can. Returns those executions."""
    adopted = [
        target
        for target in orphans.running(c)
        if target.execution in left and resumption(target.handle_json) is not None
    ]
    for target in adopted:
        orphans.adopt_target(c, target.id, engine, token_hex(16))
    return frozenset(target.execution for target in adopted)


def _too_late(orphan: Orphan, now_ms: int) -> str | None:
    """Why it may not start any more; None: it may."""
    grace = _grace(orphan.draft_json)
    late_by = timedelta(milliseconds=now_ms - orphan.due_at_ms)
    if late_by <= grace:
        return None
    whole = timedelta(seconds=int(late_by.total_seconds()))
    return f"the engine ended before it started, and {format_duration(whole)} is later than the grace allows"


def _grace(draft_json: str) -> timedelta:
    """A task's own; an ad-hoc run, and a draft that planning will refuse, have the usual one."""
    try:
        return tasks.read_draft(of_task(draft_json)).grace
    except InvalidInput:
        return DEFAULT_GRACE
