"""Every file that a person or a configuration names: a device, a pipe and an endless file are refused, none is read."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployx_tui import config
from deployx_tui.cli.task_options import script_of
from deployx_tui.errors import InvalidInput
from deployx_tui.model.device import HostKeyPolicy
from deployx_tui.model.importing import HostSource, ImportFormat
from deployx_tui.portability.hosts import read_hosts
from deployx_tui.runners.parameter_file import read_parameter_file
from deployx_tui.ssh_hosts import lines_of
from deployx_tui.transports.hostkeys import KnownHosts
from deployx_tui.transports.ssh.auth import KeyRing

#: beyond what the tests have already: one that reads without end fails, and does not take the machine with it
_ROOM = 1 << 30


@pytest.fixture(autouse=True)
def _bounded_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(params=["/dev/zero", "link to it", "pipe", "endless"])
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "bad"
    match request.param:
        case "pipe":
            os.mkfifo(path, 0o600)
        case "endless":
            path.touch(0o600)
            os.truncate(path, 1 << 40)
        case "link to it":
            path.symlink_to("/dev/zero")
        case device:
            return Path(device)
    return path


def _including(path: Path, folder: Path) -> HostSource:
    outer = folder / "outer"
    outer.write_text(f"Include {path}\nHost web\n")
    return HostSource(path=str(outer))


_READERS: dict[str, Callable[[Path, Path], object]] = {
    "the list of hosts": lambda path, _: read_hosts(HostSource(path=str(path))),
    "an OpenSSH configuration to import": lambda path, _: read_hosts(
        HostSource(path=str(path), format=ImportFormat.SSH_CONFIG)
    ),
    "what it includes": lambda path, folder: read_hosts(_including(path, folder)),
    "a parameter": lambda path, _: read_parameter_file(str(path)),
}


@pytest.mark.parametrize("reader", _READERS)
def test_the_engine_reads_plain_files_only(reader: str, bad: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"(plain file|more than)") as refused:
        _READERS[reader](bad, tmp_path)
    (problem,) = refused.value.problems
    assert str(bad) in problem.message
    assert problem.field
    assert "give a" in problem.remedy


def test_no_key_is_read_from_what_is_no_plain_file(bad: Path) -> None:
    found = KeyRing().load(bad)
    assert "plain file" in repr(found) or "more than" in repr(found) or "other accounts" in repr(found)


def test_no_known_host_is_read_from_what_is_no_plain_file(bad: Path, tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "ours", (bad,))
    verdict = known.judge(HostKeyPolicy.ACCEPT_NEW, "web01", 22, "ssh-ed25519", b"key")
    assert not verdict.accepted
    assert "plain file" in verdict.message or "more than" in verdict.message


@pytest.mark.parametrize("bad", ["/dev/zero", "link to it", "endless"], indirect=True)
def test_no_settings_are_read_from_what_is_no_plain_file(bad: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        config.load({}, file=bad)
    (problem,) = refused.value.problems
    assert (problem.field, problem.remedy) in (
        ("config", "give a plain file of settings"),
        ("config", "give a smaller file of settings"),
    )


@pytest.mark.parametrize("bad", ["/dev/zero", "link to it", "endless"], indirect=True)
def test_no_script_is_read_from_what_is_no_plain_file(bad: Path) -> None:
    with pytest.raises(InvalidInput, match=r"--script.*(plain file|more than)"):
        script_of(str(bad))


def test_included_files_have_a_number_and_a_size(tmp_path: Path) -> None:
    twice = tmp_path / "twice"
    twice.write_text(f"Include {twice} {twice}\n")
    with pytest.raises(ValueError, match="nested deeper than 16"):
        lines_of(twice)
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(33):
        (folder / f"{number}").touch()
    wide = tmp_path / "wide"
    wide.write_text(f"Include {folder}/*\n" * 33)
    with pytest.raises(ValueError, match="more than 1000 files"):
        lines_of(wide)
    (folder / "large").write_bytes(b"#" * (1 << 20))
    wide.write_text(f"Include {folder}/large\n" * 5)
    with pytest.raises(ValueError, match="more than 4 MiB"):
        lines_of(wide)


def test_two_stars_of_an_include_do_not_search_all_folders(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "deep").write_text("Host deep\n")
    (tmp_path / "a" / "near").write_text("Host near\n")
    outer = tmp_path / "outer"
    outer.write_text(f"Include {tmp_path}/**/near\nInclude {tmp_path}/**/deep\n")
    assert "Host near" in lines_of(outer)[0]
    assert "Host deep" not in lines_of(outer)[0]
