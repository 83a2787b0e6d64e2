"""What engines that died left unfinished, as the next engine will judge it: shown to readers, never written.

Each connection that reads gets temporary views with the names of three tables, so every list, filter, page and count
agrees. In them the dead engines are gone; a target that they ran is lost, but for a durable one, which runs on, and a
repeatable one, which is begun again; an execution that they ran runs when such a target of it does, is queued when it
can go on, and else what its targets say. `orphans.py` has the same for an engine, which writes it. SQLite only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection, Table

from deployx_tui.model.execution import Cause, ExecutionStatus, TargetState
from deployx_tui.model.ids import EngineId
from deployx_tui.store import endings, executions, orphans
from deployx_tui.store.database import Database
from deployx_tui.store.schema import engines, execution_targets
from deployx_tui.store.schema import executions as runs
from deployx_tui.store.targets import DURABLE_HANDLE, REPEATABLE_HANDLE

#: of a run whose engine ended before all of it was started
GOES_ON = "its engine ended; it goes on when an engine starts, if that is not too late"


def is_possible(c: Connection) -> bool:
    """Whether anything is unfinished, whoever has it."""
    alive = sa.exists(sa.select(runs.c.id).where(executions.IS_ALIVE))
    running = sa.exists(sa.select(execution_targets.c.id).where(sa.text("execution_targets.state = 'running'")))
    return bool(c.scalar(sa.select(sa.or_(alive, running))))


def show(database: Database, dead: Collection[EngineId]) -> int:
    """From here on this database's readers see that these engines are no more. Returns how many executions they left.

    What an engine that starts meanwhile takes over is seen as that engine writes it.
    """
    ids = [(engine,) for engine in dead]

    def without_engines(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TEMP TABLE dead_engines (id TEXT PRIMARY KEY)")
        connection.executemany("INSERT INTO dead_engines VALUES (?)", ids)
        connection.execute(_view(engines, where="id NOT IN (SELECT id FROM temp.dead_engines)"))
        connection.execute(_view(execution_targets, **_LOST_TARGET))

    database.prepare_readers(without_engines)
    with database.read() as c:
        left = orphans.left_behind(c)
        judged = [(orphan.id, *_judge(c, orphan)) for orphan in left if orphan.status is ExecutionStatus.RUNNING]

    def with_verdicts(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TEMP TABLE verdicts (id INTEGER PRIMARY KEY, status TEXT, why TEXT)")
        connection.executemany("INSERT INTO verdicts VALUES (?, ?, ?)", [(*each,) for each in judged])
        connection.execute(
            _view(runs, status=_verdict("status", "status"), error_message=_verdict("why", "error_message"))
        )

    database.prepare_readers(with_verdicts)
    return len(left)


#: no engine has it any more
_IS_LEFT = "NOT coalesce({} IN (SELECT id FROM temp.engines), 0)"


#: of a durable target, of one that is begun again, and of a run that has one
_RUNS_ON = "its engine ended; it goes on on its target, and the next engine takes it up"
_BEGUN_AGAIN = "its engine ended; the next engine goes on with it where it stopped"


def _lost(column: str, value: str, *, is_message: bool = False) -> str:
    """Of a target that ran. One that goes on has what is written there; as its message, how it goes on."""
    runs_on, begun_again = (f"'{_RUNS_ON}'", f"'{_BEGUN_AGAIN}'") if is_message else (column, column)
    instead = (
        f"CASE WHEN coalesce(remote_handle LIKE '{DURABLE_HANDLE}%', 0) THEN {runs_on} "
        f"WHEN coalesce(remote_handle LIKE '{REPEATABLE_HANDLE}%', 0) THEN {begun_again} ELSE '{value}' END"
    )
    return f"CASE WHEN state = 'running' AND {_IS_LEFT.format('owner')} THEN {instead} ELSE {column} END"


_LOST_TARGET = {
    "state": _lost("state", TargetState.LOST.value),
    "cause": _lost("cause", Cause.LOST.value),
    "error_message": _lost("error_message", orphans.LOST, is_message=True),
}


def _verdict(verdict: str, column: str) -> str:
    """Of a run that ran; one that a later engine took over is that engine's."""
    found = f"(SELECT {verdict} FROM temp.verdicts WHERE verdicts.id = {runs.name}.id)"  # noqa: S608 - names of ours
    is_left = f"status = 'running' AND {_IS_LEFT.format('engine_id')}"
    return f"CASE WHEN {is_left} THEN coalesce({found}, {column}) ELSE {column} END"


def _view(table: Table, *, where: str = "1", **instead: str) -> str:
    """A temporary view in the table's place, with some columns computed."""
    columns = ", ".join(f"{instead.get(each.name, each.name)} AS {each.name}" for each in table.columns)
    return f"CREATE TEMP VIEW {table.name} AS SELECT {columns} FROM main.{table.name} WHERE {where}"  # noqa: S608 - names of ours


def _judge(c: Connection, orphan: orphans.Orphan) -> tuple[str, str]:
    if orphan.going_on:
        return ExecutionStatus.RUNNING.value, _RUNS_ON
    if not orphan.is_cancelled and (orphan.waiting or not orphan.is_planned):
        return ExecutionStatus.QUEUED.value, GOES_ON
    status, why, _ = endings.verdict(c, orphan.id, is_cancelled=orphan.is_cancelled)
    return status.value, why
