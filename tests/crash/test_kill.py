"""kill -9: no instant is lost, no target is started twice, and what is said of a target is true.

Durable targets come to their end whatever is killed, with every byte: but for a kill between the commit of a start and
its arrival on the target. Then it has not run, nobody can know that, and it is lost.

The default run takes a seeded sample. `pytest -m long tests/crash` makes at least 200 kills on each database.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from deployx_tui.model.execution import Stream
from deployx_tui.output.store import OutputStore
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
    drive.run(kills=220, tasks_each_second=3.0)
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
        for second in range(2, drive.durable[row.task_name].commands + 1 if row.task_name in drive.durable else 0):
            other = (f"{row.task_name}-{second}", row.device_name)
            may_have_run[other] += 1
            succeeded[other] += row.state == "succeeded"
        key = (row.task_name, row.device_name)
        may_have_run[key] += 1
        succeeded[key] += row.state == "succeeded"
    _durable_ones_have_every_byte(drive, started)
    for key in started.keys() | may_have_run.keys():
        assert succeeded[key] <= started[key] <= may_have_run[key], key
    print(f"\n{drive.database.dialect}, seed {SEED}: {drive.report}; targets: {dict(states)}")
    return states


def _durable_ones_have_every_byte(drive: Drive, started: Counter[tuple[str, str]]) -> None:
    e, t = executions.c, execution_targets.c
    query = sa.select(t.id, t.execution_id, e.task_name, t.device_name, t.state, t.error_message)
    store = OutputStore(drive.database, drive.folder / "output")
    found: Counter[str] = Counter()
    for row in rows(drive.database, query.join(executions, e.id == t.execution_id)):
        said = drive.durable.get(row.task_name)
        if said is None:
            continue
        if row.state == "lost":
            names = [row.task_name, *(f"{row.task_name}-{n}" for n in range(2, said.commands + 1))]
            began = sum(started[name, row.device_name] for name in names)
            assert began < said.commands, f"{row} ran, and could have been attached to"
            found["lost before it began" if not began else "lost before its second command began"] += 1
            continue
        found[row.state] += 1
        for stream, expected in ((Stream.STDOUT, said.stdout), (Stream.STDERR, said.stderr)):
            assert _output(store, row, stream) == expected, (row, stream)
    store.close()
    print(f"\ndurable targets: {dict(found)}")


def _output(store: OutputStore, row: sa.Row[Any], stream: Stream) -> bytes:
    data, offset = bytearray(), 0
    while True:
        read = store.read(row.execution_id, row.id, stream, offset)
        data += b"".join(chunk.data for chunk in read.chunks)
        if read.next_offset == offset:
            return bytes(data)
        offset = read.next_offset


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
