"""What is read when an engine was killed with work in hand and no other has come: nothing is said to run."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deployx_tui.model.execution import Cause, ExecutionQuery, ExecutionStatus, Stream, TargetState
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.task import TaskQuery
from deployx_tui.service.backend import Backend
from deployx_tui.service.process import attach_or_start, backend_for
from deployx_tui.service.reading import ReadingBackend
from tests.contract.backend.site import add_device, add_task, finished, following, line
from tests.support.processes import LONG, Place, ended, kill, only_place

LOST, QUEUED, RUNNING = ExecutionStatus.LOST, ExecutionStatus.QUEUED, ExecutionStatus.RUNNING


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with only_place(tmp_path, monkeypatch) as place:
        yield place


@asynccontextmanager
async def killed(place: Place, gate: Path) -> AsyncIterator[tuple[ExecutionId, ExecutionId]]:
    """Two runs of an engine that was killed: one whose only target ran, one with a target that ran and one not tried.

    Inside, nobody has asked the kernel how the engine ended: it is a zombie.
    """
    with place.serving(DEPLOYX_WORKERS="2") as (process, _):
        backend = await attach_or_start(place.settings())
        try:
            for name in ("a", "b"):
                await add_device(backend, name)
            waits = f"while [ ! -e {gate} ]; do sleep 0.05; done"
            task = await add_task(backend, "on-a", waits, selector="a")
            alone = await backend.tasks.run(task.id, str(uuid.uuid4()))
            await running(backend, alone)
            both = await backend.executions.run_ad_hoc(line(waits), "a,b", str(uuid.uuid4()))
            await running(backend, both)
            async with backend_for(place.settings(), engine=False) as asked:
                assert not isinstance(asked, ReadingBackend), "the engine that runs is asked"
                assert {one.status for one in (await asked.executions.list(ExecutionQuery())).items} == {RUNNING}
        finally:
            kill(process.pid)
            await ended(process.pid)
            await backend.close()
        try:
            yield alone, both
        finally:
            gate.touch()  # what the dead engine started still waits on this machine


async def running(backend: Backend, execution: ExecutionId) -> None:
    async with asyncio.timeout(LONG), aclosing(following(backend, execution)) as told:
        async for _ in told:
            found = await backend.executions.targets(execution, frozenset({TargetState.RUNNING}))
            if found.items:
                return


async def test_without_its_engine_a_run_is_lost_or_queued_in_every_list_and_filter(
    place: Place, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    async with killed(place, gate) as (alone, both), backend_for(place.settings(), engine=False) as reader:
        assert isinstance(reader, ReadingBackend)
        assert reader.left_behind == 2

        async def listed(*statuses: ExecutionStatus, limit: int = 50) -> list[tuple[ExecutionId, ExecutionStatus]]:
            found, cursor = [], None
            while True:
                query = ExecutionQuery(statuses=frozenset(statuses), limit=limit, cursor=cursor)
                page = await reader.executions.list(query)
                found += [(one.id, one.status) for one in page.items]
                if (cursor := page.next_cursor) is None:
                    return found

        assert await listed() == [(both, QUEUED), (alone, LOST)]
        assert await listed(LOST, QUEUED, limit=1) == [(both, QUEUED), (alone, LOST)]
        assert await listed(LOST, limit=1) == [(alone, LOST)]
        assert await listed(RUNNING) == []
        states = [
            (one.device, one.state, one.cause)
            for one in [*(await reader.executions.targets(alone)).items, *(await reader.executions.targets(both)).items]
        ]
        assert states == [
            ("a", TargetState.LOST, Cause.LOST),
            ("a", TargetState.LOST, Cause.LOST),
            ("b", TargetState.WAITING, None),
        ]
        (lost,) = (await reader.executions.targets(alone, frozenset({TargetState.LOST}))).items
        assert "engine ended" in lost.error_message
        shown = await reader.executions.get(both)
        assert "goes on when an engine starts" in shown.error_message
        assert (shown.targets.running, shown.targets.lost, shown.targets.waiting) == (0, 1, 1)
        (task,) = (await reader.tasks.list(TaskQuery(last_status=LOST))).items
        assert task.last is not None
        assert (task.last.id, task.last.status, task.recent) == (alone, LOST, (LOST,))
        assert not (await reader.tasks.list(TaskQuery(last_status=RUNNING))).items
        with sqlite3.connect(place.folder / "data" / "deployx.db") as plain:
            stored = plain.execute("SELECT DISTINCT status FROM scheduled_task_executions").fetchall()
            assert stored == [("running",)], "a reader writes nothing"
    gate.touch()
    # the next engine says the same, and goes on with what waits
    next_one = await attach_or_start(place.settings())
    try:
        assert (await next_one.executions.get(alone)).status is LOST
        assert (await finished(next_one, both)).status is ExecutionStatus.PARTIALLY_SUCCEEDED
    finally:
        await next_one.close()


async def test_the_commands_that_read_say_once_that_no_engine_runs_and_what_to_do(place: Place, tmp_path: Path) -> None:
    async with killed(place, tmp_path / "never") as (alone, _):

        async def call(*words: str) -> tuple[str, str]:
            process = place.deployx(*words)
            out, err = await asyncio.to_thread(process.communicate)
            assert process.returncode in (0, 6), err
            return out, err

        out, err = await call("execution", "list")
        assert "lost" in out
        assert "queued" in out
        assert "running" not in out
        assert err.count("no engine runs") == 1
        assert "2 executions" in err
        assert "deployx --serve" in err
        # it is over, so nothing has to be started to see its end
        out, err = await call("execution", "follow", str(alone))
        assert "lost" in out + err
        assert err.count("no engine runs") == 1
        assert "no engine runs" not in (await call("-q", "task", "list"))[1]


async def test_an_engine_that_takes_over_while_a_reader_looks_is_believed(place: Place, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with killed(place, gate) as (_, both), backend_for(place.settings(), engine=False) as reader:
        assert (await reader.executions.get(both)).status is QUEUED
        next_one = await attach_or_start(place.settings())
        try:
            await running(next_one, both)
            assert (await reader.executions.get(both)).status is RUNNING
            (target,) = (await reader.executions.targets(both, frozenset({TargetState.RUNNING}))).items
            assert target.device == "b"
        finally:
            gate.touch()
            await next_one.close()


async def test_a_durable_run_without_its_engine_runs_on_as_its_target_does(place: Place, tmp_path: Path) -> None:
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    with place.serving() as (process, _):
        backend = await attach_or_start(place.settings())
        try:
            await add_device(backend, "a")
            waits = f"echo begun; touch {begun}; while [ ! -e {gate} ]; do sleep 0.05; done; echo over"
            payload = replace(line(waits), durable=True)
            run = await backend.executions.run_ad_hoc(payload, "a", str(uuid.uuid4()))
            await running(backend, run)
            # a kill between the claim and the first byte would leave it lost, rightly
            async with asyncio.timeout(LONG):
                while not begun.exists():
                    await asyncio.sleep(0.02)
        finally:
            kill(process.pid)
            await ended(process.pid)
            await backend.close()
        async with backend_for(place.settings(), engine=False) as reader:
            shown = await reader.executions.get(run)
            assert (shown.status, shown.targets.running) == (RUNNING, 1)
            assert "the next engine takes it up" in shown.error_message
            (target,) = (await reader.executions.targets(run)).items
            assert (target.state, target.durable) == (TargetState.RUNNING, True)
            assert "the next engine takes it up" in target.error_message
    gate.touch()
    next_one = await attach_or_start(place.settings())
    try:
        assert (await finished(next_one, run)).status is ExecutionStatus.SUCCEEDED
        said = await next_one.executions.output(run, target.device_id, Stream.BOTH)
        assert b"".join(chunk.data for chunk in said.chunks) == b"begun\nover\n"
    finally:
        await next_one.close()
