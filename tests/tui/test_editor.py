"""The editor, by keys alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from deployx_tui.model.ids import TaskId
from deployx_tui.model.payload import Commands, Script, Shell
from deployx_tui.model.schedule import Cron, Weekly
from deployx_tui.tui.render.line import plain
from deployx_tui.tui.screens.editor_form import _shells
from deployx_tui.tui.widgets.base import Pane
from deployx_tui.tui.widgets.form_row import FormRow
from tests.support.fake_backend import FakeBackend
from tests.support.payloads import commands_of
from tests.support.screen import check_snapshot, press, screen_text, sees, settle, type_text
from tests.tui.conftest import Open


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_the_editor_looks_like_this(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size) as pilot:
        await press(pilot, "down", "down", "e")
        check_snapshot(pilot, "editor")


async def test_a_new_task_is_typed_previewed_and_saved(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "n")
        await type_text(pilot, "uptime-weekly\t\t\tuptime\t\t\t\t\t@web,!web07\t")
        await press(pilot, "right", "tab", *["right"] * 6, "space", "tab")  # weekly; sunday too
        await press(pilot, "ctrl+u", *"02:30")
        text = screen_text(pilot)
        assert "Sun 29 Mar 03:00 CEST  ! the clock skips it: runs after" in text
        assert "21, resolved now" in text
        assert "✓ ctrl+s saves" in text
        await press(pilot, "ctrl+s")
        saved = next(task for task in backend.task_rows.values() if task.name == "uptime-weekly")
        assert isinstance(saved.draft.schedule.recurrence, Weekly)
        assert saved.draft.schedule.recurrence.days == (0, 6)
        assert "uptime-weekly saved" in screen_text(pilot)
        assert "▌  ○ uptime-weekly" in screen_text(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_new_form_says_quietly_what_is_wanted_and_errors_of_what_was_left(
    open_app: Open, size: tuple[int, int]
) -> None:
    async with open_app(*size) as pilot:
        await press(pilot, "n")
        text = screen_text(pilot)
        assert "✗" not in text
        assert "* wanted: name" in text
        assert all(re.search(rf"{word} \* +\[", text) for word in ("name", "command"))
        footer = text.splitlines()[-2]
        assert "F8" not in footer
        assert "ctrl+s" not in footer
        await press(pilot, "tab")  # the name was left empty
        text = screen_text(pilot)
        assert text.count("✗") == 2  # under the field, and in the title
        assert "✗ 1 field to mend" in text
        assert "F8 next error" in text.splitlines()[-2]
        await press(pilot, "f8")
        assert "✗ 1 field to mend" in screen_text(pilot)
        assert pilot.app.screen.focused is pilot.app.screen.query_one("#name")


async def test_cron_and_a_script_are_typed(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "n")
        await type_text(pilot, "by-cron\t\t")
        await press(pilot, "right", "tab")
        await type_text(pilot, "set -e\nuptime\t\t\t\t\tnas01\t")
        await press(pilot, "c", "tab")
        await type_text(pilot, "*/20 8-18 * * 1-5")
        await press(pilot)
        assert "Tue  3 Mar 15:20 CET" in screen_text(pilot)
        await press(pilot, "ctrl+s")
        saved = next(task for task in backend.task_rows.values() if task.name == "by-cron")
        assert commands_of(saved).body == Script("set -e\nuptime")
        assert saved.draft.schedule.recurrence == Cron("*/20 8-18 * * 1-5")


async def test_an_error_stands_under_its_field_with_the_remedy_and_blocks_saving(
    open_app: Open, backend: FakeBackend
) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "e")
        pilot.app.screen.query_one("#timeout").focus()
        await press(pilot, "ctrl+u", *"90")
        text = screen_text(pilot)
        assert "has no unit" in text
        assert "1 field to mend" in text
        assert "ctrl+s save " not in text
        await press(pilot, "ctrl+s")
        assert "tasks.update" not in backend.calls
        pilot.app.screen.query_one("#name").focus()
        await press(pilot, "f8", "s")
        assert "has no unit" not in screen_text(pilot)
        await press(pilot, "ctrl+s")
        assert backend.calls.count("tasks.update") == 1


async def test_saving_with_errors_marks_the_fields_goes_to_the_first_and_says_so(
    open_app: Open, backend: FakeBackend
) -> None:
    async with open_app(80, 24) as pilot:
        await press(pilot, "n")
        pilot.app.screen.query_one("#timeout").focus()
        await press(pilot, *"90")
        assert "has no unit" not in screen_text(pilot)
        await press(pilot, "ctrl+s")
        text = screen_text(pilot)
        assert re.search(r"✗ not saved: \d fields to mend", text)
        assert pilot.app.screen.focused is pilot.app.screen.query_one("#name")
        assert "tasks.create" not in backend.calls


async def test_what_the_engine_refuses_at_saving_is_marked_and_gone_to(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "e")
        pilot.app.screen.query_one("#targets").focus()
        await press(pilot, "ctrl+u", *"@nothing-like-it")
        pilot.app.screen.query_one("#timeout").focus()
        await press(pilot, "ctrl+s")
        assert "✗ not saved: 1 field to mend" in screen_text(pilot)
        assert pilot.app.screen.focused is pilot.app.screen.query_one("#targets")


async def test_saving_what_was_not_changed_says_so(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "e", "ctrl+s")
        assert "nothing changed, nothing to save" in screen_text(pilot)
        assert "tasks.update" not in backend.calls


async def test_esc_keeps_a_draft_and_e_opens_it_again(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "e", *"-two", "escape")
        assert "the draft stays" in screen_text(pilot)
        await press(pilot, "e")
        assert "nginx-reload-two" in screen_text(pilot)
        assert "your draft, not saved yet" in screen_text(pilot)


async def test_a_task_that_changed_meanwhile_is_not_overwritten_unasked(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "e", *"-two")
        row = backend.task_rows[TaskId(3)]
        backend.task_rows[TaskId(3)] = replace(row, version=row.version + 1)
        await press(pilot, "ctrl+s")
        assert "It changed meanwhile" in screen_text(pilot)
        await press(pilot, "enter")
        assert backend.task_rows[TaskId(3)].name == "nginx-reload"
        await press(pilot, "ctrl+s", "up", "enter")
        assert backend.task_rows[TaskId(3)].name == "nginx-reload-two"


async def test_a_duplicate_is_a_new_task_under_another_name(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "D", "ctrl+s")
        assert [task.name for task in backend.task_rows.values()].count("nginx-reload") == 1
        assert any(task.name == "nginx-reload-copy" for task in backend.task_rows.values())


async def test_a_list_of_commands_says_what_a_failure_does(open_app: Open, backend: FakeBackend) -> None:
    row = backend.task_rows[TaskId(11)]
    async with open_app() as pilot:
        await press(pilot, "colon")
        await type_text(pilot, "task edit web-kernel-upgrade\n")
        await settle(pilot)
        assert "the first failure ends a target" in screen_text(pilot)
        pilot.app.screen.query_one("#stop").focus()
        await press(pilot, "right", "ctrl+s")
    body = commands_of(row).body
    assert isinstance(body, Commands)
    assert commands_of(backend.task_rows[TaskId(11)]).body == Commands(body.commands, False)


async def test_the_preview_is_a_page_of_its_own_on_a_narrow_screen(open_app: Open) -> None:
    async with open_app(80, 24) as pilot:
        await press(pilot, "down", "down", "e")
        assert "NEXT TEN RUNS" not in screen_text(pilot)
        await press(pilot, "f5")
        assert "NEXT TEN RUNS" in screen_text(pilot)
        await press(pilot, "escape")
        assert "nginx-reload" in screen_text(pilot)
        assert "NEXT TEN RUNS" not in screen_text(pilot)


async def test_a_draft_is_discarded_only_after_a_question(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "e", *"-two", "ctrl+x")
        await sees(pilot, "Discard the draft")
        await settle(pilot)
        await press(pilot, "up", "enter")
        assert "52 of 52" in screen_text(pilot)
        await press(pilot, "e")
        assert "nginx-reload-two" not in screen_text(pilot)


def test_only_shells_that_a_target_has_are_offered_and_the_one_that_is_set() -> None:
    assert _shells(Shell.BASH) == ["sh", "bash", "zsh"]
    assert _shells(Shell.PWSH) == ["sh", "bash", "zsh", "pwsh"]


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_the_preview_tells_no_targets_of_a_selector_that_is_wrong(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size) as pilot:
        await press(pilot, "down", "down", "e")
        pilot.app.screen.query_one("#targets").focus()
        await press(pilot, "ctrl+u", *"@web,@nosuch")
        assert "✗ 1 field to mend" in screen_text(pilot)
        if size[0] < 100:
            await press(pilot, "f5")
        text = screen_text(pilot)
        assert "mend the targets to see them" in text
        assert "resolved now" not in text


async def test_the_preview_names_a_contiguous_run_and_the_rest(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "e")
        pilot.app.screen.query_one("#targets").focus()
        await press(pilot, "ctrl+u", *"@web,!web13,!web14,!web15,!web16,!web17,!web18,!web20,!web21")
        assert "web01-web12 web19 web22" in screen_text(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_f8_brings_the_error_into_sight_with_its_field(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size) as pilot:
        await press(pilot, "down", "down", "e")
        screen = pilot.app.screen
        for field in ("#timeout", "#start"):
            screen.query_one(field).focus()
            await press(pilot, "ctrl+u", *"9x")
            screen.query_one("#name").focus()
            await press(pilot)
            await press(pilot, "f8")
            assert screen.focused is screen.query_one(field)
            row = next(each for each in screen.query_one(field).ancestors if isinstance(each, FormRow))
            text = screen_text(pilot)
            assert row.problems[0].message[:30] in text
            screen.query_one(field).focus()
            await press(pilot, "ctrl+u")


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_what_a_lost_connection_and_downtime_mean_is_said_in_the_same_words(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    row = backend.task_rows[TaskId(3)]
    backend.task_rows[row.id] = replace(row, draft=replace(row.draft, payload=replace(commands_of(row), durable=True)))
    async with open_app(*size) as pilot:
        await press(pilot, "down", "down", "e")
        pilot.app.screen.query_one("#grace").focus()
        await press(pilot)
        text = screen_text(pilot)
        assert re.search(r"disconnected +lost +\(goes on \(durable\)\) +reboot expected", text)
        assert re.search(r"downtime +one late run, within \[1h", text)
        await press(pilot, "escape", "z")
        pane = pilot.app.screen.query_one(Pane)
        told = "\n".join(plain(each) for each in pane.lines)
        assert re.search(r"disconnected +goes on \(durable\)", told)
        assert re.search(r"downtime +one late run, within 1h", told)
