"""`deployx fetch`: files and folders come to a folder a device; what leads elsewhere does not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Cli


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder of the devices, which are this machine."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def test_a_file_comes_to_a_folder_of_each_device(cli: Cli, there: Path, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (there / "two words'").write_bytes(content)
    into = tmp_path / "a" / "b"
    answer = cli("fetch", "--on", "web*", f"{there}/two words'", str(into))
    assert "web01" in answer.out
    assert f"in {into / 'web02'}" in answer.out
    for device in ("web01", "web02"):
        file = into / device / "two words'"
        assert file.read_bytes() == content
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [one.name for one in (into / device).iterdir()] == ["two words'"]


def test_several_files_and_a_folder_come_and_are_told_as_json(cli: Cli, there: Path, tmp_path: Path) -> None:
    (there / "app" / "conf.d").mkdir(parents=True)
    (there / "app" / "conf.d" / "x").write_text("x")
    (there / "app" / "empty").mkdir()
    (there / "app" / "current").symlink_to("conf.d/x")
    (there / "app" / "conf.d" / "up").symlink_to("../conf.d/x")
    os.link(there / "app" / "conf.d" / "x", there / "app" / "same")
    (there / "log").write_text("log")
    into = tmp_path / "into"
    told = cli("fetch", "--on", "web01", f"{there}/app/", f"{there}/log", str(into), "--json").document
    (row,) = told["targets"]
    assert (row["device"], row["ok"], row["files"], row["refused"]) == ("web01", True, 5, 0)
    here = into / "web01"
    assert (here / "log").read_text() == "log"
    assert (here / "app" / "conf.d" / "x").read_text() == "x"
    assert (here / "app" / "same").read_text() == "x"
    assert (here / "app" / "current").readlink() == Path("conf.d/x")
    assert (here / "app" / "conf.d" / "up").readlink() == Path("../conf.d/x")
    assert list((here / "app" / "empty").iterdir()) == []
    assert stat.S_IMODE((here / "app").stat().st_mode) == 0o700


def test_what_is_here_is_kept_unless_it_is_to_be_replaced(cli: Cli, there: Path, tmp_path: Path) -> None:
    (there / "d").mkdir()
    for file in (there / "f", there / "d" / "one"):
        file.write_text("old")
    into = tmp_path / "into"
    words = ("fetch", "--on", "web01", f"{there}/f", f"{there}/d", str(into))
    cli(*words)
    for file in (there / "f", there / "d" / "one", there / "d" / "two"):
        file.write_text("new")
    answer = cli(*words)
    assert "2 files kept as here; --overwrite replaces" in answer.out
    here = into / "web01"
    assert [(here / name).read_text() for name in ("f", "d/one", "d/two")] == ["old", "old", "new"]
    cli(*words, "--overwrite")
    assert [(here / name).read_text() for name in ("f", "d/one", "d/two")] == ["new", "new", "new"]


def test_links_out_of_the_folder_pipes_and_odd_names_are_left_out_and_told(
    cli: Cli, there: Path, tmp_path: Path
) -> None:
    (there / "d").mkdir()
    (there / "d" / "good").write_text("good")
    (there / "d" / "root").symlink_to("/etc/passwd")
    (there / "d" / "up").symlink_to("../../x")
    (there / "d" / "bad\x1b[31m").write_text("x")
    os.mkfifo(there / "d" / "pipe")
    into = tmp_path / "into"
    row = cli("fetch", "--on", "web01", f"{there}/d", str(into), "--json", status=1).document["targets"][0]
    assert row["refused"] == 4
    assert row["error"] is None
    assert [one.name for one in (into / "web01" / "d").iterdir()] == ["good"]


def test_a_link_here_is_not_followed(cli: Cli, there: Path, tmp_path: Path) -> None:
    (there / "d" / "sub").mkdir(parents=True)
    (there / "d" / "sub" / "x").write_text("x")
    into, elsewhere = tmp_path / "into", tmp_path / "elsewhere"
    (into / "web01" / "d").mkdir(parents=True)
    elsewhere.mkdir()
    (into / "web01" / "d" / "sub").symlink_to(elsewhere)
    cli("fetch", "--on", "web01", f"{there}/d", str(into), "--overwrite", status=1)
    assert list(elsewhere.iterdir()) == []
    (into / "web02").symlink_to(elsewhere)
    assert "can't be written" in cli("fetch", "--on", "web02", f"{there}/d", str(into), status=1).out
    assert list(elsewhere.iterdir()) == []


def test_what_is_not_there_fails_on_that_device_with_its_words(cli: Cli, there: Path, tmp_path: Path) -> None:
    answer = cli("fetch", "--on", "web01", f"{there}/none", str(tmp_path / "into"), status=1)
    assert "No such file" in answer.out
    os.mkfifo(there / "pipe")
    assert "neither a file" in cli("fetch", "--on", "web01", f"{there}/pipe", str(tmp_path / "into"), status=1).out


@pytest.mark.parametrize("name", ["f", "d"])
def test_more_than_a_device_may_send_is_cut_off_and_nothing_of_that_file_stays(
    cli: Cli, there: Path, tmp_path: Path, name: str
) -> None:
    (there / "d").mkdir()
    for file in (there / "f", there / "d" / "large"):
        with file.open("wb") as made:
            made.truncate(1 << 30)
    into = tmp_path / "into"
    answer = cli("fetch", "--on", "web01", f"{there}/{name}", str(into), "--max-size", "1M", "--json", status=1)
    row = answer.document["targets"][0]
    assert row["cause"] == "output_limit"
    assert "--max-size" in row["remedy"]
    assert [one for one in into.rglob("*") if one.is_file()] == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["relative", "into"], "REMOTE"),
        (["/", "into"], "names no file"),
        (["/etc/..", "into"], "names no file"),
        (["/a/x", "/b/x", "into"], "two of them"),
        (["/etc/hostname", "into", "--max-size", "100"], "--max-size"),
        (["/etc/hostname"], "REMOTE"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(cli: Cli, words: list[str], says: str) -> None:
    assert says in cli("fetch", "--on", "web01", *words, status=2).err
