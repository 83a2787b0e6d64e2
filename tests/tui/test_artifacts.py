"""Artifacts, by keys alone: look, add a file or a folder, break off, delete, collect, put one on devices."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from deployx_tui.model.artifact import ArtifactKind
from deployx_tui.model.files import FilePayload
from deployx_tui.model.ids import ArtifactId
from deployx_tui.service.backend.artifacts import ArtifactUse
from deployx_tui.tui.app import DeployxApp
from deployx_tui.tui.screens.add_artifact import AddArtifact
from deployx_tui.tui.screens.artifacts import ArtifactsPlace
from deployx_tui.tui.screens.file_picker import FilePicker
from deployx_tui.tui.widgets.field import Field
from tests.support.fake_backend import FakeBackend
from tests.support.screen import check_snapshot, press, screen_text, sees, until
from tests.tui.conftest import Open

SIZES = pytest.mark.parametrize("size", [(120, 36), (80, 24)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the picker begins."""
    root = tmp_path / "srv"
    (root / "conf.d").mkdir(parents=True)
    (root / "conf.d" / "shop.conf").write_text("listen 443;\n")
    (root / ".secret").write_text("x")
    (root / "motd").write_text("Welcome.\n")
    (root / "nginx.conf").write_text("user www-data;\n")
    monkeypatch.chdir(root)
    return root


def here(pilot: Pilot[int]) -> ArtifactsPlace:
    screen = pilot.app.screen
    assert isinstance(screen, ArtifactsPlace)
    return screen


@SIZES
async def test_artifacts_and_the_page_of_one_look_like_this(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size, first="artifacts") as pilot:
        await press(pilot, "down", "down")
        check_snapshot(pilot, "artifacts")
        await press(pilot, "enter")
        check_snapshot(pilot, "artifact_page")
        await press(pilot, "escape", "down", "down", "down", "enter")
        check_snapshot(pilot, "artifact_tree")


@SIZES
async def test_an_empty_screen_says_what_to_do_next(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    backend.artifacts.rows.clear()
    async with open_app(*size, first="artifacts") as pilot:
        text = screen_text(pilot)
        assert "No artifact yet." in text
        assert "n adds a file or a folder of this machine" in text
        footer = text.splitlines()[-2]
        assert "n add" in footer
        assert "ctrl+d" not in footer


async def test_older_versions_are_folded_until_they_are_asked_for(open_app: Open) -> None:
    async with open_app(first="artifacts") as pilot:
        rows = here(pilot).table.rows
        assert [(row.artifact.name, row.artifact.version, row.older) for row in rows][:3] == [
            ("ca-internal.pem", 1, 0),
            ("motd", 2, 1),
            ("nginx", 3, 2),
        ]
        await press(pilot, "v")
        assert [row.artifact.version for row in here(pilot).table.rows if row.artifact.name == "nginx"] == [3, 2, 1]
        assert "every version shown" in screen_text(pilot)


async def test_the_filter_finds_by_name_and_esc_clears_it(open_app: Open) -> None:
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "slash", *"shop", "enter")
        assert [row.artifact.name for row in here(pilot).table.rows] == ["shop-backend.tar.gz"]
        await press(pilot, "escape")
        assert len(here(pilot).table.rows) == 7
        await press(pilot, "slash", *"nothing like it")
        assert "No artifact fits the filter." in screen_text(pilot)


async def test_the_page_turns_to_older_versions_and_y_copies_the_whole_hash(
    open_app: Open, backend: FakeBackend
) -> None:
    async with open_app(80, 24, first="artifacts") as pilot:
        await press(pilot, "down", "down", "enter", "right_square_bracket")
        text = screen_text(pilot)
        assert "VERSION 2" in text
        assert backend.artifacts.rows[ArtifactId(5)].sha256 in text
        assert "#5921" in text
        await press(pilot, "y")
        assert pilot.app.clipboard == backend.artifacts.rows[ArtifactId(5)].sha256


@SIZES
async def test_the_picker_looks_like_this(
    open_app: Open, folder: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (1_772_000_000, 1_772_000_000))
    async with open_app(*size, first="artifacts") as pilot:
        await press(pilot, "n")
        check_snapshot(pilot, "file_picker")


async def test_a_file_is_found_by_typing_and_added_under_another_name(
    open_app: Open, backend: FakeBackend, folder: Path
) -> None:
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "n", *"ngi", "tab")
        assert pilot.app.screen.query_one(Field).value.endswith("/nginx.conf")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, AddArtifact)
        await press(pilot, "ctrl+u", *"web.conf", "enter")
        await sees(pilot, "web.conf v1 added")
        made = next(row for row in backend.artifacts.rows.values() if row.name == "web.conf")
        assert backend.artifacts.contents[made.sha256] == b"user www-data;\n"
        assert made.origin == str(folder / "nginx.conf")
        await until(pilot, lambda: here(pilot).here == made, "the cursor on it")


async def test_a_name_that_is_there_gets_its_next_version_and_the_same_content_none(
    open_app: Open, backend: FakeBackend, folder: Path
) -> None:
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "n", *"motd", "enter", "enter")
        await sees(pilot, "motd v3 added")
        await press(pilot, "n", *"motd", "enter", "enter")
        await sees(pilot, "motd v3 has this content already: nothing new is stored")
        assert sum(row.name == "motd" for row in backend.artifacts.rows.values()) == 3


async def test_a_folder_is_walked_to_and_added_as_a_whole(open_app: Open, backend: FakeBackend, folder: Path) -> None:
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "n", "enter")  # the first folder: into it
        assert "conf.d/" in pilot.app.screen.query_one(Field).value
        await press(pilot, "up", "up", "enter")  # this folder, as a whole
        assert "1 file, 12 bytes" in screen_text(pilot)
        await press(pilot, "enter")
        await sees(pilot, "conf.d v1 added")
        made = next(row for row in backend.artifacts.rows.values() if row.name == "conf.d")
        assert (made.kind, made.files) == (ArtifactKind.TREE, 1)


async def test_hidden_names_come_when_they_are_asked_for_or_typed(open_app: Open, folder: Path) -> None:
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "n")
        assert ".secret" not in screen_text(pilot)
        assert "1 hidden" in screen_text(pilot)
        await press(pilot, "ctrl+r")
        assert ".secret" in screen_text(pilot)
        await press(pilot, "ctrl+r", ".")
        assert ".secret" in screen_text(pilot)


async def test_a_folder_that_is_not_there_or_closed_says_so(open_app: Open, backend: FakeBackend, folder: Path) -> None:
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "n", *"gone/")
        assert "No such file or directory" in screen_text(pilot)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, FilePicker)
        await press(pilot, "ctrl+u", *"~nobody-like-this/")
        assert "No such file or directory" in screen_text(pilot)
        await press(pilot, "escape")
        assert "artifacts.add" not in backend.calls


async def test_what_the_engine_refuses_is_said_and_can_be_tried_again(
    open_app: Open, backend: FakeBackend, folder: Path
) -> None:
    (folder / "empty").write_bytes(b"")
    async with open_app(80, 24, first="artifacts") as pilot:
        await press(pilot, "n", *"empty", "enter", "enter")
        await sees(pilot, "it is empty")
        (folder / "empty").write_bytes(b"now it holds something")
        await press(pilot, "enter")
        await sees(pilot, "changed while it was read")
        await press(pilot, "escape", "n", *"empty", "enter", "enter")
        await sees(pilot, "empty v1 added")


async def test_esc_breaks_an_upload_off_and_nothing_of_it_is_kept(
    open_app: Open, backend: FakeBackend, folder: Path
) -> None:
    (folder / "big").write_bytes(bytes(3 << 20))
    backend.artifacts.goes_on.clear()
    before = set(backend.artifacts.rows)
    async with open_app(80, 24, first="artifacts") as pilot:
        await pilot.press("n")
        await sees(pilot, "big")
        await pilot.press(*"big", "enter")
        await sees(pilot, "3 MiB")
        await pilot.press("enter")
        await sees(pilot, "of 3 MiB")
        assert "break it off, keep nothing" in screen_text(pilot)
        await pilot.press("escape")
        await sees(pilot, "nothing was added")
        backend.artifacts.goes_on.set()
        await press(pilot)
        assert set(backend.artifacts.rows) == before


async def test_what_a_task_needs_is_not_deleted_and_the_task_is_named(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "ctrl+d")
        assert "ca-internal.pem v1 stays: web-cert-renew, db-certs, nas-certs would lose it" in screen_text(pilot)
        await press(pilot, "down", "ctrl+d", "up", "enter")
        assert ArtifactId(2) not in backend.artifacts.rows
        assert "motd v2 is deleted" in screen_text(pilot)


async def test_a_task_that_takes_it_meanwhile_keeps_it(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "down", "ctrl+d")
        backend.artifacts.needed[ArtifactId(2)] = ArtifactUse(tasks=("greeting",))
        await press(pilot, "up", "enter")
        assert "motd is needed by greeting" in screen_text(pilot)
        assert ArtifactId(2) in backend.artifacts.rows


async def test_a_collection_shows_what_it_would_free_before_it_does(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "C")
        assert "nothing to free" in screen_text(pilot)
        await press(pilot, "down", "down", "v", "down", "down", "ctrl+d", "up", "enter", "C")
        text = screen_text(pilot)
        assert "1.8 MiB on disk that nothing needs" in text
        assert "nginx v1" in text
        await press(pilot, "escape")
        assert backend.artifacts.garbage
        await press(pilot, "C", "up", "enter")
        assert not backend.artifacts.garbage
        assert "1.8 MiB freed" in screen_text(pilot)


async def test_x_opens_a_new_task_that_puts_it_on_devices(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "down", "down", "x", *"nginx-conf")
        pilot.app.screen.query_one("#to", Field).focus()
        await press(pilot, *"/etc/nginx/")
        pilot.app.screen.query_one("#targets", Field).focus()
        await press(pilot, *"@web", "ctrl+s")
        assert "nginx-conf saved" in screen_text(pilot)
        made = next(task for task in backend.task_rows.values() if task.name == "nginx-conf")
        payload = made.draft.payload
        assert isinstance(payload, FilePayload)
        assert [item.artifact for item in payload.items] == [ArtifactId(4)]
        assert payload.target_path == "/etc/nginx/"


async def test_the_picker_begins_where_the_last_file_was_chosen(open_app: Open, folder: Path) -> None:
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "n", *"conf.d/shop", "enter", "escape", "n")
        assert pilot.app.screen.query_one(Field).value.endswith("/conf.d/")
        assert isinstance(pilot.app, DeployxApp)
        assert pilot.app.last_folder == folder / "conf.d"


async def test_a_hostile_name_and_its_metadata_are_shown_as_they_are(open_app: Open, backend: FakeBackend) -> None:
    row = backend.artifacts.rows[ArtifactId(1)]
    backend.artifacts.rows[row.id] = replace(
        row, name="a\x1b[31m[red]b", origin="\x07bell", metadata=(("package", "\u202eevil"),)
    )
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "enter")
        text = screen_text(pilot)
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "[red]b" in text
