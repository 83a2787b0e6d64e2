"""kill -9: no instant is lost, no target is started twice, and what is said of a target is true.

The default run takes a seeded sample. `pytest -m long tests/crash` makes at least 200 kills on each database.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from deployx_tui.store.schema import execution_targets, executions, scheduled_tasks
from tests.crash.drive import MINUTE_MS, Drive, ran, rows
from tests.crash.points import POINTS

SEED = int(os.environ.get("CRASH_SEED", "20260301"))


@pytest.fixture
def drive(database_url: str, tmp_path: Path) -> Iterator[Drive]:
    made = Drive(database_url, tmp_path, SEED)
    yield made
    made.close()


def test_a_sample_of_kills_loses_nothing_and_starts_nothing_twice(drive: Drive) -> None:
    drive.run(kills=14)
    _judge(drive)


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_two_hundred_kills_lose_nothing_and_start_nothing_twice(drive: Drive) -> None:
    drive.run(kills=220)
    states = _judge(drive)
    assert drive.report.kills >= 200
    assert set(drive.report.at_point) == set(POINTS), "some point was never come to"
    assert states["lost"] > 0, "no kill hit a running target: the run proves little"


def _judge(drive: Drive) -> Counter[str]:
    """Hold the database against the oracle. Returns how many targets ended in which state."""
    _every_instant_has_one_row(drive)
    # no target twice, by the word of the commands themselves
    started = ran(drive.oracle)
    single = {key: count for key, count in started.items() if not key[0].startswith("every")}
    assert {key: count for key, count in single.items() if count > 1} == {}
    # what the rows say is true
    e, t = executions.c, execution_targets.c
    states: Counter[str] = Counter()
    succeeded: Counter[tuple[str, str]] = Counter()
    may_have_run: Counter[tuple[str, str]] = Counter()
    query = sa.select(e.task_name, t.device_name, t.state, t.claim).join(executions, e.id == t.execution_id)
    for row in rows(drive.database, query):
        states[row.state] += 1
        # every command succeeds where nothing is killed; a lost one was started, and whether it ran is unknown
        assert row.state in ("succeeded", "lost"), row
        assert row.claim is not None, row
        key = (row.task_name, row.device_name)
        may_have_run[key] += 1
        succeeded[key] += row.state == "succeeded"
    for key in started.keys() | may_have_run.keys():
        assert succeeded[key] <= started[key] <= may_have_run[key], key
    print(f"\n{drive.database.dialect}, seed {SEED}: {drive.report}; targets: {dict(states)}")
    return states


def _every_instant_has_one_row(drive: Drive) -> None:
    e, s = executions.c, scheduled_tasks.c
    found = Counter((row.task_id, row.fire_key) for row in rows(drive.database, sa.select(e.task_id, e.fire_key)))
    wanted = [(task, at) for task, at in drive.instants.items()]
    for task, first in drive.minutely.items():
        (row,) = rows(drive.database, sa.select(s.state, s.next_execution).where(s.id == task))
        assert row.state == "active"
        wanted += [(task, at) for at in range(first, row.next_execution, MINUTE_MS)]
    assert found == Counter((task, f"s:{at}") for task, at in wanted)
    singles = rows(drive.database, sa.select(s.id, s.state).where(s.id.not_in(list(drive.minutely))))
    assert {row.state for row in singles} == {"finished"}
