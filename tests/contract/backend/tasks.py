"""Tasks."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployx_tui.errors import Ambiguous, Conflict, InvalidInput, NotFound
from deployx_tui.model.device import GroupDraft
from deployx_tui.model.execution import ExecutionStatus, Trigger
from deployx_tui.model.ids import DeviceId, GroupId, TaskId
from deployx_tui.model.payload import Line
from deployx_tui.model.schedule import ClockNote, Cron, Daily, Monthly, Overlap, OverlapKind, Schedule
from deployx_tui.model.task import TaskQuery, TaskSort, TaskState
from deployx_tui.model.user import Role
from tests.contract.backend.site import (
    Site,
    add_device,
    add_task,
    daily,
    draft,
    fields,
    finished,
    in_a_year,
    line,
    new_request,
    run,
    until,
)
from tests.support.payloads import commands_of

GONE = TaskId(999_999)


class TasksContract:
    async def test_a_created_task_is_read_back_as_it_was_given(self, site: Site) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        given = draft(
            "backup",
            device_ids=(device.id,),
            description="each night",
            tags=frozenset({"prod"}),
            overlap=Overlap(OverlapKind.PARALLEL, 3),
            grace=timedelta(minutes=5),
            timeout=timedelta(seconds=90),
            payload=line("true", environment=(("A", "1"),), success_codes=frozenset({0, 3})),
        )
        before = datetime.now(UTC)
        made = await backend.tasks.create(given)
        assert made == await backend.tasks.get(made.id) == await backend.tasks.find("backup")
        assert made == await backend.tasks.find(str(made.id))
        assert made.draft == given
        assert (made.state, made.version, made.owner) == (TaskState.ACTIVE, 1, backend.actor.name)
        assert (made.last, made.recent, made.execution_count, made.target_count) == (None, (), 0, 1)
        assert made.next_execution is not None
        assert before < made.next_execution <= before + timedelta(days=1)

    async def test_what_can_not_be_meant_is_refused_field_by_field_and_nothing_is_kept(self, site: Site) -> None:
        backend = await site.backend()
        wrong = draft(
            "",
            command=" ",
            selector="nowhere",
            device_ids=(DeviceId(77),),
            schedule=Schedule(recurrence=Cron("61 * * * *"), zone="Mars/Base"),
        )
        with pytest.raises(InvalidInput) as refused:
            await backend.tasks.create(wrong)
        found = set(fields(refused))
        assert {"task_name", "selector", "device_ids", "command_payload.command"} <= found
        assert any(field.startswith(("timezone", "recurrence_config")) for field in found)
        assert (await backend.tasks.list(TaskQuery())).items == ()

    async def test_an_edit_bumps_the_version_and_an_old_version_is_stale(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        task = await add_task(backend)
        changed = await backend.tasks.update(task.id, replace(task.draft, description="new"), task.version)
        assert (changed.draft.description, changed.version) == ("new", 2)
        assert changed.next_execution == task.next_execution
        for act in (
            lambda: backend.tasks.update(task.id, task.draft, task.version),
            lambda: backend.tasks.delete(task.id, task.version),
        ):
            with pytest.raises(Conflict) as stale:
                await act()
            assert stale.value.stale
        again = await backend.tasks.update(task.id, changed.draft)
        assert again.version == 2, "an edit that changes nothing is none"

    async def test_a_new_rule_is_counted_from_now(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        task = await add_task(backend, schedule=daily(3))
        moved = await backend.tasks.update(task.id, replace(task.draft, schedule=daily(4)))
        assert moved.next_execution is not None
        assert moved.next_execution.time() == time(4)
        past = replace(task.draft, schedule=daily(4, end=datetime(2020, 1, 1, tzinfo=UTC)))
        with pytest.raises(InvalidInput):
            await backend.tasks.update(task.id, past)

    async def test_a_deleted_task_is_gone_until_it_is_restored(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        task = await add_task(backend)
        ended = await run(backend, task)
        await backend.tasks.delete(task.id)
        for look in (backend.tasks.get, backend.tasks.delete, backend.tasks.pause, backend.tasks.resume):
            with pytest.raises(NotFound):
                await look(task.id)
        with pytest.raises(NotFound):
            await backend.tasks.run(task.id, new_request())
        assert (await backend.tasks.list(TaskQuery())).total == 0
        assert (await backend.executions.get(ended.id)).task_id == task.id
        back = await backend.tasks.restore(task.id)
        assert (back.state, back.draft, back.next_execution) == (TaskState.ACTIVE, task.draft, task.next_execution)
        assert back.last is not None
        assert back.last.id == ended.id
        with pytest.raises(NotFound):
            await backend.tasks.restore(task.id)

    async def test_a_task_deleted_while_it_runs_is_restored_with_its_schedule(self, site: Site, tmp_path: Path) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        os.mkfifo(gate := tmp_path / "gate")
        task = await add_task(backend, command=f"read line <{gate}")
        execution = await backend.tasks.run(task.id, new_request())
        await until(backend, execution, lambda run: run.status is ExecutionStatus.RUNNING)
        await backend.tasks.delete(task.id)
        await asyncio.to_thread(gate.write_text, "go\n")
        assert (await finished(backend, execution)).status is ExecutionStatus.SUCCEEDED
        back = await backend.tasks.restore(task.id)
        assert (back.state, back.next_execution) == (TaskState.ACTIVE, task.next_execution)

    async def test_a_paused_task_has_no_next_run_and_resumes_from_now(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        task = await add_task(backend)
        with pytest.raises(Conflict):
            await backend.tasks.resume(task.id)
        paused = await backend.tasks.pause(task.id)
        assert (paused.state, paused.next_execution, paused.version) == (TaskState.PAUSED, None, 2)
        with pytest.raises(Conflict):
            await backend.tasks.pause(task.id)
        edited = await backend.tasks.update(task.id, replace(task.draft, schedule=daily(5)))
        assert (edited.state, edited.next_execution) == (TaskState.PAUSED, None)
        before = datetime.now(UTC)
        resumed = await backend.tasks.resume(task.id)
        assert resumed.state is TaskState.ACTIVE
        assert resumed.next_execution is not None
        assert resumed.next_execution.time() == time(5)
        assert resumed.next_execution > before, "what passed while it was paused is not missed"

    async def test_unknown_and_doubled_names_are_told_apart(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        first, second = await add_task(backend), await add_task(backend)
        with pytest.raises(Ambiguous) as ambiguous:
            await backend.tasks.find("nightly")
        assert len(ambiguous.value.candidates) == 2
        assert [str(task.id) in text for task, text in zip((first, second), ambiguous.value.candidates, strict=True)]
        for absent in ("nothing", "999999", ""):
            with pytest.raises(NotFound) as missing:
                await backend.tasks.find(absent)
            assert not isinstance(missing.value, Ambiguous)
        with pytest.raises(NotFound):
            await backend.tasks.get(GONE)
        with pytest.raises(NotFound):
            await backend.tasks.update(GONE, draft())

    async def test_the_list_is_filtered_sorted_and_paged(self, site: Site) -> None:
        backend = await site.backend()
        web, db = await add_device(backend, "web01"), await add_device(backend, "db01")
        group = await backend.groups.create(GroupDraft(name="databases", devices=(db.id,)))
        await add_task(backend, "b", schedule=daily(1), tags=frozenset({"prod"}))
        await add_task(backend, "a", selector="@databases")
        await add_task(backend, "c", selector="", device_ids=(db.id,))
        paused = await add_task(backend, "d", selector="", group_ids=(group.id,))
        await backend.tasks.pause(paused.id)

        async def names(**query: object) -> str:
            page = await backend.tasks.list(TaskQuery(**query))  # type: ignore[arg-type]  # a test's shorthand
            assert page.total == len(page.items)
            return "".join(task.name for task in page.items)

        assert await names(sort=TaskSort.NAME) == "abcd"
        assert await names(sort=TaskSort.NAME, descending=True) == "dcba"
        assert (await names())[-1] == "d"
        assert await names(device_id=web.id) == "b"
        assert sorted(await names(group_id=group.id)) == ["a", "c", "d"]
        assert await names(tag="prod") == await names(text="PRO") == "b"
        assert sorted(await names(text="!prod")) == ["a", "c", "d"]
        assert await names(state=TaskState.PAUSED) == "d"
        assert await names(owner="nobody") == ""
        for query in (TaskQuery(device_id=DeviceId(99)), TaskQuery(group_id=GroupId(99))):
            with pytest.raises(NotFound):
                await backend.tasks.list(query)

        walked, cursor = "", None
        while True:
            page = await backend.tasks.list(TaskQuery(sort=TaskSort.NAME, limit=3, cursor=cursor))
            walked += "".join(task.name for task in page.items)
            assert page.total == 4
            cursor = page.next_cursor
            if cursor is None:
                break
        assert walked == "abcd"

    async def test_a_wrong_page_is_refused(self, site: Site) -> None:
        backend = await site.backend()
        for query, field in (
            (TaskQuery(limit=0), "limit"),
            (TaskQuery(limit=1001), "limit"),
            (TaskQuery(cursor="x"), "cursor"),
        ):
            with pytest.raises(InvalidInput) as refused:
                await backend.tasks.list(query)
            assert fields(refused) == [field]

    async def test_a_list_tells_what_each_task_did_last(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        good, bad = await add_task(backend, "good"), await add_task(backend, "bad", "exit 3")
        for task in (good, bad, bad):
            await run(backend, task)
        page = await backend.tasks.list(TaskQuery(sort=TaskSort.NAME))
        shown = {task.name: task for task in page.items}
        assert shown["bad"].recent == (ExecutionStatus.FAILED, ExecutionStatus.FAILED)
        assert shown["bad"].last is not None
        assert (shown["bad"].last.status, shown["bad"].last.targets.failed) == (ExecutionStatus.FAILED, 1)
        assert "exit 3" in shown["bad"].last.why
        assert shown["good"].last is not None
        assert (shown["good"].last.why, shown["good"].execution_count) == ("", 1)
        failed = await backend.tasks.list(TaskQuery(last_status=ExecutionStatus.FAILED))
        assert [task.name for task in failed.items] == ["bad"]

    # ---- preview

    async def test_a_preview_says_what_saving_would_mean_and_writes_nothing(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01", "prod")
        rule = Schedule(recurrence=Monthly((31,), (time(3),)), zone="UTC")
        seen = await backend.tasks.preview(draft(selector="tag:prod", schedule=rule))
        assert seen.problems == ()
        assert [(name, why) for _, name, why in seen.targets] == [("web01", "tag:prod")]
        assert len(seen.fires) == 10
        assert list(seen.fires) == sorted(seen.fires, key=lambda fire: fire.at)
        assert any("31" in warning for warning in seen.warnings)
        assert (await backend.tasks.list(TaskQuery())).items == ()

    async def test_a_preview_warns_of_a_name_that_another_task_has_and_not_of_its_own(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01", "prod")
        wanted = draft("nightly", selector="tag:prod")
        assert (await backend.tasks.preview(wanted)).warnings == ()
        first = await backend.tasks.create(wanted)
        assert any(
            "another task has the name nightly" in each for each in (await backend.tasks.preview(wanted)).warnings
        )
        assert (await backend.tasks.preview(wanted, task=first.id)).warnings == ()
        second = await backend.tasks.create(wanted)
        assert (await backend.tasks.preview(wanted, task=second.id)).warnings != ()

    async def test_a_preview_never_refuses_but_tells_every_problem(self, site: Site) -> None:
        backend = await site.backend()
        seen = await backend.tasks.preview(
            draft("", selector="&&", schedule=Schedule(recurrence=Cron("bad"), zone="UTC"))
        )
        assert {problem.field.partition(".")[0] for problem in seen.problems} == {
            "task_name",
            "selector",
            "recurrence_config",
        }
        assert all(problem.remedy for problem in seen.problems)
        assert (seen.fires, seen.targets) == ((), ())

    async def test_a_preview_warns_of_no_target_and_of_protected_ones_and_their_number_is_no_warning(
        self, site: Site
    ) -> None:
        backend = await site.backend()
        devices = [await add_device(backend, f"web{number:02}") for number in range(12)]
        await backend.groups.create(GroupDraft(name="front", devices=(devices[0].id,), protected=True))
        many = await backend.tasks.preview(draft(selector="web*"))
        assert len(many.targets) == 12
        assert [warning for warning in many.warnings if "12" in warning] == []
        assert any(
            "front: running it by hand wants the number of its targets typed" in warning for warning in many.warnings
        )
        nobody = await backend.tasks.preview(draft(selector="db*"))
        assert any("no device matches" in text for text in (*nobody.warnings, *(p.message for p in nobody.problems)))

    async def test_fires_of_a_rule_that_is_not_saved_tell_of_clock_changes(self, site: Site) -> None:
        backend = await site.backend()
        rule = Schedule(recurrence=Daily((time(2, 30),)), zone="Europe/Berlin")
        after = datetime(2026, 3, 28, tzinfo=UTC)
        fires = await backend.tasks.fires(rule, 3, after)
        assert [fire.at for fire in fires] == [
            datetime(2026, 3, 28, 1, 30, tzinfo=UTC),
            datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
            datetime(2026, 3, 30, 0, 30, tzinfo=UTC),
        ]
        assert [fire.note for fire in fires] == [None, ClockNote.SHIFTED, None]
        soon = await backend.tasks.fires(rule, 1)
        assert soon[0].at > datetime.now(UTC)
        with pytest.raises(InvalidInput):
            await backend.tasks.fires(Schedule(recurrence=Cron("bad"), zone="UTC"), 3)
        with pytest.raises(InvalidInput) as refused:
            await backend.tasks.fires(rule, 0)
        assert fields(refused) == ["count"]

    # ---- run now

    async def test_run_now_leaves_the_schedule_alone(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        task = await backend.tasks.pause((await add_task(backend, schedule=in_a_year())).id)
        ended = await run(backend, task)
        assert (ended.status, ended.trigger, ended.task_id) == (ExecutionStatus.SUCCEEDED, Trigger.MANUAL, task.id)
        assert (ended.started_by, ended.scheduled_for) == (backend.actor.name, None)
        after = await backend.tasks.get(task.id)
        assert (after.state, after.next_execution, after.version) == (task.state, None, task.version)
        assert after.execution_count == 1

    async def test_the_same_request_is_the_same_run(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        task, request = await add_task(backend), new_request()
        first = await backend.tasks.run(task.id, request)
        assert await backend.tasks.run(task.id, request) == first
        await finished(backend, first)
        assert await backend.tasks.run(task.id, request) == first
        with pytest.raises(InvalidInput) as refused:
            await backend.tasks.run(task.id, request, "web01")
        assert fields(refused) == ["request"]
        await backend.tasks.update(task.id, replace(task.draft, payload=line("echo changed")))
        assert await backend.tasks.run(task.id, request) == first
        assert await backend.tasks.run(task.id, new_request()) != first
        with pytest.raises(InvalidInput) as refused:
            await backend.tasks.run(task.id, "now")
        assert fields(refused) == ["request"]
        with pytest.raises(NotFound):
            await backend.tasks.run(GONE, new_request())

    async def test_tasks_that_use_devices_or_groups_are_named_before_those_go(self, site: Site) -> None:
        backend = await site.backend()
        web, db = await add_device(backend, "web01"), await add_device(backend, "db01", "prod")
        inner = await backend.groups.create(GroupDraft(name="inner", devices=(web.id,)))
        await backend.groups.create(GroupDraft(name="outer", groups=(inner.id,)))
        for name, selector in {"tag": "tag:prod", "around": "@outer", "named": "web01", "all": "*"}.items():
            await add_task(backend, name, selector=selector)

        async def names(**gone: Any) -> list[str]:
            return [task.name for task in await backend.tasks.using(**gone)]

        assert await names(devices=[db.id]) == ["all", "tag"]
        assert await names(groups=[inner.id]) == ["around"]
        assert await names(devices=[web.id, db.id]) == ["all", "around", "named", "tag"]
        assert await names() == []
        assert (await backend.tasks.using(devices=[db.id]))[0].id == (await backend.tasks.find("all")).id

    async def test_a_running_task_follows_its_overlap_rule(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        for overlap, free in ((Overlap(), 0), (Overlap(OverlapKind.PARALLEL, 2), 1)):
            task = await add_task(backend, f"long{free}", "sleep 600", overlap=overlap)
            runs = [await backend.tasks.run(task.id, new_request()) for _ in range(free + 1)]
            with pytest.raises(Conflict) as refused:
                await backend.tasks.run(task.id, new_request())
            assert not refused.value.stale
            said = str(refused.value)
            assert f"task long{free} runs already (#{runs[0]}" in said
            assert f"cancel execution {runs[0]}, or set --overlap parallel:{free + 2}" in said
            for execution in runs:
                await until(backend, execution, lambda found: found.targets.running == 1)
                await backend.executions.cancel(execution)
                await finished(backend, execution)
            await backend.executions.cancel(await backend.tasks.run(task.id, new_request()))

    async def test_run_now_can_be_narrowed_to_some_of_the_tasks_targets(self, site: Site) -> None:
        backend = await site.backend()
        for name in ("web01", "web02", "db01"):
            await add_device(backend, name)
        task = await add_task(backend)
        ended = await run(backend, task, targets="web02")
        assert [target.device for target in (await backend.executions.targets(ended.id)).items] == ["web02"]
        for targets in ("db01", "nowhere"):
            with pytest.raises(InvalidInput) as refused:
                await backend.tasks.run(task.id, new_request(), targets)
            assert fields(refused) == ["targets"]

    async def test_a_run_does_what_the_task_said_when_it_was_started(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        task = await add_task(backend, command="echo old")
        ended = await run(backend, task)
        await backend.tasks.update(task.id, replace(task.draft, payload=line("echo new")))
        assert ended.summary == "echo old"
        assert isinstance(commands_of(task).body, Line)
        assert (await backend.executions.get(ended.id)).summary == "echo old"
        assert (await run(backend, task)).summary == "echo new"

    async def test_others_tasks_are_not_found_by_who_sees_only_their_own(self, site: Site) -> None:
        admin, bob = await site.backend(), await site.backend(Role.OPERATOR, "bob")
        await add_device(admin, "web01")
        theirs, own = await add_task(admin, "theirs"), await add_task(bob, "own")
        assert [task.name for task in (await bob.tasks.list(TaskQuery())).items] == ["own"]
        for look in (bob.tasks.get, bob.tasks.pause, bob.tasks.delete, bob.tasks.restore):
            with pytest.raises(NotFound):
                await look(theirs.id)
        with pytest.raises(NotFound):
            await bob.tasks.run(theirs.id, new_request())
        with pytest.raises(NotFound):
            await bob.tasks.find("theirs")
        assert (await admin.tasks.get(own.id)).owner == "bob"
        approver = await site.backend(Role.APPROVER, "eve")
        assert len((await approver.tasks.list(TaskQuery())).items) == 2
