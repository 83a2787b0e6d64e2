"""Executions and what their targets said."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.execution import (
    Cause,
    ExecutionQuery,
    ExecutionStatus,
    RerunScope,
    Stream,
    TargetState,
    Trigger,
)
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.model.user import Role
from deployx_tui.service.backend import Backend
from tests.contract.backend.site import (
    LONG,
    Site,
    add_device,
    add_task,
    fields,
    finished,
    line,
    new_request,
    run,
    until,
)

GONE = ExecutionId(999_999)


async def _text(backend: Backend, execution: ExecutionId, device: DeviceId, stream: Stream = Stream.BOTH) -> bytes:
    found = await backend.executions.output(execution, device, stream)
    assert found.complete
    return b"".join(chunk.data for chunk in found.chunks)


class ExecutionsContract:
    async def test_a_run_without_a_task_says_what_each_target_did(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        lost = await add_device(backend, "web02")
        await backend.devices.update(lost.id, replace(lost.draft, address="localhost"))
        request = new_request()
        execution = await backend.executions.run_ad_hoc(line("echo out; echo err >&2; exit 3"), "web*", request)
        assert await backend.executions.run_ad_hoc(line("echo out; echo err >&2; exit 3"), "web*", request) == execution
        for payload, selector, timeout in (
            (line("true"), "web*", None),
            (line("echo out; echo err >&2; exit 3"), "web01", None),
            (line("echo out; echo err >&2; exit 3"), "web*", timedelta(minutes=1)),
        ):
            with pytest.raises(InvalidInput) as refused:
                await backend.executions.run_ad_hoc(payload, selector, request, timeout)
            assert fields(refused) == ["request"]
        ended = await finished(backend, execution)
        assert (ended.status, ended.trigger, ended.task_id) == (ExecutionStatus.FAILED, Trigger.AD_HOC, None)
        assert ended.task_name.startswith("ad hoc: echo out")
        assert (ended.targets.total, ended.targets.failed) == (2, 2)
        assert ended.plan_sha256 is not None
        assert len(ended.plan_sha256) == 64
        targets = (await backend.executions.targets(execution)).items
        assert [target.device for target in targets] == ["web01", "web02"]
        assert {(t.state, t.exit_code, t.cause) for t in targets} == {(TargetState.FAILED, 3, Cause.EXIT)}
        assert await _text(backend, execution, targets[0].device_id, Stream.STDOUT) == b"out\n"
        assert await _text(backend, execution, targets[0].device_id, Stream.STDERR) == b"err\n"
        causes = await backend.executions.causes(execution)
        assert [(cause.cause, cause.devices) for cause in causes] == [(Cause.EXIT, ("web01", "web02"))]

    async def test_a_run_without_a_task_is_refused_by_field(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        refusals = {
            "selector": (line("true"), "nowhere", new_request(), None),
            "command_payload.command": (line(" "), "web01", new_request(), None),
            "request": (line("true"), "web01", "x", None),
            "timeout_seconds": (line("true"), "web01", new_request(), timedelta()),
        }
        for field, (payload, selector, request, timeout) in refusals.items():
            with pytest.raises(InvalidInput) as refused:
                await backend.executions.run_ad_hoc(payload, selector, request, timeout)
            assert fields(refused) == [field]
        assert (await backend.executions.list(ExecutionQuery())).items == ()

    async def test_history_is_found_by_task_device_status_time_and_words(self, site: Site) -> None:
        backend = await site.backend()
        web, db = await add_device(backend, "web01"), await add_device(backend, "db01")
        task = await add_task(backend, "backup", "echo no space left; exit 1")
        failed = await run(backend, task)
        other = await finished(backend, await backend.executions.run_ad_hoc(line("true"), "db01", new_request()))

        async def ids(**query: object) -> list[int]:
            page = await backend.executions.list(ExecutionQuery(**query))  # type: ignore[arg-type]  # a shorthand
            return [execution.id for execution in page.items]

        assert await ids() == [other.id, failed.id]
        assert await ids(task_id=task.id) == await ids(device_id=web.id) == [failed.id]
        assert await ids(device_id=db.id) == await ids(statuses=frozenset({ExecutionStatus.SUCCEEDED})) == [other.id]
        assert await ids(text="space backup") == await ids(text="web01") == [failed.id]
        assert await ids(text="!space") == [other.id]
        assert await ids(since=failed.created_at, until=failed.created_at) == [failed.id]
        assert await ids(since=datetime.now(UTC) + timedelta(hours=1)) == []
        first = await backend.executions.list(ExecutionQuery(limit=1))
        assert first.next_cursor is not None
        second = await backend.executions.list(ExecutionQuery(limit=1, cursor=first.next_cursor))
        assert [second.items[0].id, second.next_cursor] == [failed.id, None]
        for query in (ExecutionQuery(limit=0), ExecutionQuery(cursor="x")):
            with pytest.raises(InvalidInput):
                await backend.executions.list(query)

    async def test_targets_are_filtered_and_paged(self, site: Site) -> None:
        backend = await site.backend()
        for number in range(3):
            await add_device(backend, f"web{number}")
        ended = await finished(backend, await backend.executions.run_ad_hoc(line("true"), "web*", new_request()))
        first = await backend.executions.targets(ended.id, limit=2)
        assert first.next_cursor is not None
        rest = await backend.executions.targets(ended.id, limit=2, cursor=first.next_cursor)
        assert [t.device for t in (*first.items, *rest.items)] == ["web0", "web1", "web2"]
        assert rest.next_cursor is None
        assert (await backend.executions.targets(ended.id, frozenset({TargetState.FAILED}))).items == ()

    async def test_what_is_absent_is_not_found(self, site: Site) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        other = await add_device(backend, "db01")
        look = backend.executions
        for ask in (look.get, look.targets, look.causes, look.cancel, look.output_groups):
            with pytest.raises(NotFound):
                await ask(GONE)
        with pytest.raises(NotFound):
            await look.rerun(GONE, new_request())
        with pytest.raises(NotFound):
            await look.output(GONE, device.id)
        ended = await finished(backend, await look.run_ad_hoc(line("true"), "web01", new_request()))
        with pytest.raises(NotFound):
            await look.output(ended.id, other.id)

    # ---- cancel and rerun

    async def test_a_cancelled_run_has_its_processes_killed_and_says_so(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        execution = await backend.executions.run_ad_hoc(line("echo begun; sleep 600"), "web01", new_request())
        await until(backend, execution, lambda found: found.targets.running == 1)
        asked = await backend.executions.cancel(execution)
        assert asked.id == execution
        ended = await finished(backend, execution)
        assert ended.status is ExecutionStatus.CANCELLED
        (target,) = (await backend.executions.targets(execution)).items
        assert target.state is TargetState.CANCELLED
        with pytest.raises(Conflict):
            await backend.executions.cancel(execution)

    async def test_a_rerun_repeats_the_stored_plan_where_it_did_not_succeed(self, site: Site) -> None:
        backend = await site.backend()
        for name in ("web01", "web02"):
            await add_device(backend, name)
        task = await add_task(backend, "half", 'echo "$DEPLOYX_DEVICE"; exit 1')
        first = await run(backend, task)
        await backend.tasks.update(task.id, replace(task.draft, payload=line("echo changed")))
        await add_device(backend, "web03")
        request = new_request()
        with pytest.raises(Conflict):
            await backend.executions.rerun(first.id, new_request(), frozenset({RerunScope.LOST}))
        again = await backend.executions.rerun(first.id, request)
        assert await backend.executions.rerun(first.id, request) == again != first.id
        ended = await finished(backend, again)
        assert (ended.trigger, ended.task_id, ended.status) == (Trigger.RERUN, task.id, ExecutionStatus.FAILED)
        assert [t.device for t in (await backend.executions.targets(again)).items] == ["web01", "web02"]
        assert await backend.executions.rerun(first.id, request) == again
        with pytest.raises(InvalidInput) as refused:
            await backend.executions.rerun(first.id, request, frozenset({RerunScope.ALL}))
        assert fields(refused) == ["request"]

    async def test_a_rerun_takes_the_targets_that_its_scope_names(self, site: Site) -> None:
        backend = await site.backend()
        for name in ("web01", "web02"):
            await add_device(backend, name)
        good = await finished(backend, await backend.executions.run_ad_hoc(line("true"), "web*", new_request()))
        with pytest.raises(Conflict):
            await backend.executions.rerun(good.id, new_request())
        everything = await backend.executions.rerun(good.id, new_request(), frozenset({RerunScope.ALL}))
        ended = await finished(backend, everything)
        assert (ended.targets.succeeded, ended.summary, ended.task_name) == (2, good.summary, good.task_name)
        busy = await backend.executions.run_ad_hoc(line("sleep 600"), "web01", new_request())
        with pytest.raises(Conflict):
            await backend.executions.rerun(busy, new_request())
        await backend.executions.cancel(busy)
        with pytest.raises(InvalidInput):
            await backend.executions.rerun(good.id, "again")

    # ---- output

    async def test_output_is_read_from_any_offset_and_from_its_end(self, site: Site) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        command = line("seq 1 5000")
        ended = await finished(backend, await backend.executions.run_ad_hoc(command, "web01", new_request()))
        whole = b"".join(b"%d\n" % number for number in range(1, 5001))
        assert await _text(backend, ended.id, device.id) == whole
        read, offset = b"", 0
        while True:
            part = await backend.executions.output(ended.id, device.id, offset=offset, limit=1000)
            read += b"".join(chunk.data for chunk in part.chunks)
            assert part.total == len(whole)
            if part.next_offset == offset:
                assert part.complete
                break
            offset = part.next_offset
        assert read == whole
        tail = await backend.executions.output(ended.id, device.id, tail=10)
        assert b"".join(chunk.data for chunk in tail.chunks) == whole[-10:]
        with pytest.raises(InvalidInput):
            await backend.executions.output(ended.id, device.id, offset=-1)
        with pytest.raises(InvalidInput):
            await backend.executions.output(ended.id, device.id, limit=0)

    async def test_output_is_read_from_any_line_on(self, site: Site) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        command = line("seq 1 5000; printf more")
        ended = await finished(backend, await backend.executions.run_ad_hoc(command, "web01", new_request()))
        for number, text in ((0, b"1\n2\n"), (4000, b"4001\n"), (-1, b"more"), (-2, b"5000\nmore"), (5000, b"more")):
            part = await backend.executions.output(ended.id, device.id, line=number)
            assert b"".join(chunk.data for chunk in part.chunks).startswith(text)
            assert (part.line, part.lines) == (number if number >= 0 else 5001 + number, 5000)
        beyond = await backend.executions.output(ended.id, device.id, line=5001)
        assert (beyond.chunks, beyond.complete) == ((), True)
        with pytest.raises(InvalidInput, match="beside tail"):
            await backend.executions.output(ended.id, device.id, tail=10, line=1)

    async def test_a_reader_that_waits_gets_output_as_it_comes_and_its_end(self, site: Site) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        # it goes on when the test has seen the first line: nothing here depends on speed
        command = line("echo one; while [ ! -e /tmp/$GATE ]; do sleep 0.05; done; rm /tmp/$GATE; echo two")
        gate = f"DEPLOYX-GATE-{new_request()}"
        execution = await backend.executions.run_ad_hoc(
            replace(command, environment=(("GATE", gate),)), "web01", new_request()
        )
        await until(backend, execution, lambda found: found.targets.total == 1)
        seen, offset = b"", 0
        async with asyncio.timeout(LONG):
            while True:
                found = await backend.executions.output(execution, device.id, offset=offset, wait=timedelta(seconds=20))
                seen += b"".join(chunk.data for chunk in found.chunks)
                offset = found.next_offset
                if seen == b"one\n":
                    await asyncio.to_thread(open_gate, gate)
                if found.complete:
                    break
        assert seen == b"one\ntwo\n"
        quiet = await backend.executions.output(execution, device.id, offset=offset, wait=timedelta(seconds=20))
        assert (quiet.chunks, quiet.complete) == ((), True)

    async def test_a_reader_that_waits_in_vain_is_answered_all_the_same(self, site: Site) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        execution = await backend.executions.run_ad_hoc(line("sleep 600"), "web01", new_request())
        await until(backend, execution, lambda found: found.targets.running == 1)
        found = await backend.executions.output(execution, device.id, wait=timedelta(milliseconds=50))
        assert (found.chunks, found.complete, found.next_offset) == ((), False, 0)
        await backend.executions.cancel(execution)

    async def test_equal_outputs_are_one_group(self, site: Site) -> None:
        backend = await site.backend()
        for name in ("web01", "web02", "web03"):
            await add_device(backend, name)
        execution = await backend.executions.run_ad_hoc(line("echo the same"), "web*", new_request())
        await finished(backend, execution)
        (group,) = await backend.executions.output_groups(execution)
        assert [name for _, name in group.devices] == ["web01", "web02", "web03"]
        assert group.sample == b"the same\n"
        assert len(group.digest) == 64

    async def test_others_runs_are_not_found_by_who_sees_only_their_own(self, site: Site) -> None:
        admin, bob = await site.backend(), await site.backend(Role.OPERATOR, "bob")
        device = await add_device(admin, "web01")
        theirs = await finished(admin, await admin.executions.run_ad_hoc(line("true"), "web01", new_request()))
        own = await finished(bob, await bob.executions.run_ad_hoc(line("true"), "web01", new_request()))
        assert [found.id for found in (await bob.executions.list(ExecutionQuery())).items] == [own.id]
        for look in (bob.executions.get, bob.executions.targets, bob.executions.causes, bob.executions.cancel,
                     bob.executions.output_groups):  # fmt: skip
            with pytest.raises(NotFound):
                await look(theirs.id)
        with pytest.raises(NotFound):
            await bob.executions.output(theirs.id, device.id)
        with pytest.raises(NotFound):
            await bob.executions.rerun(theirs.id, new_request())
        assert len((await admin.executions.list(ExecutionQuery())).items) == 2


def open_gate(name: str) -> None:
    with open(f"/tmp/{name}", "x", encoding="utf-8"):  # noqa: PTH123 - a mark for the shell
        pass
