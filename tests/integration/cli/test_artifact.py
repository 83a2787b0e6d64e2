"""`deployx artifact`: files, folders and standard input go in; versions, uses and garbage come out."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Cli


@pytest.fixture
def here(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a person stands in."""
    folder = cli.folder / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_files_and_a_folder_are_added_and_shown(cli: Cli, here: Path) -> None:
    (here / "app.conf").write_text("one")
    (here / "site").mkdir()
    (here / "site" / "index.html").write_text("<html>")
    (here / "site" / "latest").symlink_to("index.html")
    answer = cli("artifact", "add", "app.conf", "site")
    assert "app.conf@1 (1)  3 bytes" in answer.out
    assert "site@1 (2)  6 bytes" in answer.out
    (here / "app.conf").write_text("two")
    assert "app.conf@2" in cli("artifact", "add", str(here / "app.conf")).out
    assert "app.conf@2" in cli("artifact", "add", "app.conf").out  # the same content is the same version
    rows = cli("artifact", "list", "--json").document
    assert [(row["name"], row["version"]) for row in rows] == [("app.conf", 2), ("app.conf", 1), ("site", 1)]
    assert rows[0]["origin"] == str(here / "app.conf")
    listed = cli("artifact", "list", "sit").out
    assert "folder, 1 file" in listed
    assert "app.conf" not in listed
    shown = cli("artifact", "show", "site").out
    assert "link  latest -> index.html" in shown
    assert "index.html  6 bytes" in shown
    assert cli("artifact", "show", "app.conf@1", "--json").document["version"] == 1
    assert cli("artifact", "show", "3").out.startswith("artifact   app.conf (3), version 2")


def test_standard_input_is_added_under_a_name_that_is_given(cli: Cli) -> None:
    assert "--name" in cli("artifact", "add", "-", stdin="x", status=2).err
    made = cli("artifact", "add", "-", "--name", "dump.sql", "--json", stdin="select 1;").document
    assert [(one["name"], one["size"], one["origin"]) for one in made] == [("dump.sql", 9, "standard input")]
    assert "dump.sql is empty" in cli("artifact", "add", "-", "--name", "dump.sql", stdin="", status=2).err


def test_the_folder_that_one_stands_in_has_its_own_name(cli: Cli, here: Path) -> None:
    (here / "a").write_text("a")
    assert "here@1" in cli("artifact", "add", ".").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing.conf"], "FILE: No such file or directory: nothing.conf"),
        (["full", "empty"], "empty is empty"),
        (["queue"], "queue is neither a file nor a folder"),
        (["with-queue"], "with-queue/queue is neither a file, a folder nor a link"),
        (["leaves"], "'out' points out of the folder"),
        (["full", "empty", "--name", "x"], "--name: there are 2 files and one name"),
        (["full", "--name", "a/b"], "--name: it holds '/'"),
        (["nobody"], "the folder holds no files"),
    ],
)
def test_what_can_not_be_added_is_named_and_nothing_is_kept(cli: Cli, here: Path, words: list[str], says: str) -> None:
    (here / "full").write_text("full")
    (here / "empty").touch()
    os.mkfifo(here / "queue")
    for folder in ("with-queue", "leaves", "nobody"):
        (here / folder).mkdir()
    os.mkfifo(here / "with-queue" / "queue")
    (here / "leaves" / "a").write_text("a")
    (here / "leaves" / "out").symlink_to("../full")
    assert says in cli("artifact", "add", *words, status=2).err
    assert cli("artifact", "list", "--json").document == []
    assert cli("artifact", "gc", "--json").document["freed"] == 0
    kept = [path for path in (cli.folder / "data" / "deployx.db-artifacts").rglob("*") if path.is_file()]
    assert kept == []


def test_what_a_task_needs_is_not_deleted_and_the_task_is_named(cli: Cli, here: Path) -> None:
    (here / "a").write_text("a")
    cli("artifact", "add", "a")
    with sqlite3.connect(cli.folder / "data" / "deployx.db") as database:
        database.execute("UPDATE scheduled_tasks SET payload = ?", ['{"file_payload":{"items":[{"artifact_id":1}]}}'])
    refused = cli("artifact", "rm", "a", "--yes", status=1)
    assert "a@1 is needed by nightly-backup" in refused.err
    assert "1 task: nightly-backup" in cli("artifact", "show", "a").out


def test_garbage_is_told_before_it_goes_and_is_asked_about(cli: Cli, here: Path) -> None:
    (here / "old").write_text("0123456789")
    (here / "new").write_text("abc")
    cli("artifact", "add", "old", "new")
    assert "--yes" in cli("artifact", "rm", "old", status=2).err
    cli("artifact", "rm", "old", "--yes")
    told = cli("artifact", "gc", "--dry-run").out
    assert "old@1 (1)  10 bytes" in told
    assert "would free 10 bytes; 3 bytes stay" in told
    refused = cli("artifact", "gc", status=2)
    assert "--yes" in refused.err
    assert "old@1" in refused.out
    assert "freed 10 bytes; 3 bytes stay" in cli("artifact", "gc", "--yes").out
    assert cli("artifact", "gc", "--yes", "--json").document == {
        "artifacts": [], "freed": 0, "kept": 3, "dry_run": True
    }  # fmt: skip


def test_a_quota_is_refused_by_the_name_of_its_setting(cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "big").write_bytes(bytes(2 << 20))
    monkeypatch.setenv("DEPLOYX_ARTIFACT_FILE", "1MiB")
    assert "setting artifact_file" in cli("artifact", "add", "big", status=2).err
    monkeypatch.setenv("DEPLOYX_ARTIFACT_FILE", "3MiB")
    monkeypatch.setenv("DEPLOYX_ARTIFACT_SPACE", "1MiB")
    assert "setting artifact_space" in cli("artifact", "add", "big", status=2).err
    assert cli("artifact", "list", "--json").document == []
