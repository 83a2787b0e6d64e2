"""The event stream: numbered, resumable, the same for every client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from deployx_tui.errors import NotFound
from deployx_tui.model.device import GroupDraft
from deployx_tui.model.event import Event, EventId, Reset
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.user import Role
from deployx_tui.service.backend import Backend
from tests.contract.backend.site import LONG, Site, add_device, add_task, finished, following, line, new_request


async def _until(
    backend: Backend,
    is_last: Callable[[Event], bool],
    after: EventId | None = None,
    execution: ExecutionId | None = None,
    *,
    without_growth: bool = False,
) -> list[Event | Reset]:
    """What a follower hears, up to an event."""
    heard: list[Event | Reset] = []
    async with (
        asyncio.timeout(LONG),
        aclosing(following(backend, execution, after, without_growth=without_growth)) as stream,
    ):
        async for item in stream:
            heard.append(item)
            if isinstance(item, Event) and is_last(item):
                return heard
    raise AssertionError("the stream ended")


async def _here(backend: Backend) -> EventId:
    async with asyncio.timeout(LONG), aclosing(following(backend)) as stream:
        first = await anext(stream)
    assert isinstance(first, Reset), "who follows from now on is first told where now is"
    return first.id


def _is(kind: str) -> Callable[[Event], bool]:
    return lambda event: event.type == kind


class EventsContract:
    async def test_a_change_is_told_to_every_client_with_growing_numbers(self, site: Site) -> None:
        one, two = await site.backend(), await site.backend()
        start = await _here(one)
        device = await add_device(one, "web01")
        task = await add_task(one)
        await one.tasks.pause(task.id)
        await one.groups.create(GroupDraft(name="web", devices=(device.id,)))
        await one.tasks.delete(task.id)
        for client in (one, two):
            heard = await _until(client, _is("task.deleted"), start)
            events = [item for item in heard if isinstance(item, Event)]
            assert [event.type for event in events] == [
                "device.changed",
                "task.created",
                "task.changed",
                "group.changed",
                "task.deleted",
            ]
            assert {event.task_id for event in events} == {None, task.id}
            numbers = [event.id.number for event in events]
            assert numbers == sorted(set(numbers))
            assert {event.id.stream for event in events} == {start.stream}

    async def test_a_follower_resumes_after_any_event_without_loss(self, site: Site) -> None:
        backend = await site.backend()
        start = await _here(backend)
        for number in range(5):
            await backend.groups.create(GroupDraft(name=f"g{number}"))
        await add_device(backend, "web01")
        whole = await _until(backend, _is("device.changed"), start)
        for cut in range(len(whole) - 1):
            middle = whole[cut]
            assert await _until(backend, _is("device.changed"), middle.id) == whole[cut + 1 :]

    async def test_an_unknown_position_gives_a_reset_first(self, site: Site) -> None:
        backend = await site.backend()
        here = await _here(backend)
        for unknown in (EventId("another", here.number), EventId(here.stream, here.number + 1000)):
            async with asyncio.timeout(LONG), aclosing(following(backend, after=unknown)) as stream:
                first = await anext(stream)
                assert isinstance(first, Reset)
                await backend.groups.create(GroupDraft(name=f"after {unknown.stream}"))
                second = await anext(stream)
                assert isinstance(second, Event)
                assert second.type == "group.changed"

    async def test_a_waiting_follower_hears_at_once_what_another_client_does(self, site: Site) -> None:
        one, two = await site.backend(), await site.backend()
        async with asyncio.timeout(LONG), aclosing(following(one)) as stream:
            await anext(stream)
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            await two.groups.create(GroupDraft(name="web"))
            heard = await waiting
        assert isinstance(heard, Event)
        assert heard.type == "group.changed"

    async def test_one_execution_can_be_followed_alone(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        start = await _here(backend)
        first = await backend.executions.run_ad_hoc(line("echo one"), "web01", new_request())
        second = await backend.executions.run_ad_hoc(line("echo two"), "web01", new_request())
        await finished(backend, first)
        await finished(backend, second)
        heard = await _until(backend, _is("execution.finished"), start, second)
        assert {item.execution_id for item in heard if isinstance(item, Event)} == {second}
        kinds = [item.type for item in heard if isinstance(item, Event)]
        assert "target.changed" in kinds
        assert kinds[-1] == "execution.finished"
        with pytest.raises(NotFound):
            await _until(backend, _is("never"), start, ExecutionId(999_999))

    async def test_who_waits_at_the_outputs_hears_no_growth_and_all_else(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        start = await _here(backend)
        execution = await backend.executions.run_ad_hoc(line("echo one; sleep 1; echo two"), "web01", new_request())
        whole = await _until(backend, _is("execution.finished"), start)
        assert {"output.grew", "target.changed"} <= {item.type for item in whole if isinstance(item, Event)}
        without = await _until(backend, _is("execution.finished"), start, execution, without_growth=True)
        assert without == [
            item for item in whole if isinstance(item, Event) and item.execution_id and item.type != "output.grew"
        ]

    async def test_nobody_hears_of_what_they_may_not_read(self, site: Site) -> None:
        admin, bob = await site.backend(), await site.backend(Role.OPERATOR, "bob")
        start = await _here(bob)
        await add_device(admin, "web01")
        theirs = await add_task(admin, "theirs")
        await finished(admin, await admin.tasks.run(theirs.id, new_request()))
        own = await add_task(bob, "own")
        heard = await _until(bob, _is("task.created"), start)
        assert {item.type for item in heard if isinstance(item, Event)} == {"device.changed", "task.created"}
        assert isinstance(heard[-1], Event)
        assert heard[-1].task_id == own.id
