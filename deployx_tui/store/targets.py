"""Targets of an execution: the one door through which each is started, and how each ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy import Connection

from deployx_tui.model.execution import Cause, KillReport, TargetState, TransferProgress
from deployx_tui.model.ids import BatchId, DeviceId, EngineId, ExecutionId, TargetId
from deployx_tui.store import changes, events
from deployx_tui.store.changes import Packed
from deployx_tui.store.dialects.insert import insert_new
from deployx_tui.store.events import NewEvent
from deployx_tui.store.schema import attempts, engines, execution_targets, executions
from deployx_tui.store.search import RunText, remember


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """A target as the engine sees it."""

    id: TargetId
    execution_id: ExecutionId
    device_id: DeviceId
    #: the device's name when the execution was planned
    device_name: str
    state: TargetState
    #: the engine that started it; None: not started
    owner: EngineId | None
    #: token of its start
    claim: str | None
    #: where its process is, as the transport wrote it
    handle_json: str | None
    cancel_requested: bool
    #: None: not started
    started_at_ms: int | None


@dataclass(frozen=True, slots=True)
class TargetStart:
    """A target about to be started, with a token that nobody else has."""

    target_id: TargetId
    token: str
    handle_json: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetEnd:
    """How a started target ended. Texts and bytes are masked."""

    state: TargetState
    at_ms: int
    #: None unless it exited
    exit_code: int | None = None
    #: without SIG; None unless a signal ended it
    signal: str | None = None
    cause: Cause | None = None
    #: None: unknown
    changed: bool | None = None
    #: None: nobody had to kill it
    kill: KillReport | None = None
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    output_cut: bool = False
    #: SHA-256 of stdout and stderr, hex; None: no output was kept
    output_sha256: str | None = None
    error_message: str = ""
    #: what it changed on the target, as far as that is known; it may be taken back. None: nothing
    changes: Packed | None = None
    #: first and last 2 KiB of the output, to find the run by
    head: bytes = field(default=b"", repr=False)
    tail: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Progress:
    """How much a running target has said so far, and how far its files are over."""

    target_id: TargetId
    execution_id: ExecutionId
    token: str
    stdout_bytes: int
    stderr_bytes: int
    #: None: it moves no files
    transfer: TransferProgress | None = None


#: how the handle of a durable target begins, and of one that is begun again: neither is lost with its engine
DURABLE_HANDLE = '{"durable":true,'
REPEATABLE_HANDLE = '{"repeatable":true,'

_t = execution_targets.c


def of_batch(c: Connection, batch: BatchId, state: TargetState | None = None) -> tuple[TargetRow, ...]:
    """A batch's targets in their order; with `state` only those."""
    statement = sa.select(execution_targets).where(_t.batch_id == batch).order_by(_t.id)
    if state is not None:
        statement = statement.where(_t.state == state.value)
    return tuple(
        TargetRow(
            id=TargetId(row.id),
            execution_id=ExecutionId(row.execution_id),
            device_id=DeviceId(row.device_id),
            device_name=row.device_name,
            state=TargetState(row.state),
            owner=None if row.owner is None else EngineId(row.owner),
            claim=row.claim,
            handle_json=row.remote_handle,
            cancel_requested=bool(row.cancel_requested),
            started_at_ms=row.started_at,
        )
        for row in c.execute(statement)
    )


def waiting_devices(c: Connection, execution: ExecutionId) -> tuple[DeviceId, ...]:
    """Where an execution that was planned is still to run."""
    t = execution_targets.c
    rows = c.scalars(sa.select(t.device_id).where(t.execution_id == execution, t.state == TargetState.WAITING.value))
    return tuple(DeviceId(row) for row in rows)


def keep_handle(c: Connection, target: TargetId, token: str, handle_json: str) -> bool:
    """How far a running target has come, for whoever goes on with it. False: this token does not own it."""
    ours = (_t.id == target, _t.claim == token, _t.state == TargetState.RUNNING.value)
    return bool(c.execute(sa.update(execution_targets).where(*ours).values(remote_handle=handle_json)).rowcount)


def start(
    c: Connection, target: TargetId, engine: EngineId, token: str, now_ms: int, handle_json: str | None = None
) -> bool:
    """The one door: True, once this transaction is durable, means that this token may send the first byte.

    False: someone else started it, it was cancelled, or this engine counts as dead. The same token again is True:
    that is the retry after a commit whose answer was lost.
    """
    return bool(start_many(c, engine, [TargetStart(target, token, handle_json)], now_ms))


#: The whole rule in one statement: whoever changes the row from waiting owns the target, for ever.
_START = (
    sa.update(execution_targets)
    .where(
        _t.id == sa.bindparam("target"),
        sa.or_(
            _t.state == TargetState.WAITING.value,
            sa.and_(_t.state == TargetState.RUNNING.value, _t.claim == sa.bindparam("token")),
        ),
        _t.cancel_requested == 0,
        # FOR SHARE (PostgreSQL): who sweeps this engine away as dead waits for us, or we see that it did
        sa.exists(sa.select(engines.c.id).where(engines.c.id == sa.bindparam("engine")).with_for_update(read=True)),
    )
    .values(
        state=TargetState.RUNNING.value,
        owner=sa.bindparam("engine"),
        claim=sa.bindparam("token"),
        remote_handle=sa.bindparam("handle"),
        attempts=sa.case((_t.state == TargetState.WAITING.value, _t.attempts + 1), else_=_t.attempts),
        started_at=sa.func.coalesce(_t.started_at, sa.bindparam("now")),
    )
    .returning(_t.attempts, _t.execution_id, _t.device_id)
)


def start_many(c: Connection, engine: EngineId, starts: Sequence[TargetStart], now_ms: int) -> frozenset[TargetId]:
    """`start` for targets of one moment: they share a commit. Returns those that were started."""
    started: set[TargetId] = set()
    told: list[NewEvent] = []
    first_tries: list[dict[str, object]] = []
    for each in starts:
        facts = {"target": each.target_id, "token": each.token, "handle": each.handle_json}
        row = c.execute(_START, {**facts, "engine": engine, "now": now_ms}).one_or_none()
        if row is None:
            continue
        started.add(each.target_id)
        first_tries.append(
            {
                "target_id": each.target_id,
                "number": row.attempts,
                "started_at": now_ms,
                "state": TargetState.RUNNING.value,
            }
        )
        told.append(changed(ExecutionId(row.execution_id), each.target_id, row.device_id, TargetState.RUNNING, now_ms))
    if first_tries:
        c.execute(insert_new(c, attempts), first_tries)  # the retry of an ambiguous commit finds its row there
    events.append_many(c, told)
    return frozenset(started)


def finish(c: Connection, target: TargetId, token: str, end: TargetEnd) -> bool:
    """Say how a started target ended. False: this token does not own it (or it had ended already).

    A target that counted as lost may still end: its engine was only thought dead.
    """
    return bool(finish_many(c, [(target, token, end)]))


def finish_many(c: Connection, ends: Sequence[tuple[TargetId, str, TargetEnd]]) -> frozenset[TargetId]:
    """`finish` for results of one moment. Returns those that were ended."""
    open_states = (TargetState.RUNNING.value, TargetState.LOST.value)
    rows = {
        row.id: row
        for row in c.execute(
            sa.select(
                _t.id, _t.claim, _t.attempts, _t.execution_id, _t.device_id, _t.device_name, executions.c.task_name
            )
            .join(executions, executions.c.id == _t.execution_id)
            .where(_t.id.in_([target for target, _, _ in ends]), _t.state.in_(open_states))
            .with_for_update(of=execution_targets)
        )
    }
    ours = [(rows[target], end) for target, token, end in ends if target in rows and rows[target].claim == token]
    if not ours:
        return frozenset()
    c.execute(_END, [_end_values(row.id, end) for row, end in ours])
    c.execute(_END_ATTEMPT, [_attempt_values(row.id, row.attempts, end) for row, end in ours])
    changes.keep(c, [(TargetId(row.id), end.changes) for row, end in ours if end.changes is not None])
    remember(
        c,
        (
            RunText(ExecutionId(row.execution_id), DeviceId(row.device_id), _words(row.task_name, row.device_name, end))
            for row, end in ours
        ),
    )
    events.append_many(
        c, [changed(ExecutionId(row.execution_id), row.id, row.device_id, end.state, end.at_ms) for row, end in ours]
    )
    return frozenset(TargetId(row.id) for row, _ in ours)


def lose(c: Connection, target: TargetId, token: str, why: str, now_ms: int) -> bool:
    """Call a started target lost by one statement, for when `finish` itself fails. False: it had ended already."""
    row = c.execute(
        sa.update(execution_targets)
        .where(_t.id == target, _t.claim == token, _t.state == TargetState.RUNNING.value)
        .values(state=TargetState.LOST.value, cause=Cause.LOST.value, finished_at=now_ms, error_message=why)
        .returning(_t.execution_id, _t.device_id, _t.attempts)
    ).one_or_none()
    if row is None:
        return False
    c.execute(
        sa.update(attempts)
        .where(attempts.c.target_id == target, attempts.c.number == row.attempts)
        .values(state=TargetState.LOST.value, cause=Cause.LOST.value, finished_at=now_ms, error_message=why)
    )
    events.append_many(c, [changed(ExecutionId(row.execution_id), target, row.device_id, TargetState.LOST, now_ms)])
    return True


_END_COLUMNS = (
    "state",
    "finished_at",
    "exit_code",
    "signal",
    "cause",
    "changed",
    "kill_verdict",
    "kill_pids",
    "stdout_bytes",
    "stderr_bytes",
    "output_cut",
    "output_sha256",
    "error_message",
)
_END = (
    sa.update(execution_targets)
    .where(_t.id == sa.bindparam("target"))
    .values({name: sa.bindparam(f"new_{name}") for name in _END_COLUMNS})
)
_ATTEMPT_COLUMNS = ("state", "finished_at", "exit_code", "signal", "cause", "error_message")
_END_ATTEMPT = (
    sa.update(attempts)
    .where(attempts.c.target_id == sa.bindparam("target"), attempts.c.number == sa.bindparam("try"))
    .values({name: sa.bindparam(f"new_{name}") for name in _ATTEMPT_COLUMNS})
)


def _end_values(target: int, end: TargetEnd) -> dict[str, object]:
    values: dict[str, object] = {
        "state": end.state.value,
        "finished_at": end.at_ms,
        "exit_code": end.exit_code,
        "signal": end.signal,
        "cause": None if end.cause is None else end.cause.value,
        "changed": None if end.changed is None else int(end.changed),
        "kill_verdict": None if end.kill is None else end.kill.verdict.value,
        "kill_pids": None if end.kill is None else " ".join(map(str, end.kill.pids)),
        "stdout_bytes": end.stdout_bytes,
        "stderr_bytes": end.stderr_bytes,
        "output_cut": int(end.output_cut),
        "output_sha256": end.output_sha256,
        "error_message": end.error_message,
    }
    return {"target": target, **{f"new_{name}": values[name] for name in _END_COLUMNS}}


def _attempt_values(target: int, number: int, end: TargetEnd) -> dict[str, object]:
    values = _end_values(target, end)
    return {"target": target, "try": number, **{f"new_{name}": values[f"new_{name}"] for name in _ATTEMPT_COLUMNS}}


def progress(c: Connection, updates: Sequence[Progress], now_ms: int) -> None:
    """How much running targets have said and moved: kept, and told so that followers fetch the rest."""
    ids = [update.target_id for update in updates]
    running = c.execute(sa.select(_t.id, _t.claim, _t.device_id).where(_t.id.in_(ids), _t.state == "running"))
    rows = {row.id: row for row in running}
    ours = [
        (u, rows[u.target_id].device_id) for u in updates if u.target_id in rows and rows[u.target_id].claim == u.token
    ]
    if not ours:
        return
    c.execute(_GROW, [_grown(update) for update, _ in ours])
    events.append_many(
        c,
        [
            NewEvent(
                type="output.grew",
                at_ms=now_ms,
                execution_id=u.execution_id,
                facts=(
                    ("device_id", device),
                    ("target_id", u.target_id),
                    ("offset", u.stdout_bytes + u.stderr_bytes),
                    *(() if u.transfer is None else (("done", u.transfer.done), ("total", u.transfer.total))),
                ),
            )
            for u, device in ours
        ],
    )


_GROW = (
    sa.update(execution_targets)
    .where(_t.id == sa.bindparam("target"), _t.state == TargetState.RUNNING.value)
    .values(
        stdout_bytes=sa.bindparam("out"),
        stderr_bytes=sa.bindparam("err"),
        transfer_done=sa.bindparam("done"),
        transfer_total=sa.bindparam("all"),
        transfer_rate=sa.bindparam("rate"),
    )
)


def _grown(update: Progress) -> dict[str, int | None]:
    moved = update.transfer
    return {
        "target": update.target_id,
        "out": update.stdout_bytes,
        "err": update.stderr_bytes,
        "done": None if moved is None else moved.done,
        "all": None if moved is None else moved.total,
        "rate": None if moved is None else moved.rate,
    }


def skip_waiting(c: Connection, execution: ExecutionId, why: str, now_ms: int) -> None:
    """Targets that were never started and shall not be any more."""
    c.execute(
        sa.update(execution_targets)
        .where(_t.execution_id == execution, _t.state == TargetState.WAITING.value)
        .values(state=TargetState.SKIPPED.value, finished_at=now_ms, error_message=why)
    )


def changed(execution: ExecutionId, target: int, device: int, state: TargetState, at_ms: int) -> NewEvent:
    """The event of a target's new state."""
    facts = (("device_id", device), ("target_id", target), ("state", state.value))
    return NewEvent(type="target.changed", at_ms=at_ms, execution_id=execution, facts=facts)


def _words(task_name: str, device_name: str, end: TargetEnd) -> str:
    said = [end.head, end.tail if end.tail != end.head else b""]
    return " ".join([task_name, device_name, end.error_message, *(piece.decode(errors="replace") for piece in said)])
