"""TRUST 2 and 12: a database that others could read, write or swap is refused; ours is made closed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from deployx_tui import config
from deployx_tui.errors import DatabaseRefused, InvalidInput
from deployx_tui.output.store import OutputStore
from deployx_tui.store import files
from deployx_tui.store.database import Database

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another owner")
NOBODY = 65534


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_a_new_database_and_its_companions_are_0600_in_a_0700_folder_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "deployx.db"
    before = os.umask(0)
    try:
        database = Database.open(_url(path))
        with database.write(), database.read():
            modes = {each.name: _mode(each) for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    database.close()
    assert modes == {"deployx.db": 0o600, "deployx.db-wal": 0o600, "deployx.db-shm": 0o600}
    assert (_mode(path.parent), _mode(path.parent.parent)) == (0o700, 0o700)


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_folder_that_others_may_write_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(DatabaseRefused, match=f"chmod 700 {folder}, or deployx doctor --fix"):
        Database.open(_url(folder / "deployx.db"))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711])
def test_in_a_folder_that_others_may_read_the_files_are_closed(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    folder.chmod(mode)
    Database.open(_url(folder / "deployx.db")).close()
    assert {_mode(file) for file in folder.iterdir() if file.is_file()} == {0o600}


@as_root
def test_a_folder_of_another_owner_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, -1)
    with pytest.raises(DatabaseRefused, match=r"belongs to .*, not to you.*DEPLOYX_DATA"):
        Database.open(_url(folder / "deployx.db"))


@as_root
def test_a_link_of_another_owner_on_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real" / "data").mkdir(mode=0o700, parents=True)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    os.chown(link, NOBODY, -1, follow_symlinks=False)
    with pytest.raises(DatabaseRefused, match="symbolic link"):
        Database.open(_url(link / "data" / "deployx.db"))
    assert list((tmp_path / "real" / "data").iterdir()) == []


def test_a_link_of_our_own_on_the_way_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    Database.open(_url(tmp_path / "link" / "deployx.db")).close()
    assert (tmp_path / "real" / "deployx.db").exists()


@pytest.mark.parametrize("dangling", [True, False])
def test_a_file_that_is_a_link_is_refused_and_its_aim_untouched(tmp_path: Path, dangling: bool) -> None:
    aim = tmp_path / "aim"
    if not dangling:
        aim.write_bytes(b"precious")
    (tmp_path / "deployx.db").symlink_to(aim)
    with pytest.raises(DatabaseRefused, match="symbolic link"):
        Database.open(_url(tmp_path / "deployx.db"))
    assert aim.exists() is not dangling


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_may_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "deployx.db"
    Database.open(_url(path)).close()
    path.chmod(mode)
    with pytest.raises(DatabaseRefused, match=f"chmod 600 {path}"):
        Database.open(_url(path))
    path.chmod(0o600)
    Database.open(_url(path)).close()


@as_root
def test_a_file_of_another_owner_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deployx.db"
    Database.open(_url(path)).close()
    os.chown(path, NOBODY, -1)
    with pytest.raises(DatabaseRefused, match="belongs to"):
        Database.open(_url(path))


def test_a_pipe_in_the_files_place_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "deployx.db", 0o600)
    with pytest.raises(DatabaseRefused, match="not a regular file"):
        Database.open(_url(tmp_path / "deployx.db"))


@pytest.mark.parametrize("kind", ["link", "file", "pipe"])
def test_what_is_no_folder_of_ours_is_not_taken_for_the_outputs(tmp_path: Path, kind: str) -> None:
    aim, place = tmp_path / "aim", tmp_path / "deployx.db-output"
    aim.mkdir()
    aim.chmod(0o755)
    match kind:
        case "link":
            place.symlink_to(aim)
        case "file":
            place.touch()
        case _:
            os.mkfifo(place)
    database = Database.open(_url(tmp_path / "deployx.db"))
    with pytest.raises(DatabaseRefused, match="move it away"):
        OutputStore(database, place)
    database.close()
    assert aim.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("mode", [0o602, 0o666])
def test_settings_that_others_may_write_are_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "deployx.toml"
    path.write_text("workers = 4\n")
    path.chmod(mode)
    with pytest.raises(InvalidInput, match="may be written by others"):
        config.load(file=path, environment={})
    path.chmod(0o644)
    assert config.load(file=path, environment={}).workers == 4


def test_a_pipe_in_the_settings_place_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYX_CONFIG_DIR", str(tmp_path))
    os.mkfifo(tmp_path / "deployx.toml", 0o600)
    with pytest.raises(InvalidInput, match="not a plain file but a pipe"):
        config.load(environment={})


@as_root
def test_settings_of_another_account_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "deployx.toml"
    path.write_text("workers = 4\n")
    os.chown(path, NOBODY, -1)
    with pytest.raises(InvalidInput, match="may be written by others"):
        config.load(file=path, environment={})


def test_without_create_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefused, match="no database at"):
        Database.open(_url(tmp_path / "deployx.db"), create=False)
    with pytest.raises(DatabaseRefused, match="does not exist"):
        Database.open(_url(tmp_path / "none" / "deployx.db"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_file_system", lambda folder: "nfs4")
    with pytest.raises(DatabaseRefused, match=r"network file system \(nfs4\)"):
        Database.open(_url(tmp_path / "deployx.db"))
    assert list(tmp_path.iterdir()) == []


def test_the_file_system_of_a_folder_is_known_here() -> None:
    assert files._file_system(Path("/proc/self")) == "proc"
