"""An engine's place in the database, and what becomes of the work of one that died: on both databases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from deployx_tui.engine import liveness, recovery
from deployx_tui.engine.holder_lock import HolderLock
from deployx_tui.engine.lease import Lease
from deployx_tui.engine.liveness import BeatWatch
from deployx_tui.errors import DatabaseRefused
from deployx_tui.model.execution import ExecutionStatus, TargetState
from deployx_tui.model.ids import EngineId, ExecutionId
from deployx_tui.store import endings, engines, executions, targets
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.store.schema import execution_targets
from deployx_tui.store.schema import executions as executions_table
from deployx_tui.store.targets import TargetEnd
from tests.support.rows import NOW_MS, add_device, add_run, add_task, add_user, plan

ME = EngineId("me")
DEAD = EngineId("dead")
HOUR = 3_600_000


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def two_engines(database: Database, dead_pid: int) -> Database:
    """This process's engine, and one whose process has ended."""
    with database.write() as c:
        engines.register(c, liveness.this_process(ME, NOW_MS))
        engines.register(c, replace(liveness.this_process(DEAD, NOW_MS), pid=dead_pid))
    return database


def _sweep(database: Database, now_ms: int = NOW_MS + 1000) -> bool:
    return recovery.sweep(database, ME, BeatWatch(), now_ms, 0.0)


def _row(c: Connection, run: ExecutionId) -> sa.Row[tuple[object, ...]]:
    return c.execute(sa.select(executions_table).where(executions_table.c.id == run)).one()


def _states(c: Connection, run: ExecutionId) -> list[str]:
    t = execution_targets.c
    return list(c.scalars(sa.select(t.state).where(t.execution_id == run).order_by(t.id)))


def test_what_a_dead_engine_had_queued_is_adopted(two_engines: Database) -> None:
    with two_engines.write() as c:
        owner = add_user(c)
        run = add_run(c, owner, engine=DEAD)
        living = add_run(c, owner, key="m:2", engine=ME)
    assert _sweep(two_engines)
    with two_engines.read() as c:
        assert set(executions.queued(c, ME)) == {run, living}
        assert [row.id for row in engines.registered(c)] == [ME]
    assert not _sweep(two_engines)


def test_what_ran_is_lost_what_ended_stays_and_what_waited_goes_on(two_engines: Database) -> None:
    with two_engines.write() as c:
        owner = add_user(c)
        run = add_run(c, owner, engine=DEAD)
        batch = plan(c, run, [(add_device(c, owner, name), name) for name in "abc"])
        executions.set_running(c, run, NOW_MS)
        running, ended, waiting = (row.id for row in targets.of_batch(c, batch))
        assert targets.start(c, running, DEAD, "t1", NOW_MS)
        assert targets.start(c, ended, DEAD, "t2", NOW_MS)
        targets.finish(c, ended, "t2", TargetEnd(state=TargetState.SUCCEEDED, at_ms=NOW_MS, exit_code=0))
    assert _sweep(two_engines)
    with two_engines.write() as c:
        assert _states(c, run) == ["lost", "succeeded", "waiting"]
        assert executions.queued(c, ME) == (run,)
        assert not targets.start(c, running, ME, "new", NOW_MS)  # never tried again unasked
        assert targets.start(c, waiting, ME, "new", NOW_MS)


def test_a_run_of_which_nothing_waits_is_finished_as_lost(two_engines: Database) -> None:
    with two_engines.write() as c:
        owner = add_user(c)
        run = add_run(c, owner, engine=DEAD)
        batch = plan(c, run, [(add_device(c, owner, "a"), "a")])
        executions.set_running(c, run, NOW_MS)
        assert targets.start(c, targets.of_batch(c, batch)[0].id, DEAD, "t", NOW_MS)
    assert not _sweep(two_engines)
    with two_engines.read() as c:
        assert (_row(c, run).status, _row(c, run).error_message) == ("lost", "a lost")


def test_what_is_too_late_to_start_is_missed_visibly(two_engines: Database) -> None:
    with two_engines.write() as c:
        owner = add_user(c)
        task = add_task(c, owner)
        in_grace = add_run(c, owner, task=task, key="s:1", engine=DEAD, now_ms=NOW_MS)
        late = add_run(c, owner, task=task, key="s:2", engine=DEAD, now_ms=NOW_MS - 2 * HOUR)
        ad_hoc = add_run(c, owner, key="m:3", engine=DEAD, now_ms=NOW_MS - 2 * HOUR)
        c.execute(sa.update(executions_table).where(executions_table.c.id == ad_hoc).values(draft="{}"))
    assert _sweep(two_engines, NOW_MS + HOUR)
    with two_engines.read() as c:
        assert executions.queued(c, ME) == (in_grace,)
        assert (_row(c, late).status, _row(c, ad_hoc).status) == ("missed", "missed")
        assert "3h" in str(_row(c, late).error_message)


def test_a_half_done_run_that_is_too_late_skips_the_rest(two_engines: Database) -> None:
    with two_engines.write() as c:
        owner = add_user(c)
        run = add_run(c, owner, engine=DEAD)
        batch = plan(c, run, [(add_device(c, owner, name), name) for name in "ab"])
        executions.set_running(c, run, NOW_MS)
        assert targets.start(c, targets.of_batch(c, batch)[0].id, DEAD, "t", NOW_MS)
    assert not _sweep(two_engines, NOW_MS + 2 * HOUR)
    with two_engines.read() as c:
        assert _states(c, run) == ["lost", "skipped"]
        assert _row(c, run).status == "lost"


def test_a_cancelled_run_of_a_dead_engine_ends_cancelled(two_engines: Database) -> None:
    with two_engines.write() as c:
        owner = add_user(c)
        run = add_run(c, owner, engine=DEAD)
        batch = plan(c, run, [(add_device(c, owner, name), name) for name in "ab"])
        executions.set_running(c, run, NOW_MS)
        assert targets.start(c, targets.of_batch(c, batch)[0].id, DEAD, "t", NOW_MS)
        assert endings.request_cancel(c, run, NOW_MS)
    assert not _sweep(two_engines)
    with two_engines.read() as c:
        assert _states(c, run) == ["lost", "cancelled"]
        assert _row(c, run).status == "cancelled"


def test_an_engine_on_another_machine_is_dead_only_after_ten_silent_seconds(database: Database) -> None:
    with database.write() as c:
        engines.register(c, liveness.this_process(ME, NOW_MS))
        engines.register(c, replace(liveness.this_process(DEAD, NOW_MS), boot_id="elsewhere"))
        run = add_run(c, add_user(c), engine=DEAD)
    watch = BeatWatch()
    swept = [recovery.sweep(database, ME, watch, NOW_MS, float(second)) for second in range(0, 12, 2)]
    assert swept == [False] * 5 + [True]
    with database.read() as c:
        assert executions.queued(c, ME) == (run,)


def test_an_engine_that_is_itself_taken_for_dead_adopts_nothing(two_engines: Database) -> None:
    with two_engines.write() as c:
        run = add_run(c, add_user(c), engine=DEAD)
        engines.remove(c, ME)
    assert not _sweep(two_engines)
    with two_engines.read() as c:
        assert _row(c, run).engine_id == DEAD


def test_what_an_engine_leaves_in_order_is_the_next_ones(database: Database) -> None:
    first = _lease(database)
    first.start()
    with database.write() as c:
        run = add_run(c, add_user(c), engine=first.engine_id, now_ms=now_ms())
    first.stop()
    told = threading.Event()
    second = Lease(database, adopted=told.set, fenced=_never)
    second.start()
    assert told.is_set()  # already when start returns
    with database.read() as c:
        assert executions.queued(c, second.engine_id) == (run,)
        assert _row(c, run).status == ExecutionStatus.QUEUED.value
    second.stop()
    with database.read() as c:
        assert engines.registered(c) == ()
        assert engines.holder_of(c) is None


def _never() -> None:
    raise AssertionError("fenced")


def _lease(database: Database, socket: str = "/run/x.sock") -> Lease:
    return Lease(database, socket=socket, adopted=lambda: None, fenced=_never)


def test_a_lease_beats_and_notices_that_it_was_taken_for_dead(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployx_tui.engine.lease.BEAT_SECONDS", 0.01)
    beats, fenced = threading.Event(), threading.Event()
    lease = Lease(database, adopted=lambda: None, fenced=fenced.set)
    database.on_commit(beats.set)
    lease.start()
    beats.clear()
    assert beats.wait(30)
    with database.write() as c:
        assert engines.remove(c, lease.engine_id)
    assert fenced.wait(30)
    lease.stop()


def test_a_beat_goes_on_after_an_error(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployx_tui.engine.lease.BEAT_SECONDS", 0.01)
    real, recovered = engines.beat, threading.Event()
    failures: list[int] = []

    def flaky(c: Connection, engine: EngineId, now_ms: int) -> bool:
        if len(failures) < 3:
            failures.append(1)
            raise OSError("disk on fire")
        recovered.set()
        return real(c, engine, now_ms)

    monkeypatch.setattr(engines, "beat", flaky)
    lease = _lease(sqlite_database)
    lease.start()
    assert recovered.wait(30)
    lease.stop()


# ---- the holder of a SQLite database


@pytest.fixture
def other_holder(sqlite_database: Database) -> Iterator[subprocess.Popen[str]]:
    """Another process that serves the database."""
    script = """
import sys
from deployx_tui.engine.lease import Lease
from deployx_tui.store.database import Database
lease = Lease(Database.open(sys.argv[1]), socket="/run/other.sock", adopted=lambda: None, fenced=lambda: None)
lease.start()
print("holds", flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, sqlite_database.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holds\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_engine_is_refused_and_told_where_the_first_is(
    sqlite_database: Database, other_holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(DatabaseRefused, match=rf"pid {other_holder.pid} .*attach to it at /run/other\.sock"):
        _lease(sqlite_database).start()
    with pytest.raises(DatabaseRefused, match=rf"close the screens that use it .* or kill {other_holder.pid}, which"):
        _lease(sqlite_database).start()
    with sqlite_database.read() as c:
        assert len(engines.registered(c)) == 1


def test_a_killed_holder_is_succeeded_at_once(sqlite_database: Database, other_holder: subprocess.Popen[str]) -> None:
    with sqlite_database.write() as c:
        holder = engines.holder_of(c)
        assert holder is not None
        run = add_run(c, add_user(c), engine=holder.engine_id, now_ms=now_ms())
    os.kill(other_holder.pid, signal.SIGKILL)
    other_holder.wait()
    lease = _lease(sqlite_database)
    lease.start()
    with sqlite_database.read() as c:
        new = engines.holder_of(c)
        assert new is not None
        assert new.engine_id == lease.engine_id
        assert executions.queued(c, lease.engine_id) == (run,)
    lease.stop()


def test_a_stopped_holder_still_holds(sqlite_database: Database, other_holder: subprocess.Popen[str]) -> None:
    os.kill(other_holder.pid, signal.SIGSTOP)  # as slow as can be, and alive
    with pytest.raises(DatabaseRefused):
        _lease(sqlite_database).start()


def test_a_second_engine_may_stand_beside_the_holder_in_crash_tests(
    sqlite_database: Database, other_holder: subprocess.Popen[str]
) -> None:
    beside = Lease(sqlite_database, adopted=lambda: None, fenced=_never, beside_the_holder=True)
    beside.start()
    with sqlite_database.read() as c:
        assert len(engines.registered(c)) == 2
        holder = engines.holder_of(c)
        assert holder is not None
        assert holder.socket == "/run/other.sock"
    beside.stop()


def test_a_command_that_outlives_the_engine_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = HolderLock(tmp_path / "deployx.db")
    assert lock.acquire()
    command = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    lock.release()
    again = HolderLock(tmp_path / "deployx.db")
    assert again.acquire()
    again.release()
    command.communicate()


def test_the_lock_file_is_closed_to_others_and_no_link_is_followed(tmp_path: Path) -> None:
    lock = HolderLock(tmp_path / "deployx.db")
    assert lock.acquire()
    lock.release()
    assert (tmp_path / "deployx.db.lock").stat().st_mode & 0o777 == 0o600
    (tmp_path / "other.db.lock").symlink_to(tmp_path / "aim")
    with pytest.raises(DatabaseRefused, match="symbolic links"):
        HolderLock(tmp_path / "other.db").acquire()
    assert not (tmp_path / "aim").exists()


def test_an_engine_of_another_boot_is_dead_for_one_look_only_when_nobody_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "deployx.db"
    lived = replace(liveness.this_process(EngineId("of-another-boot"), 0), boot_id="another")
    here = liveness.this_process(EngineId("here"), 0)
    assert liveness.dead_ones([lived, here], path) == {lived.id}
    lock = HolderLock(path)
    assert lock.acquire()
    assert liveness.dead_ones([lived, here], path) == frozenset()
    lock.release()
    assert liveness.dead_ones([lived], path) == {lived.id}


def test_an_engine_that_ended_and_that_nobody_waited_for_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    row = replace(
        liveness.this_process(EngineId("child"), 0), pid=child.pid, process_start=liveness._process_start(child.pid)
    )
    assert liveness.is_alive(row) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert liveness.is_alive(row) is False
    child.communicate()
