"""The Tasks screen, by keys alone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time
from zoneinfo import ZoneInfo

import pytest
from textual.pilot import Pilot

from deployx_tui.model.ids import ExecutionId, TaskId
from deployx_tui.model.schedule import Monthly, Schedule, Weekly
from deployx_tui.model.task import TaskState
from deployx_tui.tui.render.line import plain, width_of
from deployx_tui.tui.render.schedule import schedule_in, zone_mark
from deployx_tui.tui.screens.task_page import TaskPage
from deployx_tui.tui.screens.tasks import TasksPlace
from deployx_tui.tui.widgets.base import Pane
from tests.support.fake_backend import FakeBackend
from tests.support.screen import check_snapshot, press, screen_text, sees, settle, type_text, until
from tests.support.world import NOW
from tests.tui.conftest import Open


def tasks_of(pilot: Pilot[int]) -> TasksPlace:
    screen = pilot.app.screen
    assert isinstance(screen, TasksPlace)
    return screen


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_the_tasks_look_like_this(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size) as pilot:
        await press(pilot, "down", "down")
        check_snapshot(pilot, "tasks")


async def test_a_filter_narrows_while_it_is_typed_and_esc_clears_it(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "slash", *"web !cert")
        text = screen_text(pilot)
        assert "web-disk-check" in text
        assert "db-dump" not in text
        assert "filter: web !cert" in text
        await press(pilot, "escape")
        assert "db-dump" in screen_text(pilot)


async def test_a_filter_by_status_owner_and_place(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "slash")
        await type_text(pilot, "status:failed")
        await settle(pilot)
        assert "1 of 52" in screen_text(pilot)
        await press(pilot, "ctrl+u")
        await type_text(pilot, "owner:carol on:db-pg")
        await settle(pilot)
        assert "2 of 52" in screen_text(pilot)
        await press(pilot, "ctrl+u")
        await type_text(pilot, "status:nonsense")
        await settle(pilot)
        assert "status:nonsense is none" in screen_text(pilot)


async def test_exclamation_mark_shows_only_what_went_wrong(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "exclamation_mark")
        assert "2 of 52 ─ failures only" in screen_text(pilot)


async def test_marks_make_an_act_about_several(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "space", "space")
        assert "2 marked" in screen_text(pilot)
        await press(pilot, "p")
        assert [backend.task_rows[TaskId(n)].state for n in (3, 4)] == [TaskState.PAUSED] * 2
        await press(pilot, "p")
        assert [backend.task_rows[TaskId(n)].state for n in (3, 4)] == [TaskState.ACTIVE] * 2


async def test_the_sort_goes_to_the_backend(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "greater_than_sign")
        assert "sort NAME ▴" in screen_text(pilot)
        names = [row.task.name for row in tasks_of(pilot).table.rows]
        assert names == sorted(names)
        await press(pilot, "S")
        assert "sort NAME ▾" in screen_text(pilot)
        names = [row.task.name for row in tasks_of(pilot).table.rows]
        assert names == sorted(names, reverse=True)


async def test_a_run_on_more_than_ten_targets_wants_their_number(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "x")
        await sees(pilot, "on 22 targets")
        await settle(pilot)
        await press(pilot, "enter")
        assert "! nothing is done before 22 is typed; esc leaves" in screen_text(pilot)
        assert "tasks.run" not in backend.calls
        await pilot.press(*"22", "enter")
        await sees(pilot, "▸ #8843 nginx-reload")
        assert "tasks.run" in backend.calls


async def test_a_task_that_runs_already_says_why_it_does_not_start(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "x")
        await sees(pilot, "on 24 targets")
        await settle(pilot)
        await pilot.press(*"24", "enter")
        await sees(pilot, "runs already (#8841)")


async def test_a_deleted_task_comes_back_by_u(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "ctrl+d")
        assert TaskId(3) not in backend.task_rows
        assert "u undo" in screen_text(pilot)
        await press(pilot, "u")
        assert TaskId(3) in backend.task_rows
        assert "nginx-reload is back" in screen_text(pilot)


async def test_the_cursor_stands_on_what_came_back(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "ctrl+d", "down", "u")
        here = tasks_of(pilot).task
        assert here is not None
        assert here.id == TaskId(3)
        await press(pilot, "ctrl+d")
        assert TaskId(3) not in backend.task_rows


async def test_deleting_two_wants_the_count_typed(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "space", "space", "ctrl+d", "enter")
        assert "! nothing is done before 2 is typed; esc leaves" in screen_text(pilot)
        await press(pilot, "3", "enter")
        assert "! nothing is done before 2 is typed; esc leaves" in screen_text(pilot)
        assert len(backend.task_rows) == 52
        await press(pilot, "backspace", "2", "enter")
        assert len(backend.task_rows) == 50


async def test_a_typed_count_goes_to_its_field_wherever_the_cursor_is(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "space", "space", "ctrl+d")
        assert "type 2, then enter delete  esc cancel" in screen_text(pilot)
        pilot.app.screen.set_focus(None)  # as after a click beside it
        await press(pilot, "2", "enter")
        assert len(backend.task_rows) == 50


async def test_arrows_reach_cancel_beside_a_field_and_enter_takes_it(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "space", "space", "ctrl+d", "down")
        assert "▌ cancel" in screen_text(pilot)
        await press(pilot, "enter")
        assert "Delete tasks" not in screen_text(pilot)
        assert len(backend.task_rows) == 52


async def test_the_end_of_a_run_is_seen_without_a_key(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        assert "#8841" in screen_text(pilot)
        backend.finish_run(8841)
        await until(pilot, lambda: "#8841 web-cert-renew" not in screen_text(pilot))
        await settle(pilot)
        assert "#8841 web-cert-renew" not in screen_text(pilot)
        assert "22/24" in screen_text(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_the_whole_detail_of_a_task_cuts_nothing(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    about = "turns the logs of the shop over; ask the web team before you change it, they read them at night"
    task = next(task for task in backend.task_rows.values() if task.name == "web-log-rotate")
    selector = ",".join(f"web{number:02}" for number in range(1, 23))
    draft = replace(task.draft, description=about, selector=selector)
    backend.task_rows[task.id] = replace(task, draft=draft)
    async with open_app(*size) as pilot:
        await press(pilot, "slash")
        await type_text(pilot, "web-log-rotate")
        await press(pilot, "enter", "z")
        assert isinstance(pilot.app.screen, TaskPage)
        pane = pilot.app.screen.query_one(Pane)
        text = "\n".join(plain(each) for each in pane.lines)
        assert not re.search(r"\S…|…(?! \d+ )", text)  # but for what is counted: "… 12 ✗ more"
        assert all(width_of(each) <= size[0] for each in pane.lines)
        name, values = "", dict[str, str]()
        for row in (each.split("│")[-1].removeprefix(" ") for each in text.splitlines()):
            name = row[:10].strip() or name  # the labels are a column of their own, also where a value goes on
            values[name] = values.get(name, "") + row[10:].rstrip()
        assert values["about"].replace(" ", "") == about.replace(" ", "")
        assert values["targets"] == selector


async def test_enter_opens_the_whole_detail_and_q_returns(open_app: Open) -> None:
    async with open_app(80, 24) as pilot:
        await press(pilot, "down", "enter")
        assert "Tasks ▸ web-cert-renew" in screen_text(pilot)
        check_snapshot(pilot, "task_page")
        await press(pilot, "end")
        assert "certbot renew --quiet" in screen_text(pilot)
        await press(pilot, "q")
        assert "52 of 52" in screen_text(pilot)


async def test_a_flood_of_events_reads_only_now_and_then(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        backend.calls.clear()
        for _ in range(2000):
            backend.emit("target.changed", TaskId(1), ExecutionId(8841))
        await settle(pilot)
        assert backend.calls.count("tasks.get") <= 10
        assert backend.calls.count("tasks.list") <= 6


async def test_the_runs_of_a_task_are_one_key_away(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "H")
        assert "#8841" in screen_text(pilot)
        await press(pilot, "q", "enter", "enter")
        assert "#8841" in screen_text(pilot)
        assert "web-cert-renew" in screen_text(pilot)
        await press(pilot, "q", "q")
        assert "52 of 52" in screen_text(pilot)


async def test_the_cursor_stays_on_its_task_when_a_filter_goes_and_the_next_filter_begins_anew(
    open_app: Open,
) -> None:
    async with open_app() as pilot:
        await press(pilot, "slash", *"report", "enter")
        here = tasks_of(pilot).task
        assert here is not None
        await press(pilot, "slash", *"zzz")
        assert "filter: zzz" in screen_text(pilot)
        assert tasks_of(pilot).task is None
        await press(pilot, "escape")
        now = tasks_of(pilot).task
        assert now is not None and now.id == here.id


async def test_a_schedule_in_another_zone_than_the_one_shown_names_it() -> None:
    assert zone_mark("Europe/Berlin", NOW, ZoneInfo("Europe/Berlin")) == ""
    assert zone_mark("Europe/Paris", NOW, ZoneInfo("Europe/Berlin")) == ""
    assert zone_mark("Asia/Tokyo", NOW, ZoneInfo("Europe/Berlin")) == "JST"


async def test_a_wide_screen_gives_room_to_where_a_task_runs(open_app: Open) -> None:
    async with open_app(80, 24) as pilot:
        assert "web+web-… 24" in screen_text(pilot)
    async with open_app(200, 36) as pilot:
        assert "web+web-win01+web-win02" in screen_text(pilot)


async def test_z_makes_the_detail_a_page(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "z")
        assert isinstance(pilot.app.screen, TaskPage)


@pytest.mark.parametrize("up", [0, 3])
async def test_a_table_that_got_another_height_shows_as_many_rows_as_fit(
    open_app: Open, backend: FakeBackend, up: int
) -> None:
    for task_id in list(backend.task_rows)[13:]:
        del backend.task_rows[task_id]
    async with open_app(120, 36) as pilot:
        await press(pilot, "end", *["up"] * up)
        for size in ((80, 24), (120, 36), (80, 24)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            text = screen_text(pilot)
            assert "13 of 13" in text
            table = tasks_of(pilot).table
            assert sum(row.task.name[:12] in text for row in table.rows) == min(13, table.size.height - 1)


def test_a_schedule_in_little_room_has_shorter_days_and_its_whole_time() -> None:
    at = (time(3, 0),)
    three = Schedule(recurrence=Weekly((0, 1, 3), at), zone="UTC")
    assert [schedule_in(three, room) for room in (30, 20, 14, 5)] == [
        "weekly Mon Tue Thu 03:00",
        "Mon Tue Thu 03:00",
        "Mo Tu Th 03:00",
        "3 a week 03:00",
    ]
    five = Schedule(recurrence=Weekly((0, 1, 2, 4, 5), at), zone="UTC")
    assert schedule_in(five, 24) == "Mon-Wed Fri Sat 03:00"
    month = Schedule(recurrence=Monthly((1, 15, "last"), at), zone="UTC")
    assert schedule_in(month, 20).endswith(" 03:00")
    assert schedule_in(month, 6) == "3 a month 03:00"


@pytest.mark.parametrize("size", [(120, 36), (160, 36)])
async def test_the_time_of_a_schedule_is_never_cut(open_app: Open, backend: FakeBackend, size: tuple[int, int]) -> None:
    task = backend.task_rows[TaskId(3)]
    schedule = Schedule(recurrence=Weekly((0, 1, 3, 5), (time(3, 0),)), zone="Asia/Tokyo")
    backend.task_rows[task.id] = replace(task, draft=replace(task.draft, schedule=schedule))
    async with open_app(*size) as pilot:
        row = next(each for each in screen_text(pilot).splitlines() if "nginx-reload" in each)
        assert " 03:00 JST " in row
