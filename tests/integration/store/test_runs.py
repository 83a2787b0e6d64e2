"""Executions and targets from the fire to the end: on both databases."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from deployx_tui.model.execution import Cause, ExecutionStatus, KillReport, KillVerdict, TargetState
from deployx_tui.model.ids import EngineId, ExecutionId, TargetId
from deployx_tui.store import endings, engines, events, executions, orphans, outputs, search, targets
from deployx_tui.store.database import Database
from deployx_tui.store.schema import attempts, execution_batches, execution_targets, scheduled_tasks
from deployx_tui.store.schema import executions as executions_table
from deployx_tui.store.targets import Progress, TargetEnd, TargetStart
from tests.support.rows import NOW_MS, add_device, add_engine, add_run, add_task, add_user, plan

LATER = NOW_MS + 5000


def _end(state: TargetState = TargetState.SUCCEEDED, **facts: object) -> TargetEnd:
    return TargetEnd(state=state, at_ms=LATER, **facts)  # type: ignore[arg-type]  # names of its fields


class Run:
    """An execution with three waiting targets, of a task, claimed by a living engine."""

    def __init__(self, c: Connection, devices: int = 3) -> None:
        self.owner = add_user(c)
        self.engine = add_engine(c)
        self.task = add_task(c, self.owner)
        self.id = add_run(c, self.owner, task=self.task, engine=self.engine)
        self.devices = [(add_device(c, self.owner, f"web{n}"), f"web{n}") for n in range(1, devices + 1)]
        self.batch = plan(c, self.id, self.devices)
        self.targets = [row.id for row in targets.of_batch(c, self.batch)]

    def start(self, c: Connection, number: int = 0, token: str = "t", engine: EngineId | None = None) -> bool:
        return targets.start(c, self.targets[number], engine or self.engine, f"{token}{number}", NOW_MS + 1)

    def finish(self, c: Connection, number: int, end: TargetEnd, token: str = "t") -> bool:
        return targets.finish(c, self.targets[number], f"{token}{number}", end)

    def row(self, c: Connection) -> sa.Row[tuple[object, ...]]:
        return c.execute(sa.select(executions_table).where(executions_table.c.id == self.id)).one()


def _types(c: Connection, after: int = 0) -> list[str]:
    return [event.type for event in events.after(c, "x", after, 1000)]


def _state(c: Connection, target: TargetId) -> TargetState:
    return TargetState(c.scalars(sa.select(execution_targets.c.state).where(execution_targets.c.id == target)).one())


# ---- executions


def test_the_same_fire_of_a_task_is_one_execution(database: Database) -> None:
    with database.write() as c:
        owner = add_user(c)
        task, other = add_task(c, owner), add_task(c, owner)
        first = add_run(c, owner, task=task, key="s:1")
        assert add_run(c, owner, task=task, key="s:1") == first
        assert add_run(c, owner, task=other, key="s:1") != first
        assert add_run(c, owner, task=task, key="s:2") != first


def test_the_same_request_of_an_ad_hoc_run_is_one_execution(database: Database) -> None:
    with database.write() as c:
        owner = add_user(c)
        first = add_run(c, owner, key="m:1")
        assert add_run(c, owner, key="m:1") == first
        assert add_run(c, owner, key="m:2") != first


def test_what_an_engine_has_claimed_is_found_in_the_order_of_its_due_times(database: Database) -> None:
    with database.write() as c:
        owner, engine = add_user(c), add_engine(c)
        late = add_run(c, owner, key="1", engine=engine, now_ms=LATER)
        early = add_run(c, owner, key="2", engine=engine)
        add_run(c, owner, key="3", engine=EngineId("other"))
        add_run(c, owner, key="4", engine=engine, status=ExecutionStatus.MISSED)
        assert executions.queued(c, engine) == (early, late)


def test_a_run_is_loaded_with_all_that_the_engine_needs(database: Database) -> None:
    with database.write() as c:
        run = Run(c)
        row = executions.load_run(c, run.id)
        assert row is not None
        assert (row.id, row.task_id, row.engine_id, row.owner_id) == (run.id, run.task, run.engine, run.owner)
        assert (row.plan_json, row.status, row.cancel_requested) == ("{}", ExecutionStatus.QUEUED, False)
        assert executions.load_run(c, ExecutionId(999)) is None


def test_a_plan_freezes_its_targets_once_in_batches(database: Database) -> None:
    with database.write() as c:
        owner = add_user(c)
        run = add_run(c, owner)
        a, b, d = ((add_device(c, owner, name), name) for name in "abd")
        ids = executions.freeze_plan(c, run, '{"v":1}', "ab" * 32, [[a, b], [d]], NOW_MS)
        assert executions.batches(c, run) == ids
        names = [[row.device_name for row in targets.of_batch(c, batch)] for batch in ids]
        assert names == [["a", "b"], ["d"]]
        assert executions.freeze_plan(c, run, "{}", "cd", [[a]], NOW_MS) == ()
        row = executions.load_run(c, run)
        assert row is not None
        assert row.plan_json == '{"v":1}'


def test_a_cancelled_run_is_not_planned(database: Database) -> None:
    with database.write() as c:
        owner = add_user(c)
        run = add_run(c, owner)
        assert endings.request_cancel(c, run, NOW_MS)
        why = c.scalar(sa.select(executions_table.c.error_message).where(executions_table.c.id == run))
        assert why == "cancelled before it began"
        device = add_device(c, owner, "a")
        assert executions.freeze_plan(c, run, "{}", "00", [[(device, "a")]], NOW_MS) == ()
        assert not executions.set_running(c, run, NOW_MS)
        assert not endings.request_cancel(c, run, NOW_MS)


def test_running_is_counted_once_in_the_task(database: Database) -> None:
    with database.write() as c:
        run = Run(c)
        assert executions.set_running(c, run.id, NOW_MS + 7)
        assert executions.set_running(c, run.id, NOW_MS + 9)  # an adopted run goes on
        t = scheduled_tasks.c
        assert c.execute(sa.select(t.execution_count, t.last_execution).where(t.id == run.task)).one() == (
            1,
            NOW_MS + 7,
        )
        assert run.row(c).execution_time == NOW_MS + 7


@pytest.mark.parametrize(
    ("ends", "status", "why"),
    [
        ("sss", ExecutionStatus.SUCCEEDED, ""),
        ("sfu", ExecutionStatus.PARTIALLY_SUCCEEDED, "2 of 3 targets failed: web2 exit 127, web3 unreachable"),
        ("fff", ExecutionStatus.FAILED, "exit 127 on all 3 targets"),
        ("flf", ExecutionStatus.LOST, "3 of 3 targets failed: web1 exit 127, web2 lost, web3 exit 127"),
        ("sl_", ExecutionStatus.PARTIALLY_SUCCEEDED, "1 of 3 targets failed: web2 lost"),
        ("___", ExecutionStatus.SKIPPED, ""),
    ],
)
def test_an_execution_ends_as_its_targets_did(database: Database, ends: str, status: ExecutionStatus, why: str) -> None:
    kinds = {
        "s": _end(exit_code=0),
        "f": _end(TargetState.FAILED, exit_code=127, cause=Cause.EXIT),
        "u": _end(TargetState.UNREACHABLE, cause=Cause.UNREACHABLE),
        "l": _end(TargetState.LOST, cause=Cause.LOST),
        "_": _end(TargetState.SKIPPED),
    }
    with database.write() as c:
        run = Run(c)
        assert executions.set_running(c, run.id, NOW_MS)
        for number, letter in enumerate(ends):
            assert endings.finish(c, run.id, LATER) == ExecutionStatus.RUNNING
            assert run.start(c, number)
            assert run.finish(c, number, kinds[letter])
        assert endings.finish(c, run.id, LATER) == status
        row = run.row(c)
        assert (row.status, row.error_message, row.completed_time) == (status.value, why, LATER)
        batch = sa.select(execution_batches.c.status).where(execution_batches.c.id == run.batch)
        assert c.scalar(batch) == "done"
        last = sa.select(scheduled_tasks.c.last_execution_id).where(scheduled_tasks.c.id == run.task)
        assert c.scalar(last) == run.id
    with database.read() as c:
        assert _types(c)[-1] == "execution.finished"


def test_an_execution_ends_once(database: Database) -> None:
    with database.write() as c:
        run = Run(c, devices=1)
        run.start(c)
        run.finish(c, 0, _end(exit_code=0))
        assert endings.finish(c, run.id, LATER) == ExecutionStatus.SUCCEEDED
        assert endings.finish(c, run.id, LATER + 1) == ExecutionStatus.SUCCEEDED
        missed = add_run(c, run.owner, key="m:2", status=ExecutionStatus.MISSED)
        assert endings.finish(c, missed, LATER) == ExecutionStatus.MISSED
        assert run.row(c).completed_time == LATER
    with database.read() as c:
        assert _types(c).count("execution.finished") == 2


def test_an_execution_without_targets_is_skipped_and_says_why(database: Database) -> None:
    with database.write() as c:
        run = Run(c, devices=0)
        assert endings.finish(c, run.id, LATER) == ExecutionStatus.SKIPPED
        assert run.row(c).error_message == "no device matches"


def test_a_run_that_cannot_be_planned_fails_with_its_reason_once(database: Database) -> None:
    with database.write() as c:
        run = Run(c)
        endings.fail(c, run.id, "selector: no such group", LATER)
        endings.fail(c, run.id, "again", LATER)
        assert (run.row(c).status, run.row(c).error_message) == ("failed", "selector: no such group")


def test_a_task_is_finished_when_no_instant_is_left_and_its_last_run_is_over(database: Database) -> None:
    with database.write() as c:
        owner = add_user(c)
        task = add_task(c, owner, next_ms=None)
        first, second = (add_run(c, owner, task=task, key=key) for key in "12")
        state = sa.select(scheduled_tasks.c.state).where(scheduled_tasks.c.id == task)
        endings.fail(c, first, "x", LATER)
        assert c.scalar(state) == "active"
        endings.fail(c, second, "x", LATER)
        assert c.scalar(state) == "finished"


def test_a_cancel_ends_what_waits_and_marks_what_runs(database: Database) -> None:
    with database.write() as c:
        run = Run(c)
        run.start(c, 0)
        assert endings.request_cancel(c, run.id, LATER)
        assert [_state(c, t) for t in run.targets] == ["running", "cancelled", "cancelled"]
        assert targets.of_batch(c, run.batch)[0].cancel_requested
        assert run.row(c).status == "queued"  # it ends with its running target
        assert not run.start(c, 1)
        kill = KillReport(KillVerdict.ALIVE, (7, 8))
        assert run.finish(c, 0, _end(TargetState.CANCELLED, kill=kill, cause=Cause.KILLED))
        assert endings.finish(c, run.id, LATER) == ExecutionStatus.CANCELLED
        row = c.execute(sa.select(execution_targets).where(execution_targets.c.id == run.targets[0])).one()
        assert (row.kill_verdict, row.kill_pids) == ("alive", "7 8")


def test_a_cancel_before_anything_runs_ends_the_execution(database: Database) -> None:
    with database.write() as c:
        run = Run(c)
        assert endings.request_cancel(c, run.id, LATER)
        assert run.row(c).status == "cancelled"


# ---- the one door


def test_a_target_is_started_by_one_token_only(database: Database) -> None:
    with database.write(durable=True) as c:
        run = Run(c)
        other = add_engine(c, "e2")
        assert run.start(c)
        assert not run.start(c, token="other")
        assert not run.start(c, token="other", engine=other)


def test_the_same_token_again_is_the_retry_after_an_ambiguous_commit(database: Database) -> None:
    with database.write(durable=True) as c:
        run = Run(c)
        assert run.start(c)
    with database.write(durable=True) as c:
        assert run.start(c)
        row = c.execute(sa.select(execution_targets).where(execution_targets.c.id == run.targets[0])).one()
        assert row.attempts == 1
        assert c.scalar(sa.select(sa.func.count()).select_from(attempts)) == 1


def test_an_engine_that_counts_as_dead_starts_nothing(database: Database) -> None:
    with database.write(durable=True) as c:
        run = Run(c)
        assert engines.remove(c, run.engine)
        assert not run.start(c)
        assert _state(c, run.targets[0]) == "waiting"


def test_an_ended_target_is_never_started_again(database: Database) -> None:
    with database.write(durable=True) as c:
        run = Run(c)
        assert run.start(c)
        assert run.finish(c, 0, _end(exit_code=0))
        assert not run.start(c)
        assert not run.start(c, token="new")


def test_starts_of_one_moment_say_which_of_them_were_let_through(database: Database) -> None:
    with database.write(durable=True) as c:
        run = Run(c)
        run.start(c, 1)
        starts = [TargetStart(t, f"n{t}", '{"pid":1}') for t in run.targets]
        started = targets.start_many(c, run.engine, starts, NOW_MS)
        assert started == {run.targets[0], run.targets[2]}
        rows = targets.of_batch(c, run.batch)
        assert [row.handle_json for row in rows] == ['{"pid":1}', None, '{"pid":1}']
        assert [row.owner for row in rows] == [run.engine] * 3


def test_of_many_engines_at_one_target_one_gets_through(database: Database) -> None:
    with database.write() as c:
        run = Run(c, devices=20)
    handles = [database, *(Database.open(database.url) for _ in range(3))]
    meet = threading.Barrier(4)
    won: list[tuple[int, TargetId]] = []

    def grab(number: int) -> None:
        for target in run.targets:
            meet.wait()
            with handles[number].write(durable=True) as c:
                if targets.start(c, target, run.engine, f"token{number}", NOW_MS):
                    won.append((number, target))

    threads = [threading.Thread(target=grab, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for handle in handles[1:]:
        handle.close()
    assert sorted(target for _, target in won) == sorted(run.targets)


# ---- ends


def test_only_the_token_that_started_it_ends_a_target(database: Database) -> None:
    with database.write() as c:
        run = Run(c)
        assert not run.finish(c, 0, _end())
        run.start(c, 0)
        assert not run.finish(c, 0, _end(), token="other")
        assert run.finish(c, 0, _end(exit_code=0, stdout_bytes=5, output_sha256="ab"))
        assert not run.finish(c, 0, _end(TargetState.FAILED))
        row = c.execute(sa.select(execution_targets).where(execution_targets.c.id == run.targets[0])).one()
        assert (row.state, row.exit_code, row.stdout_bytes, row.output_sha256) == ("succeeded", 0, 5, "ab")
        first = c.execute(sa.select(attempts)).one()
        assert (first.number, first.state, first.finished_at) == (1, "succeeded", LATER)


def test_results_of_one_moment_say_which_of_them_counted(database: Database) -> None:
    with database.write() as c:
        run = Run(c)
        run.start(c, 0)
        run.start(c, 2)
        ends = [(target, f"t{number}", _end(exit_code=number)) for number, target in enumerate(run.targets)]
        assert targets.finish_many(c, ends) == {run.targets[0], run.targets[2]}
        assert [_state(c, t) for t in run.targets] == ["succeeded", "waiting", "succeeded"]


def test_the_targets_of_a_dead_engine_are_lost_and_may_still_end(database: Database) -> None:
    with database.write() as c:
        run = Run(c)
        run.start(c, 0)
        run.start(c, 1)
        run.finish(c, 1, _end(exit_code=0))
        assert orphans.lose_targets(c, LATER) == set()
        engines.remove(c, run.engine)
        assert orphans.exist(c)
        assert orphans.lose_targets(c, LATER) == {run.id}
        targets.skip_waiting(c, run.id, "the engine ended", LATER)
        assert [_state(c, t) for t in run.targets] == ["lost", "succeeded", "skipped"]
        assert endings.finish(c, run.id, LATER) == ExecutionStatus.PARTIALLY_SUCCEEDED
        assert not orphans.exist(c)
        assert run.finish(c, 0, _end(exit_code=0))  # it was only thought dead
        assert endings.finish(c, run.id, LATER) == ExecutionStatus.PARTIALLY_SUCCEEDED
        assert '"lost"' not in str(run.row(c).result)


def test_progress_is_kept_and_told_while_the_target_runs(database: Database) -> None:
    with database.write() as c:
        run = Run(c)
        run.start(c, 0)
    with database.write() as c:
        targets.progress(c, [Progress(run.targets[0], run.id, "t0", 10, 2)], NOW_MS)
        targets.progress(c, [Progress(run.targets[0], run.id, "wrong", 99, 99)], NOW_MS)
    with database.read() as c:
        row = c.execute(sa.select(execution_targets).where(execution_targets.c.id == run.targets[0])).one()
        assert (row.stdout_bytes, row.stderr_bytes) == (10, 2)
        told = [e for e in events.after(c, "x", 0, 100) if e.type == "output.grew"]
        device = run.devices[0][0]
        assert [e.facts for e in told] == [(("device_id", device), ("target_id", run.targets[0]), ("offset", 12))]


def test_a_run_is_found_by_what_its_target_said(database: Database) -> None:
    with database.write() as c:
        run = Run(c)
        run.start(c, 0)
        run.finish(c, 0, _end(TargetState.FAILED, error_message="disk full", head=b"begin \xff", tail=b"kaputt"))
        for words in ("nightly", "web1 disk", "kaputt", "begin"):
            assert list(search.newest(c, search.Words.parse(words), None)) == [run.id], words


def test_outputs_are_kept_and_replaced(database: Database) -> None:
    with database.write() as c:
        run = Run(c)
        for frames in (b"", b"\x00one", b"two", b""):
            outputs.save(c, run.targets[0], frames)
            found = outputs.load(c, run.targets[0])
            assert found is not None
            assert (found.frames, found.is_over) == (frames, False)
