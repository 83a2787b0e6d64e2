"""Tasks that put files or software on devices: the editor, their runs, rollback and comparison, by keys alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from deployx_tui.model.execution import TargetCounts
from deployx_tui.model.files import Existing, FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId, ExecutionId
from deployx_tui.model.payload import CommandPayload
from deployx_tui.model.software import SoftwarePayload
from deployx_tui.tui.screens.execution import ExecutionPlace
from deployx_tui.tui.screens.history import HistoryPlace
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.form_row import FormRow
from tests.support.fake_backend import FakeBackend
from tests.support.file_world import CHANGED, MOVING, PAYLOAD, TASK, with_files
from tests.support.history_world import with_history
from tests.support.screen import check_snapshot, press, screen_text, type_text
from tests.tui.conftest import Open

SIZES = pytest.mark.parametrize("size", [(120, 36), (80, 24)])


def field(pilot: Pilot[int], name: str) -> Field:
    found = pilot.app.screen.query_one(f"#{name}", Field)
    found.focus()
    return found


def rows(pilot: Pilot[int]) -> set[str]:
    """The first fields of the rows that are seen."""
    return {row.fields_of[0] for row in pilot.app.screen.query(FormRow) if row.display}


def shown(pilot: Pilot[int]) -> list[object]:
    """The runs and folds of the history."""
    screen = pilot.app.screen
    assert isinstance(screen, HistoryPlace)
    return [row.key for row in screen.table.rows]


async def edit(pilot: Pilot[int]) -> None:
    await press(pilot, "slash", *"config-sync", "enter", "e")


@SIZES
async def test_the_editor_of_files_looks_like_this(open_app: Open, backend: FakeBackend, size: tuple[int, int]) -> None:
    with_files(backend)
    async with open_app(*size) as pilot:
        await edit(pilot)
        check_snapshot(pilot, "editor_files")
        pilot.app.screen.query_one("#items").focus()
        await press(pilot, "down", "enter")
        check_snapshot(pilot, "editor_item")


@SIZES
async def test_the_editor_of_software_looks_like_this(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size) as pilot:
        await press(pilot, "n")
        await type_text(pilot, "agents-weekly\t")
        await press(pilot, "s")
        field(pilot, "custom")
        await press(pilot, *"zabbix-agent2")
        check_snapshot(pilot, "editor_software")


async def test_a_task_of_files_is_typed_and_saved(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "n")
        await type_text(pilot, "motd-daily\t")
        await press(pilot, "f", "tab", "enter", *"motd", "enter")  # files; of the artifacts
        field(pilot, "to")
        await press(pilot, *"/etc/motd", "tab", *"0644", "tab", *"root:adm", "tab", "right")
        field(pilot, "targets")
        await press(pilot, *"@web")
        text = screen_text(pilot)
        assert "PLACES 1 ARTIFACT" in text
        assert "motd v2, 412 bytes to /etc/motd" in text
        await press(pilot, "ctrl+s")
        assert "motd-daily saved" in screen_text(pilot)
        saved = next(task for task in backend.task_rows.values() if task.name == "motd-daily")
        assert saved.draft.payload == FilePayload(
            items=(FileItem(artifact=ArtifactId(2)),),
            target_path="/etc/motd",
            mode=0o644,
            owner="root",
            group="adm",
            existing=Existing.KEEP,
        )


async def test_a_file_of_this_machine_is_added_from_the_editor(
    open_app: Open, backend: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "banner.txt").write_text("hello\n")
    monkeypatch.chdir(tmp_path)
    async with open_app() as pilot:
        await press(pilot, "n")
        await type_text(pilot, "banner\t")
        await press(pilot, "f", "tab", "down", "enter", *"banner", "enter", "enter")
        assert "banner.txt v1" in screen_text(pilot)
        assert any(row.name == "banner.txt" for row in backend.artifacts.rows.values())


async def test_an_edit_keeps_what_the_form_does_not_show(open_app: Open, backend: FakeBackend) -> None:
    with_files(backend)
    async with open_app() as pilot:
        await edit(pilot)
        field(pilot, "to")
        await press(pilot, "ctrl+u", *"/srv/nginx/", "ctrl+s")
        assert "web-config-sync saved" in screen_text(pilot)
    assert backend.task_rows[TASK].draft.payload == replace(PAYLOAD, target_path="/srv/nginx/")


async def test_one_of_its_files_is_edited_and_another_dropped(open_app: Open, backend: FakeBackend) -> None:
    with_files(backend)
    async with open_app() as pilot:
        await edit(pilot)
        pilot.app.screen.query_one("#items").focus()
        await press(pilot, "delete", "enter", "tab", "ctrl+u", *"motd.new", "tab", "ctrl+u", *"9", "ctrl+s")
        assert "✗ '9' is no file mode" in screen_text(pilot)
        await press(pilot, "ctrl+u", *"600", "ctrl+s", "ctrl+s")
    payload = backend.task_rows[TASK].draft.payload
    assert isinstance(payload, FilePayload)
    assert payload.items == (replace(PAYLOAD.items[1], name="motd.new", mode=0o600),)


async def test_rows_are_seen_when_there_is_a_use_for_them(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "n", "tab")
        assert {"kind", "shell", "umask"} <= rows(pilot)
        await press(pilot, "f")
        assert not {"kind", "line", "shell", "umask", "cut_off", "packages"} & rows(pilot)
        assert {"items", "to", "post", "more", "runas"} <= rows(pilot)
        assert not {"takeback", "pre", "backups", "extra", "swap", "check"} & rows(pilot)
        field(pilot, "post")
        await press(pilot, *"true")
        assert "takeback" in rows(pilot)
        pilot.app.screen.query_one("#more").focus()
        await press(pilot, "right")
        assert {"pre", "platforms", "folders", "backups", "quick", "check"} <= rows(pilot)
        assert not {"extra", "protected", "swap"} & rows(pilot)  # no folder is among them
        pilot.app.screen.query_one("#items").focus()
        await press(pilot, "enter", *"web-config", "enter")
        assert {"extra", "swap"} <= rows(pilot)
        assert not {"protected", "most"} & rows(pilot)
        pilot.app.screen.query_one("#extra").focus()
        await press(pilot, "right")
        assert {"protected", "most"} <= rows(pilot)


async def test_what_is_folded_away_and_wrong_is_unfolded_and_gone_to(open_app: Open, backend: FakeBackend) -> None:
    with_files(backend)
    async with open_app() as pilot:
        await edit(pilot)
        field(pilot, "backups")
        await press(pilot, "ctrl+u", *"many", "ctrl+s")
        assert "✗ not saved: 1 field to mend" in screen_text(pilot)
        assert "'many' is no number here: write 0 to 50" in screen_text(pilot)
        assert pilot.app.screen.focused is pilot.app.screen.query_one("#backups")


async def test_software_is_chosen_by_its_own_name(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "n")
        await type_text(pilot, "agents\t")
        await press(pilot, "s")
        field(pilot, "custom")
        await press(pilot, *"zabbix-agent2", "tab", "tab", "right", "tab", "right", "tab", "right")
        field(pilot, "targets")
        await press(pilot, *"@web", "ctrl+s")
        assert "agents saved" in screen_text(pilot)
    saved = next(task for task in backend.task_rows.values() if task.name == "agents")
    assert saved.draft.payload == SoftwarePayload(custom="zabbix-agent2", all_or_nothing=True, repair=True)


async def test_a_duplicate_of_a_task_of_files_names_them(open_app: Open, backend: FakeBackend) -> None:
    with_files(backend)
    async with open_app() as pilot:
        await press(pilot, "slash", *"config-sync", "enter", "D")
        assert "web-config v4, then the newest" in screen_text(pilot)


# runs


@SIZES
async def test_a_run_that_moves_files_looks_like_this(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    with_files(with_history(backend))
    async with open_app(*size, first="history") as pilot:
        await pilot.app.push_screen(ExecutionPlace(MOVING))
        await press(pilot, "down")
        text = screen_text(pilot)
        assert "44 % of 256 MiB, 11 MiB/s, 13s left" in text
        assert "changed 1, unchanged 15" in text
        check_snapshot(pilot, "file_run")


async def test_the_history_shows_what_a_run_changed_and_folds_those_that_changed_nothing(
    open_app: Open, backend: FakeBackend
) -> None:
    with_files(with_history(backend))
    async with open_app(first="history") as pilot:
        assert CHANGED in shown(pilot)
        assert "changed 3, unchanged 19" in screen_text(pilot)
        run = backend.execution_rows[CHANGED]
        backend.execution_rows[CHANGED] = replace(run, targets=TargetCounts(total=22, succeeded=22, unchanged=22))
        backend.emit("execution.finished", run.task_id, run.id)
        await press(pilot)
        assert CHANGED not in shown(pilot)


async def test_b_rolls_back_what_changed_after_naming_it_and_opens_the_new_run(
    open_app: Open, backend: FakeBackend
) -> None:
    with_files(with_history(backend))
    async with open_app(first="history") as pilot:
        await press(pilot, "down", "down", "down", "B")
        text = screen_text(pilot)
        assert "Roll back #8849 web-config-sync on 3 targets?" in text
        assert "web03 web07 web11" in text
        assert "web04" not in text
        await press(pilot, "escape")
        assert "executions.rollback" not in backend.calls
        await press(pilot, "B", "down", "enter")  # from cancel to the first answer
        assert "executions.rollback" in backend.calls
        assert isinstance(pilot.app.screen, ExecutionPlace)
        assert pilot.app.screen.execution == ExecutionId(8851)
        assert backend.execution_rows[ExecutionId(8851)].summary == "roll back run 8849"


async def test_a_rollback_of_many_wants_their_count_typed(open_app: Open, backend: FakeBackend) -> None:
    with_files(with_history(backend))
    backend.target_rows[CHANGED] = tuple(replace(each, changed=True) for each in backend.target_rows[CHANGED])
    run = backend.execution_rows[CHANGED]
    backend.execution_rows[CHANGED] = replace(run, targets=replace(run.targets, changed=22, unchanged=0))
    async with open_app(80, 24, first="history") as pilot:
        await press(pilot, "down", "down", "down", "B", "enter")
        assert "executions.rollback" not in backend.calls
        await press(pilot, *"22", "enter")
        assert "executions.rollback" in backend.calls


async def test_what_changed_nothing_or_still_runs_has_no_rollback(open_app: Open, backend: FakeBackend) -> None:
    with_files(with_history(backend))
    async with open_app(first="history") as pilot:
        await press(pilot, "B")  # it runs
        assert "B roll back" not in screen_text(pilot)
        assert isinstance(backend.task_rows[next(iter(backend.task_rows))].draft.payload, CommandPayload)
        await press(pilot, "down", "down", "down", "down", "down", "B")  # a command: nobody knows what it changed
        assert "Roll back" not in screen_text(pilot)


@SIZES
async def test_c_compares_the_targets_of_a_task_of_files(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    with_files(backend)
    async with open_app(*size) as pilot:
        await press(pilot, "C")
        assert "tasks.check" not in backend.calls  # a command has nothing to compare with
        await press(pilot, "slash", *"config-sync", "enter", "C")
        assert backend.calls.count("tasks.check") == 1
        assert isinstance(pilot.app.screen, ExecutionPlace)
        await press(pilot, "escape", "enter", "C")
        assert backend.calls.count("tasks.check") == 2


async def test_the_palette_knows_the_new_acts(open_app: Open, backend: FakeBackend) -> None:
    with_files(backend)
    async with open_app() as pilot:
        await press(pilot, "6", "colon", *"collect")
        assert "Free what nothing needs" in screen_text(pilot)
        await press(pilot, "escape", "colon")
        await type_text(pilot, "task check web-config-sync")
        await press(pilot, "enter")
        assert "tasks.check" in backend.calls
