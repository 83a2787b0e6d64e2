"""Files and folders of real sshd targets: any sh, any login shell, lines that break, targets without tar."""

from __future__ import annotations

import dataclasses
import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.execution import Cause
from deployx_tui.model.fetch import FetchBegun, FetchEnded, FetchKind, FetchPiece
from deployx_tui.runners.fetch import fetch
from tests.contract.transport.files import NAMES
from tests.contract.transport.site import CONNECT
from tests.support.proxy import Proxy
from tests.support.require import require_program
from tests.support.ssh import Fleets, endpoint_of, transport_to


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


def fetched(fleet: Fleet, folder: Path, path: Path) -> tuple[FetchKind | None, bytes, FetchEnded]:
    transport, pieces = transport_to(fleet, folder), list[FetchPiece]()
    ended = fetch(transport, endpoint_of(fleet.hosts[0]), str(path), pieces.append, Event(), CONNECT)
    transport.shutdown()
    begun = pieces[0] if pieces else None
    kind = begun.kind if isinstance(begun, FetchBegun) else None
    return kind, b"".join(piece for piece in pieces if isinstance(piece, bytes)), ended


def with_programs(fleets: Fleets, folder: Path, shell: str, *names: str) -> Fleet:
    """A target on which these programs are all that there is; busybox is each of them itself."""
    found = require_program(shell)
    programs = folder / "programs"
    programs.mkdir()
    (programs / "sh").symlink_to(found)
    for name in names:
        (programs / name).symlink_to(found if shell == "busybox" else str(shutil.which(name)))
    return fleets.get({"ForceCommand": f'PATH={programs} && eval "$SSH_ORIGINAL_COMMAND"'})


@pytest.mark.parametrize("shell", ["bash", "busybox", "dash"])
def test_any_sh_gives_files_and_folders_whole(fleets: Fleets, tmp_path: Path, shell: str) -> None:
    fleet = with_programs(fleets, tmp_path, shell, "cat", "ls", "tar")
    content, there = os.urandom(1_000_003), tmp_path / "the 'folder'\nof it"
    there.mkdir()
    names = [name for name in NAMES if name.isprintable()]
    for name in names:
        (there / name).write_bytes(content)
        assert fetched(fleet, tmp_path, there / name) == (FetchKind.FILE, content, FetchEnded())
    kind, tar, ended = fetched(fleet, tmp_path, there)
    assert (kind, ended) == (FetchKind.TREE, FetchEnded())
    with tarfile.open(fileobj=io.BytesIO(tar)) as found:
        members = {member.name.removeprefix("./"): member for member in found if member.isfile()}
        assert set(members) == set(names)
        for member in members.values():
            file = found.extractfile(member)
            assert file is not None
            assert file.read() == content


@pytest.mark.parametrize("shell", ["fish", "tcsh"])
def test_any_login_shell_gives_files(fleets: Fleets, tmp_path: Path, shell: str) -> None:
    require_program(shell)
    fleet = fleets.get({"ForceCommand": f'exec {shell} -c "$SSH_ORIGINAL_COMMAND"'})
    (tmp_path / "$x'").write_bytes(b"content\n")
    assert fetched(fleet, tmp_path, tmp_path / "$x'") == (FetchKind.FILE, b"content\n", FetchEnded())


def test_an_empty_file_and_an_empty_folder_come_too(fleets: Fleets, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert fetched(fleets.get(), tmp_path, tmp_path / "file") == (FetchKind.FILE, b"", FetchEnded())
    kind, _, ended = fetched(fleets.get(), tmp_path, tmp_path / "folder")
    assert (kind, ended) == (FetchKind.TREE, FetchEnded())


def test_a_target_without_tar_says_so_with_a_remedy(fleets: Fleets, tmp_path: Path) -> None:
    fleet = with_programs(fleets, tmp_path, "dash", "cat", "ls")
    _, data, ended = fetched(fleet, tmp_path, tmp_path)
    assert data == b""
    assert ended.cause is Cause.EXIT
    assert "tar" in ended.message
    assert ended.remedy == "install tar there"


def test_a_line_that_breaks_is_never_taken_for_the_end(fleets: Fleets, tmp_path: Path) -> None:
    fleet, came = fleets.get(), 0
    with (tmp_path / "large").open("wb") as made:
        made.truncate(64 << 20)
    transport = transport_to(fleet, tmp_path)
    with Proxy(fleet.hosts[0].address, fleet.hosts[0].port) as proxy:
        with (tmp_path / "known_hosts").open("a") as known_hosts:
            known_hosts.write(f"[{proxy.address}]:{proxy.port} {fleet.hosts[0].host_key}\n")
        endpoint = dataclasses.replace(endpoint_of(fleet.hosts[0]), address=proxy.address, port=proxy.port)

        def give(piece: FetchPiece) -> None:
            nonlocal came
            came += len(piece) if isinstance(piece, bytes) else 0
            if came > 1 << 20:
                proxy.cut()

        ended = fetch(transport, endpoint, str(tmp_path / "large"), give, Event(), CONNECT)
    transport.shutdown()
    assert came < 64 << 20
    assert ended.cause is Cause.LOST
    assert ended.remedy


def test_a_target_that_begins_otherwise_is_not_listened_to(
    fleets: Fleets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployx_tui.runners.fetch.SCRIPT", "yes hostile")
    _, data, ended = fetched(fleets.get(), tmp_path, tmp_path)
    assert data == b""
    assert ended.cause is Cause.VERIFY
