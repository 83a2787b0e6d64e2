"""The claim: due instants become executions, and their tasks move on, in one durable transaction.

Written before anything is submitted, so an instant is never lost and never made twice. What a due instant becomes is
decided by `scheduling/catchup.py` and `overlap.py`; times come from `scheduling/recurrence.py` alone.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection

from deployx_tui.errors import InvalidInput
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.ids import EngineId, ExecutionId, TaskId
from deployx_tui.model.parse import format_duration
from deployx_tui.model.payloads import one_line
from deployx_tui.model.schedule import Overlap
from deployx_tui.scheduling import catchup, overlap
from deployx_tui.scheduling.clock_step import ClockStep
from deployx_tui.scheduling.due import Claimed
from deployx_tui.scheduling.recurrence import Rule, compile_schedule
from deployx_tui.store import claims, engines, events, tasks
from deployx_tui.store.claims import DueTask, NewFire
from deployx_tui.store.clock import from_ms, now_ms, to_ms
from deployx_tui.store.database import Database

log = logging.getLogger(__name__)

#: tasks in one transaction: the lock is held for some 20 ms, and one fsync is shared
BATCH = 500


@dataclass(frozen=True, slots=True)
class _Rules:
    rule: Rule
    overlap: Overlap
    grace: timedelta
    summary: str


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a due instant becomes as far as its time goes."""

    status: ExecutionStatus
    why: str
    next_ms: int | None
    summary: str
    #: None: it does not run whatever else runs
    overlap: Overlap | None
    pauses: bool = False


@dataclass(frozen=True, slots=True)
class _Jump:
    """The wall clock was set forward, from one instant to another."""

    start: datetime
    end: datetime

    def passes(self, instant: datetime) -> bool:
        return self.start <= instant <= self.end


@dataclass(frozen=True, slots=True)
class _Quiet:
    """What the earliest instant was, in which version of the database."""

    version: int
    #: None: nothing is scheduled
    until_ms: int | None


class TaskClaim:
    """Claims due tasks for one engine. Used by the ticker's thread alone."""

    def __init__(self, database: Database, engine: EngineId) -> None:
        self._database, self._engine = database, engine
        self._jump: _Jump | None = None
        self._quiet: _Quiet | None = None

    def __call__(self, now: datetime) -> Claimed:
        """Claim up to `BATCH` tasks that are due at `now`. Raises what the store raises; nothing is claimed then."""
        if self._is_quiet(to_ms(now)):
            return Claimed((), more=False)
        with self._database.read() as c:
            due = claims.due(c, to_ms(now), BATCH)
        if not due:
            return Claimed((), more=False)
        # the next instants are computed before the lock is taken
        verdicts = {task.id: _judge(task, now, self._jump) for task in due}
        with self._database.write(durable=True) as c:
            if not engines.is_registered(c, self._engine):
                return Claimed((), more=False)  # taken for dead: what it claimed would be nobody's
            unchanged = claims.still_as_read(c, due)
            alive = claims.alive_runs(c, unchanged)
            fires = [_fire(task, verdicts[task.id], alive.get(task.id, ())) for task in unchanged]
            runs = claims.write(c, self._engine, fires, now_ms())
        # a missed instant may be followed by one that is due already
        overtaken = any(fire.next_ms is not None and fire.next_ms <= to_ms(now) for fire in fires)
        return Claimed(runs, more=len(due) == BATCH or overtaken)

    def next_due(self) -> datetime | None:
        """The earliest instant of all tasks; None: nothing is scheduled."""
        # read first: what is committed meanwhile makes the next look read again
        version = self._database.version()
        if self._quiet is None or version is None or version != self._quiet.version:
            with self._database.read() as c:
                found = claims.next_due(c)
            self._quiet = None if version is None else _Quiet(version, found)
        else:
            found = self._quiet.until_ms
        return None if found is None else from_ms(found)

    def _is_quiet(self, now_ms: int) -> bool:
        """Nothing can be due: nobody has committed since the earliest instant was read, and it has not come."""
        quiet = self._quiet
        if quiet is None or (quiet.until_ms is not None and quiet.until_ms <= now_ms):
            return False
        return self._database.version() == quiet.version

    def clock_stepped(self, step: ClockStep) -> None:
        """Tell it; after a large step back compute every next instant anew, or tasks would sleep for its length.

        An instant that the false clock had passed without a run comes again; one that it had run does not.
        """
        if step.by > timedelta(0):
            self._jump = _Jump(step.now - step.by, step.now)
        with self._database.write() as c:
            events.append(
                c,
                "engine.clock",
                at_ms=now_ms(),
                facts=[("engine_id", self._engine), ("step_ms", step.by // timedelta(milliseconds=1))],
            )
        log.warning("the wall clock was set by %+.1f s", step.by.total_seconds())
        if step.is_large_and_back:
            self._recompute(step.now)

    def _recompute(self, now: datetime) -> None:
        with self._database.write(durable=True) as c:
            claims.give_back_ahead(c, to_ms(now))
            taken = claims.taken_ahead(c, to_ms(now))
        after = TaskId(0)
        while True:
            with self._database.read() as c:
                batch = claims.scheduled(c, after, BATCH)
            if not batch:
                return
            after = batch[-1].id
            fresh = {task.id: _first_after(task, now, taken) for task in batch}
            with self._database.write(durable=True) as c:
                claims.reschedule(c, _moved(c, batch, fresh))


def _moved(
    c: Connection, batch: tuple[DueTask, ...], fresh: dict[TaskId, int | None]
) -> list[tuple[DueTask, int | None]]:
    # an instant that lies behind is due, and its claim's to judge; only what lies ahead is computed anew
    unchanged = claims.still_as_read(c, batch)
    return [(task, fresh[task.id]) for task in unchanged if fresh[task.id] not in (None, task.next_ms)]


def _first_after(task: DueTask, now: datetime, taken: Collection[tuple[TaskId, int]]) -> int | None:
    """The first instant that is not `taken`. None also where its rule can't be read: the claim will say so."""
    try:
        rule = _rules(task).rule
        following = rule.next_after(now)
        while following is not None and (task.id, to_ms(following)) in taken:
            following = rule.next_after(following)
    except Exception as error:  # noqa: BLE001 - as in `_judge`
        log.warning("the next instant of task %s stays as it was: %s", task.id, error)
        return None
    return None if following is None else min(to_ms(following), task.next_ms)


def _judge(task: DueTask, now: datetime, jump: _Jump | None) -> _Verdict:
    try:
        return _judge_sound(task, now, jump)
    except InvalidInput as error:
        # a zone that the machine no longer knows, or a row that something else wrote: said, and stopped
        return _broken(f"the task can't be read: {error}")
    except Exception as error:  # a bug of ours at one task must not keep all the others from firing
        log.exception("judging task %s", task.id)
        return _broken(f"deployx itself failed at it: {type(error).__name__}: {error}")


def _broken(why: str) -> _Verdict:
    return _Verdict(ExecutionStatus.FAILED, why, None, "", None, pauses=True)


def _judge_sound(task: DueTask, now: datetime, jump: _Jump | None) -> _Verdict:
    rules = _rules(task)
    decision = catchup.decide(from_ms(task.next_ms), now, rules.grace, rules.rule.next_after)
    next_ms = None if decision.next is None else to_ms(decision.next)
    if isinstance(decision, catchup.Missed):
        late_by = format_duration(timedelta(seconds=int(decision.late_by.total_seconds())))
        over = jump is not None and jump.passes(from_ms(task.next_ms))
        cause = "the clock was set forward past it" if over else "the engine did not run"
        why = f"{late_by} late: {cause}, and the grace is {format_duration(rules.grace)}"
        return _Verdict(ExecutionStatus.MISSED, why, next_ms, rules.summary, None)
    if task.owner_is_disabled:
        return _Verdict(ExecutionStatus.SKIPPED, f"its owner {task.owner} is disabled", next_ms, rules.summary, None)
    return _Verdict(ExecutionStatus.QUEUED, "", next_ms, rules.summary, rules.overlap)


def _fire(task: DueTask, verdict: _Verdict, alive: Sequence[ExecutionId]) -> NewFire:
    status, why = verdict.status, verdict.why
    if verdict.overlap is not None:
        decision = overlap.decide(verdict.overlap, alive)
        if isinstance(decision, overlap.Skip):
            status, why = ExecutionStatus.SKIPPED, decision.reason
    return NewFire(
        task=task, status=status, summary=verdict.summary, why=why, next_ms=verdict.next_ms, pauses=verdict.pauses
    )


def _rules(task: DueTask) -> _Rules:
    """Raises InvalidInput."""
    if task.draft_json is None:
        raise InvalidInput.of("version", f"version {task.version} is missing", "save the task again")
    return _compiled(task.draft_json)


@lru_cache(maxsize=20_000)
def _compiled(draft_json: str) -> _Rules:
    draft = tasks.read_draft(draft_json)
    return _Rules(compile_schedule(draft.schedule), draft.overlap, draft.grace, one_line(draft.payload))
