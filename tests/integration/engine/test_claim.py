"""Due instants become executions, each once: on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from deployx_tui.engine.claim import TaskClaim
from deployx_tui.errors import Unavailable
from deployx_tui.model.ids import ExecutionId, TaskId
from deployx_tui.model.schedule import Cron, Daily, Once, Overlap, OverlapKind
from deployx_tui.scheduling import catchup
from deployx_tui.scheduling.clock_step import ClockStep
from deployx_tui.store import claims, endings, engines, events
from deployx_tui.store.clock import from_ms, to_ms
from deployx_tui.store.database import Database
from deployx_tui.store.schema import executions as executions_table
from deployx_tui.store.schema import scheduled_tasks, task_versions, users
from tests.support.rows import NOW, NOW_MS, add_engine, add_run, add_task, add_user, draft

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTELY = Cron("* * * * *")


class World:
    """A database with a user and an engine that claims."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.write() as c:
            self.owner = add_user(c)
            self.engine = add_engine(c)
        self.claim = TaskClaim(database, self.engine)

    def task(self, what: Any = None, **facts: Any) -> TaskId:
        with self.database.write() as c:
            return add_task(c, self.owner, what, **facts)

    def runs(self, task: TaskId | None = None) -> list[Any]:
        e = executions_table.c
        with self.database.read() as c:
            query = sa.select(executions_table).order_by(e.id)
            return list(c.execute(query if task is None else query.where(e.task_id == task)))

    def row(self, task: TaskId) -> Any:
        with self.database.read() as c:
            return c.execute(sa.select(scheduled_tasks).where(scheduled_tasks.c.id == task)).one()

    def end(self, run: ExecutionId) -> None:
        with self.database.write() as c:
            endings.fail(c, run, "", NOW_MS)

    def events(self) -> list[tuple[str, tuple[tuple[str, Any], ...]]]:
        with self.database.read() as c:
            return [(event.type, event.facts) for event in events.after(c, "x", 0, 10_000)]


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_a_due_task_becomes_a_queued_run_and_moves_on(world: World) -> None:
    task = world.task(draft(Daily((NOW.time(),)), command="uptime"))
    claimed = world.claim(NOW + timedelta(milliseconds=300))
    run = world.runs()[0]
    assert (claimed.runs, claimed.more) == ((run.id,), False)
    assert (run.task_id, run.task_version, run.fire_key) == (task, 1, f"s:{NOW_MS}")
    assert (run.status, run.trigger, run.started_by, run.engine_id) == ("queued", "schedule", "ann", world.engine)
    assert (run.scheduled_for, run.due_at, run.summary, run.task_name) == (NOW_MS, NOW_MS, "uptime", "nightly")
    assert '"command":"uptime"' in run.draft
    assert world.row(task).next_execution == NOW_MS + DAY_MS
    assert world.events()[-1] == ("execution.changed", (("status", "queued"),))
    assert world.claim(NOW + timedelta(seconds=1)).runs == ()


def test_what_is_not_due_is_left(world: World) -> None:
    task = world.task(next_ms=NOW_MS + 1)
    world.task(next_ms=None)
    assert world.claim(NOW).runs == ()
    assert world.claim.next_due() == from_ms(NOW_MS + 1)
    assert world.row(task).next_execution == NOW_MS + 1


def test_a_single_run_leaves_no_next_instant_and_finishes_its_task(world: World) -> None:
    task = world.task(draft(Once(NOW)))
    (run,) = world.claim(NOW).runs
    assert (world.row(task).next_execution, world.row(task).state) == (None, "active")
    world.end(run)
    assert world.row(task).state == "finished"
    assert world.claim.next_due() is None


def test_an_edit_between_due_and_claim_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    moved, edited, same = world.task(), world.task(), world.task()
    real = claims.due

    def due_then_edited(c: sa.Connection, now_ms: int, limit: int) -> Any:
        found = real(c, now_ms, limit)
        t = scheduled_tasks
        with world.database.write() as other:
            other.execute(sa.update(t).where(t.c.id == moved).values(next_execution=NOW_MS + 9))
            other.execute(sa.update(t).where(t.c.id == edited).values(version=2))
            add_version = sa.insert(task_versions).values(
                task_id=edited, version=2, draft="{}", editor_id=world.owner, created_at=NOW_MS
            )
            other.execute(add_version)
        return found

    monkeypatch.setattr(claims, "due", due_then_edited)
    assert len(world.claim(NOW).runs) == 1
    assert [run.task_id for run in world.runs()] == [same]
    assert world.row(moved).next_execution == NOW_MS + 9
    assert world.row(edited).next_execution == NOW_MS


def test_a_pause_between_due_and_claim_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    task = world.task()
    real = claims.due

    def due_then_paused(c: sa.Connection, now_ms: int, limit: int) -> Any:
        found = real(c, now_ms, limit)
        with world.database.write() as other:
            other.execute(sa.update(scheduled_tasks).values(next_execution=None, state="paused", version=2))
        return found

    monkeypatch.setattr(claims, "due", due_then_paused)
    assert world.claim(NOW).runs == ()
    assert (world.runs(), world.row(task).next_execution) == ([], None)


def test_two_engines_that_claim_at_once_make_each_run_once(database: Database) -> None:
    world = World(database)
    with database.write() as c:
        second = add_engine(c, "e2")
        for _ in range(60):
            add_task(c, world.owner)
    other = Database.open(database.url)
    meet, claimed = threading.Barrier(2), {}

    def grab(claim: TaskClaim, name: str) -> None:
        meet.wait()
        claimed[name] = claim(NOW).runs

    threads = [
        threading.Thread(target=grab, args=(claim, name))
        for claim, name in ((world.claim, "a"), (TaskClaim(other, second), "b"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sorted(claimed["a"] + claimed["b"]) == [run.id for run in world.runs()]
    assert len(world.runs()) == 60


def test_more_than_a_batch_is_claimed_in_several(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployx_tui.engine.claim.BATCH", 3)
    for number in range(7):
        world.task(draft(MINUTELY), next_ms=NOW_MS - number * 60_000)
    batches = [world.claim(NOW) for _ in range(3)]
    assert [(len(batch.runs), batch.more) for batch in batches] == [(3, True), (3, True), (1, False)]
    assert [run.due_at for run in world.runs()] == [NOW_MS - number * 60_000 for number in range(6, -1, -1)]


# ---- lateness


def test_after_downtime_within_the_grace_a_task_runs_once_and_jumps_over_the_rest(world: World) -> None:
    task = world.task(draft(MINUTELY))
    now = NOW + timedelta(minutes=10, seconds=30)
    assert len(world.claim(now).runs) == 1
    assert world.claim(now).runs == ()
    assert [run.status for run in world.runs()] == ["queued"]
    assert world.row(task).next_execution == to_ms(NOW + timedelta(minutes=11))


def test_beyond_the_grace_a_visible_missed_row_stands_and_the_last_in_grace_runs(world: World) -> None:
    task = world.task(draft(MINUTELY, grace=timedelta(minutes=5)))
    now = NOW + timedelta(hours=3, seconds=30)
    first = world.claim(now)
    assert (first.runs, first.more) == ((), True)
    missed = world.runs()[0]
    assert (missed.status, missed.scheduled_for, missed.completed_time is None) == ("missed", NOW_MS, False)
    assert missed.error_message == "3h30s late: the engine did not run, and the grace is 5m"
    assert world.events()[-1] == ("execution.finished", (("status", "missed"),))
    assert world.row(task).last_execution_id == missed.id
    assert len(world.claim(now).runs) == 1
    assert world.row(task).next_execution == to_ms(NOW + timedelta(hours=3, minutes=1))


def test_a_single_run_that_is_missed_finishes_its_task(world: World) -> None:
    task = world.task(draft(Once(NOW)))
    assert world.claim(NOW + timedelta(days=2)).runs == ()
    assert [run.status for run in world.runs()] == ["missed"]
    assert world.row(task).state == "finished"


# ---- overlap


def test_a_fire_beside_a_living_run_is_a_visible_skipped_row(world: World) -> None:
    task = world.task(draft(MINUTELY))
    (first,) = world.claim(NOW).runs
    assert world.claim(NOW + timedelta(minutes=1)).runs == ()
    skipped = world.runs()[1]
    assert (skipped.status, skipped.error_message) == ("skipped", f"overlap skip: #{first} still runs")
    world.end(first)
    assert len(world.claim(NOW + timedelta(minutes=2)).runs) == 1
    assert len(world.runs(task)) == 3


def test_parallel_runs_are_let_through_up_to_their_number(world: World) -> None:
    world.task(draft(MINUTELY, overlap=Overlap(OverlapKind.PARALLEL, 2)))
    made = [len(world.claim(NOW + timedelta(minutes=minute)).runs) for minute in range(3)]
    assert made == [1, 1, 0]
    assert [run.status for run in world.runs()] == ["queued", "queued", "skipped"]


def test_a_run_by_hand_counts_for_the_overlap(world: World) -> None:
    task = world.task()
    with world.database.write() as c:
        add_run(c, world.owner, task=task)
    assert world.claim(NOW).runs == ()


# ---- what is wrong is said, and stops nothing else


def test_a_task_that_cannot_be_read_fails_visibly_pauses_and_holds_up_nobody(world: World) -> None:
    broken, no_version, fine = world.task(), world.task(), world.task()
    with world.database.write() as c:
        c.execute(sa.update(task_versions).where(task_versions.c.task_id == broken).values(draft='{"task_name":1}'))
        c.execute(sa.delete(task_versions).where(task_versions.c.task_id == no_version))
    assert len(world.claim(NOW).runs) == 1
    for task in (broken, no_version):
        (run,) = world.runs(task)
        assert run.status == "failed"
        assert run.error_message.startswith("the task can't be read")
        assert (world.row(task).state, world.row(task).next_execution) == ("paused", None)
    assert [run.status for run in world.runs(fine)] == ["queued"]


def test_a_bug_at_one_task_pauses_it_visibly_and_holds_up_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fine, odd = world.task(), world.task(draft(MINUTELY, grace=timedelta(seconds=7)))
    real = catchup.decide

    def buggy(nominal: Any, now: Any, grace: timedelta, next_after: Any) -> Any:
        if grace == timedelta(seconds=7):
            raise OverflowError("date out of range")
        return real(nominal, now, grace, next_after)

    monkeypatch.setattr(catchup, "decide", buggy)
    assert len(world.claim(NOW).runs) == 1
    assert [run.status for run in world.runs(fine)] == ["queued"]
    assert world.runs(odd)[0].error_message == "deployx itself failed at it: OverflowError: date out of range"
    assert world.row(odd).state == "paused"


def test_a_disabled_owner_is_a_visible_skipped_row(world: World) -> None:
    task = world.task()
    with world.database.write() as c:
        c.execute(sa.update(users).values(disabled=1))
    assert world.claim(NOW).runs == ()
    assert [(run.status, run.error_message) for run in world.runs(task)] == [("skipped", "its owner ann is disabled")]


def test_an_engine_that_was_taken_for_dead_claims_nothing(world: World) -> None:
    task = world.task()
    with world.database.write() as c:
        engines.remove(c, world.engine)
    assert world.claim(NOW).runs == ()
    assert (world.runs(), world.row(task).next_execution) == ([], NOW_MS)


def test_a_store_that_does_not_serve_is_said_and_nothing_is_claimed(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployx_tui.store.dialects.connect.BUSY_MS", 20)
    database = Database.open(sqlite_url)
    world = World(database)
    world.task()
    other = Database.open(sqlite_url)
    with other.write(), pytest.raises(Unavailable):
        world.claim(NOW)
    assert len(world.claim(NOW).runs) == 1
    other.close()
    database.close()


# ---- clocks


def test_a_clock_that_goes_back_far_makes_tasks_due_again_and_no_instant_twice(world: World) -> None:
    task = world.task(draft(MINUTELY))
    (run,) = world.claim(NOW).runs
    world.end(run)
    with world.database.write() as c:  # as if the clock had been a day ahead for a while
        c.execute(sa.update(scheduled_tasks).values(next_execution=NOW_MS + DAY_MS))
    back = NOW - timedelta(seconds=30)
    world.claim.clock_stepped(ClockStep(-timedelta(days=1), back))
    assert world.row(task).next_execution == NOW_MS + 60_000, "the instant before has run"
    assert world.claim(NOW).runs == ()
    assert len(world.claim(NOW + timedelta(minutes=1)).runs) == 1
    assert ("engine.clock", (("engine_id", world.engine), ("step_ms", -DAY_MS))) in world.events()


def test_an_instant_that_a_false_clock_had_passed_without_a_run_comes_again_and_one_that_ran_does_not(
    world: World,
) -> None:
    hourly = world.task(draft(Cron("0 * * * *"), grace=timedelta(minutes=30)), next_ms=NOW_MS + 2 * HOUR_MS)
    ahead = NOW + timedelta(hours=3)
    world.claim.clock_stepped(ClockStep(ahead - NOW, ahead))
    world.claim(ahead)  # two hours on: too late, missed
    (late,) = world.claim(ahead).runs  # three hours on: on time
    missed = world.runs(hourly)[0]
    assert missed.status == "missed"
    assert "the clock was set forward past it" in missed.error_message
    world.end(late)
    world.claim.clock_stepped(ClockStep(NOW - ahead, NOW))
    assert "comes again" in world.runs(hourly)[0].error_message
    fired = {}
    for hours in range(1, 5):
        at = NOW + timedelta(hours=hours)
        assert world.row(hourly).next_execution > to_ms(at - timedelta(hours=1)), "no instant stands that can't fire"
        fired[hours] = len(world.claim(at).runs)
        for run in world.runs(hourly):
            world.end(ExecutionId(run.id))
    # the third one had run by the false clock
    assert fired == {1: 1, 2: 1, 3: 0, 4: 1}


def test_a_step_forward_or_a_small_one_back_is_told_and_moves_nothing(world: World) -> None:
    task = world.task(draft(MINUTELY), next_ms=NOW_MS + DAY_MS)
    for by in (timedelta(hours=5), -timedelta(seconds=30)):
        world.claim.clock_stepped(ClockStep(by, NOW))
    assert world.row(task).next_execution == NOW_MS + DAY_MS
    assert [kind for kind, _ in world.events()] == ["engine.clock"] * 2


def test_what_is_due_already_when_the_clock_goes_back_stays_due(world: World) -> None:
    task = world.task(draft(MINUTELY), next_ms=NOW_MS - 60_000)
    once = world.task(draft(Once(NOW - timedelta(minutes=1))), next_ms=NOW_MS - 60_000)
    world.claim.clock_stepped(ClockStep(-timedelta(hours=1), NOW))
    assert (world.row(task).next_execution, world.row(once).next_execution) == (NOW_MS - 60_000, NOW_MS - 60_000)
