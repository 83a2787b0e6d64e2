"""How file tasks end where something is in the way: what can't be kept, taken back or named, and what a check says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deployx_tui.model.changes import ChangeKind
from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.files import Existing, FileItem
from deployx_tui.transports.local import LocalConnection
from tests.support.file_runs import Ran, Target


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Target(LocalConnection())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "target"
    made.mkdir()
    return made


def ok(ran: Ran) -> Ran:
    assert ran.facts.state is TargetState.SUCCEEDED, (ran.facts, ran.said)
    return ran


def failed(ran: Ran, *words: str, changed: bool = False) -> None:
    assert (ran.facts.state, ran.facts.changed) == (TargetState.FAILED, changed), (ran.facts, ran.said)
    for word in words:
        assert word in ran.message


def test_what_cannot_be_kept_is_not_removed(target: Target, folder: Path) -> None:
    tree = target.artifacts.tree({"a": b"1"})
    (folder / "old").write_bytes(b"old")
    os.mkfifo(folder / "pipe")
    ran = target.run(tree, str(folder), delete_extra=True, most_deletions=100)
    failed(ran, f"{folder}/pipe", "--protect")
    assert sorted(path.name for path in folder.iterdir()) == ["old", "pipe"]
    ok(target.run(tree, str(folder), delete_extra=True, most_deletions=100, protected=("pipe",)))
    assert sorted(path.name for path in folder.iterdir()) == ["a", "pipe"]


def test_a_removed_file_that_was_not_kept_comes_back_as_nothing_else(target: Target, folder: Path) -> None:
    tree = target.artifacts.tree({"a": b"1"})
    (folder / "old").write_bytes(b"old")
    (folder / "empty").mkdir()
    ran = ok(target.run(tree, str(folder), delete_extra=True, most_deletions=100, backups=0))
    failed(target.take_back(ran), "old", "was not kept", changed=True)
    assert [path.name for path in folder.iterdir()] == ["empty"]
    assert (folder / "empty").is_dir()


@pytest.mark.parametrize("after", ["rm {0}", "echo other >{0}"])
def test_what_a_failing_post_command_removed_comes_back_and_what_it_changed_is_named(
    target: Target, folder: Path, after: str
) -> None:
    path = folder / "app.conf"
    path.write_bytes(b"old")
    new = target.artifacts.file(b"new")
    ran = target.run(new, str(path), post_command=f"{after.format(path)}; exit 3", rollback_on_failure=True)
    if after.startswith("rm"):
        failed(ran, "everything was taken back")
        assert (path.read_bytes(), ran.changes.files) == (b"old", ())
    else:
        failed(ran, f"could not be taken back: {path} was changed since", changed=True)
        assert path.read_bytes() == b"other\n"
        assert [change.kind for change in ran.changes.files] == [ChangeKind.REPLACED]


def test_a_take_back_that_fails_says_why_and_what_is_left(target: Target, folder: Path) -> None:
    (folder / "d").mkdir()
    for name in ("d/a", "b"):
        (folder / name).write_bytes(b"old")
    tree = target.artifacts.tree({"d/a": b"1", "b": b"2"})
    post = f"rm {folder}/b; mkdir {folder}/b; exit 3"
    ran = target.run(tree, str(folder), post_command=post, rollback_on_failure=True)
    failed(ran, "exit 3", "1 of 2 could not be taken back", f"{folder}/b was changed since", changed=True)
    assert (folder / "d/a").read_bytes() == b"old"
    assert [change.path for change in ran.changes.files] == [f"{folder}/b"]


def test_a_removed_link_is_told_as_one(target: Target, folder: Path) -> None:
    (folder / "gone").symlink_to("a")
    tree = target.artifacts.tree({"a": b"1"})
    ran = ok(target.run(tree, str(folder), delete_extra=True, most_deletions=100))
    assert ran.message == "1 created, 1 link removed"
    assert "removed the link" in ran.said


def test_a_name_that_no_file_system_holds_is_refused_before_anything_is_sent(target: Target, folder: Path) -> None:
    one = target.artifacts.file(b"one")
    for item in (FileItem(artifact=one, name="é" * 128), FileItem(artifact=one, name=f"d/{'x' * 256}")):
        ran = target.run(target_path=f"{folder}/", items=(item,))
        failed(ran, "256 bytes", "at most 255")
        assert ran.facts.cause is Cause.VERIFY
    failed(target.run(target.artifacts.tree({"x" * 256: b"1"}), str(folder)), "256 bytes")
    ok(target.run(target_path=f"{folder}/", items=(FileItem(artifact=one, name="é" * 127),)))


def test_a_check_says_each_path_that_differs_and_in_what(target: Target, folder: Path) -> None:
    tree = target.artifacts.tree({f"f{number}": b"1" for number in range(10)}, {"l": "f1"})
    ok(target.run(tree, str(folder), mode=0o600))
    for number in range(7):
        (folder / f"f{number}").unlink()
    (folder / "f7").write_bytes(b"other")
    (folder / "f8").chmod(0o644)
    (folder / "l").unlink()
    (folder / "l").symlink_to("elsewhere")
    (folder / "extra").mkdir()
    (folder / "extra/file").write_bytes(b"x")
    os.mkfifo(folder / "pipe")
    ran = target.run(tree, str(folder), check=True, delete_extra=True, mode=0o600)
    failed(ran, "drifted", "more")
    said = [line for line in ran.said.splitlines() if line.startswith("differs ")]
    assert said == [
        f"differs {folder}/extra: extra",
        f"differs {folder}/extra/file: extra",
        *(f"differs {folder}/f{number}: missing" for number in range(7)),
        f"differs {folder}/f7: content",
        f"differs {folder}/f8: mode 0644, not 0600",
        f"differs {folder}/l: it points at elsewhere, not at f1",
        f"differs {folder}/pipe: extra, and no file, link or folder",
    ]
    one = target.artifacts.file(b"1")
    ran = target.run(one, str(folder / "f9"), check=True, owner="nobody", mode=0o600)
    failed(ran, "drifted")
    assert f"differs {folder}/f9: owner root, not nobody" in ran.said
    ran = target.run(one, str(folder / "f7"), check=True, existing=Existing.KEEP)
    assert f"differs {folder}/f7: " in ran.said
