"""The remote client against the real API over a fake engine: nouns and errors arrive as they were sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.errors import Conflict, EngineUnreachable, InvalidInput, NotFound, VersionMismatch
from deployx_tui.model.device import DeviceDraft, GroupDraft
from deployx_tui.model.event import Event, EventId, Reset
from deployx_tui.model.execution import ExecutionQuery, RerunScope, Stream, TargetState
from deployx_tui.model.ids import DeviceId, ExecutionId, GroupId, TaskId
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.model.task import TaskQuery, TaskSort
from deployx_tui.service.remote import RemoteBackend
from deployx_tui.service.remote import events as remote_events
from tests.support.fake_backend import FakeBackend
from tests.support.served import Served, served


@pytest.fixture
def engine() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
async def api(engine: FakeBackend, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(engine, tmp_path) as running:
        yield running


@pytest.fixture
async def remote(api: Served) -> AsyncIterator[RemoteBackend]:
    backend = await RemoteBackend.connect(api.socket)
    yield backend
    await backend.close()


async def test_who_asks_is_the_engines_answer(engine: FakeBackend, remote: RemoteBackend) -> None:
    assert remote.actor == engine.actor


@pytest.mark.parametrize("query", [TaskQuery(), TaskQuery(sort=TaskSort.NAME, descending=True, limit=3)])
async def test_tasks_arrive_as_they_are(engine: FakeBackend, remote: RemoteBackend, query: TaskQuery) -> None:
    expected = await engine.tasks.list(query)
    assert expected.items
    assert await remote.tasks.list(query) == expected
    first = expected.items[0]
    assert await remote.tasks.get(first.id) == first
    assert await remote.tasks.find(first.name) == first


async def test_a_task_is_made_changed_paused_and_deleted_from_afar(engine: FakeBackend, remote: RemoteBackend) -> None:
    draft = (await engine.tasks.list(TaskQuery())).items[0].draft
    task = await remote.tasks.create(replace(draft, name="from afar"))
    assert task == await engine.tasks.get(task.id)
    # what is None in the new draft is None afterwards, although the contract's own update would leave it
    changed = await remote.tasks.update(
        task.id, replace(draft, name="again", timeout=None, selector="web01"), task.version
    )
    assert changed.draft == replace(draft, name="again", timeout=None, selector="web01")
    assert await remote.tasks.pause(task.id) == await engine.tasks.get(task.id)
    assert await remote.tasks.resume(task.id) == await engine.tasks.get(task.id)
    with pytest.raises(Conflict) as caught:
        await remote.tasks.update(task.id, draft, 1)
    assert caught.value.stale
    await remote.tasks.delete(task.id)
    with pytest.raises(NotFound):
        await remote.tasks.get(task.id)
    assert (await remote.tasks.restore(task.id)).id == task.id


async def test_previews_and_fires_arrive_as_they_are(engine: FakeBackend, remote: RemoteBackend) -> None:
    draft = (await engine.tasks.list(TaskQuery())).items[0].draft
    assert await remote.tasks.preview(draft, 3) == await engine.tasks.preview(draft, 3)
    bad = replace(draft, name="")
    assert await remote.tasks.preview(bad) == await engine.tasks.preview(bad)
    assert await remote.tasks.fires(draft.schedule, 4) == await engine.tasks.fires(draft.schedule, 4)


async def test_a_start_with_the_same_request_is_repeated_safely(engine: FakeBackend, remote: RemoteBackend) -> None:
    task = (await engine.tasks.list(TaskQuery())).items[0]
    execution = await remote.tasks.run(task.id, "8f14e45f-ceea-467f-a9a0-9f5b8a0d1c11")
    assert (await remote.executions.get(execution)).task_id == task.id


async def test_executions_targets_and_outputs_arrive_as_they_are(engine: FakeBackend, remote: RemoteBackend) -> None:
    page = await engine.executions.list(ExecutionQuery())
    assert await remote.executions.list(ExecutionQuery()) == page
    for execution in page.items[:4]:
        assert await remote.executions.get(execution.id) == execution
        targets = await engine.executions.targets(execution.id)
        assert await remote.executions.targets(execution.id) == targets
        states = frozenset({TargetState.FAILED, TargetState.UNREACHABLE})
        assert await remote.executions.targets(execution.id, states) == await engine.executions.targets(
            execution.id, states
        )
        assert await remote.executions.causes(execution.id) == await engine.executions.causes(execution.id)
        assert await remote.executions.output_groups(execution.id) == await engine.executions.output_groups(
            execution.id
        )
        for target in targets.items[:2]:
            there = await engine.executions.output(execution.id, target.device_id, Stream.BOTH, 0, 4096)
            assert await remote.executions.output(execution.id, target.device_id, Stream.BOTH, 0, 4096) == there


async def test_runs_are_started_repeated_and_cancelled_from_afar(engine: FakeBackend, remote: RemoteBackend) -> None:
    execution = await remote.executions.run_ad_hoc(
        CommandPayload(body=Line("uptime")), "web01", "8f14e45f-ceea-467f-a9a0-9f5b8a0d1c12", timedelta(seconds=5)
    )
    assert (await remote.executions.cancel(execution)).id == execution
    old = next(run for run in (await engine.executions.list(ExecutionQuery())).items if run.task_id is not None)
    again = await remote.executions.rerun(old.id, "8f14e45f-ceea-467f-a9a0-9f5b8a0d1c13", frozenset({RerunScope.ALL}))
    assert again != old.id


async def test_devices_and_groups_arrive_as_they_are(engine: FakeBackend, remote: RemoteBackend) -> None:
    assert await remote.devices.list() == await engine.devices.list()
    device = (await engine.devices.list()).items[0]
    assert await remote.devices.get(device.id) == device
    assert await remote.devices.find(device.name) == device
    assert await remote.devices.match(device.name) == await engine.devices.match(device.name)
    assert [step async for step in remote.devices.test(device.id)] == [
        step async for step in engine.devices.test(device.id)
    ]
    assert await remote.groups.list() == await engine.groups.list()
    group = (await engine.groups.list()).items[0]
    assert await remote.groups.get(group.id) == group
    assert await remote.groups.find(group.name) == group
    made = await remote.devices.create(DeviceDraft(name="new1", address="192.0.2.7", tags=frozenset({"a"})))
    assert made == await engine.devices.get(made.id)
    changed = await remote.devices.update(made.id, DeviceDraft(name="new2", address="192.0.2.8"), made.version)
    assert changed.draft == DeviceDraft(name="new2", address="192.0.2.8")
    new = await remote.groups.create(GroupDraft(name="fresh", devices=(made.id,)))
    assert new == await engine.groups.get(new.id)
    await remote.groups.delete(new.id)
    await remote.devices.delete(made.id)
    with pytest.raises(NotFound):
        await remote.devices.get(made.id)


async def test_the_calendar_arrives_as_it_is(engine: FakeBackend, remote: RemoteBackend) -> None:
    today = engine.now().date()
    month = await engine.calendar.month(today.year, today.month, "Europe/Berlin")
    assert await remote.calendar.month(today.year, today.month, "Europe/Berlin") == month
    assert await remote.calendar.day(today, "Europe/Berlin") == await engine.calendar.day(today, "Europe/Berlin")


async def test_the_engine_is_asked_and_told_from_afar(engine: FakeBackend, remote: RemoteBackend) -> None:
    assert await remote.engine.status() == await engine.engine.status()
    await remote.engine.stay()
    assert engine.stays
    assert (await remote.engine.stop_all()).executions > 0
    await remote.engine.shutdown(timedelta(seconds=1))
    assert engine.is_shut


@pytest.mark.parametrize("call", ["task", "execution", "device", "group"])
async def test_what_is_not_there_is_not_found(remote: RemoteBackend, call: str) -> None:
    with pytest.raises(NotFound):
        match call:
            case "task":
                await remote.tasks.get(TaskId(999999))
            case "execution":
                await remote.executions.get(ExecutionId(999999))
            case "device":
                await remote.devices.get(DeviceId(999999))
            case _:
                await remote.groups.get(GroupId(999999))


async def test_a_refusal_names_field_and_remedy_from_afar(engine: FakeBackend, remote: RemoteBackend) -> None:
    with pytest.raises(InvalidInput) as here:
        await engine.devices.match("web &")
    with pytest.raises(InvalidInput) as there:
        await remote.devices.match("web &")
    assert there.value.problems == here.value.problems


async def test_following_from_now_starts_with_the_position_and_tells_what_comes(
    engine: FakeBackend, remote: RemoteBackend
) -> None:
    followed = remote.events.follow()
    first = await anext(followed)
    assert isinstance(first, Reset)
    engine.emit("task.changed", TaskId(3))
    event = await anext(followed)
    assert isinstance(event, Event)
    assert (event.type, event.task_id, event.id.number) == ("task.changed", 3, first.id.number + 1)


async def test_a_follower_comes_back_by_id_after_its_connection_broke(
    engine: FakeBackend, remote: RemoteBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[EventId | None] = []
    follow = engine.events.follow

    async def watched(
        after: EventId | None = None, execution: ExecutionId | None = None, *, without_growth: bool = False
    ) -> AsyncIterator[Event | Reset]:
        asked.append(after)
        async for item in follow(after, execution, without_growth=without_growth):
            yield item

    monkeypatch.setattr(engine.events, "follow", watched)
    followed = remote.events.follow()
    start = await anext(followed)
    engine.emit("task.changed", TaskId(3))
    event = await anext(followed)
    engine.lose()  # the stream breaks inside the engine
    engine.mend()
    pending = asyncio.ensure_future(anext(followed))
    while len(asked) < 2:
        await asyncio.sleep(0.01)
    while not engine.followers:
        await asyncio.sleep(0.01)
    engine.emit("task.changed", TaskId(4))
    later = await pending
    assert asked == [None, event.id]
    assert start.id.number < event.id.number < later.id.number


async def test_a_follower_is_told_when_the_engine_stays_away(
    engine: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_events, "BACKOFF", (timedelta(milliseconds=1),) * 3)
    async with served(engine, tmp_path) as running:
        remote = await RemoteBackend.connect(running.socket)
        followed = remote.events.follow()
        await anext(followed)
    with pytest.raises(EngineUnreachable, match="deployx --serve"):
        await anext(followed)
    # nothing is answered out of memory
    with pytest.raises(EngineUnreachable):
        await remote.tasks.list(TaskQuery())
    await remote.close()


async def test_no_engine_is_said_in_one_line_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineUnreachable, match=r"no engine answers at .*nobody\.sock; start one with") as caught:
        await RemoteBackend.connect(tmp_path / "nobody.sock")
    assert "\n" not in str(caught.value)


async def test_an_engine_that_went_away_is_looked_for_anew(engine: FakeBackend, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    async with served(engine, old) as first:
        remote = await RemoteBackend.connect(first.socket, revive=lambda: new / "api.sock")
        assert remote.socket == first.socket
    async with served(engine, new) as second:
        assert await remote.engine.status() == await engine.engine.status()
        assert remote.socket == second.socket
        await remote.close()


async def test_an_engine_of_another_version_is_refused_in_one_line(
    engine: FakeBackend, api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployx_tui.service.remote.channel.WIRE_VERSION", 999)
    with pytest.raises(VersionMismatch, match="start again") as caught:
        await RemoteBackend.connect(api.socket)
    assert "\n" not in str(caught.value)
