"""TRUST, "Who is calling": the Unix socket, its folder, and the kernel's word on who connects."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.api.peer import only, overflow_uid
from deployx_tui.errors import Unavailable
from deployx_tui.service.sockets import LONGEST_PATH, Peer, StartLock, bind, is_ours, listener_at, own_folder
from tests.support.fake_backend import FakeBackend
from tests.support.served import Served, served

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another account")

#: what another account can try, also where folder and socket let it in
KNOCK = """
import os, socket, sys
os.setgroups([]); os.setgid({uid}); os.setuid({uid})
s = socket.socket(socket.AF_UNIX)
s.settimeout(30)
try:
    s.connect({path!r})
except PermissionError:
    print("kept out by the file system"); sys.exit()
s.sendall(b"GET {target} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
answer = b""
while piece := s.recv(65536):
    answer += piece
print(answer.decode())
"""


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(FakeBackend(), tmp_path) as running:
        yield running


async def knock(path: Path, uid: int, target: str = "/auth/me") -> str:
    script = KNOCK.format(uid=uid, path=str(path), target=target)
    process = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return process.stdout


@as_root
async def test_another_account_is_kept_out_by_folder_and_socket(api: Served) -> None:
    assert await knock(api.socket, 12345) == "kept out by the file system\n"


@as_root
@pytest.mark.parametrize("target", ["/auth/me", "/healthz", "/api/events", "/openapi.json"])
@pytest.mark.parametrize("uid", [12345, 65534])
async def test_another_account_is_refused_by_the_kernels_word_even_where_it_gets_in(
    api: Served, uid: int, target: str
) -> None:
    for folder in (api.socket.parent, *api.socket.parent.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    api.socket.chmod(0o666)
    answer = await knock(api.socket, uid, target)
    assert answer.startswith("HTTP/1.1 403 ")
    assert "alice" not in answer
    assert "text/event-stream" not in answer
    # and it is no client that keeps an engine alive
    assert api.connections.clients == 0


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Everything until the other side closes."""
    found = b""
    # a reset is the same, said harder
    with suppress(ConnectionResetError):
        while piece := await reader.read(65536):
            found += piece
    return found


def test_the_overflow_account_is_refused_even_as_the_owner() -> None:
    overflow = overflow_uid()
    assert not only(overflow)(Peer(1, overflow, overflow))
    assert only(1000)(Peer(1, 1000, 1000))
    assert not only(1000)(Peer(1, 0, 0))


def test_the_socket_and_its_folder_are_ours_alone_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    before = os.umask(0)
    try:
        listening = bind(folder / "x.sock")
    finally:
        os.umask(before)
    with listening:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "x.sock").stat().st_mode & 0o777 == 0o600
        assert is_ours(folder / "x.sock")


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(Unavailable, match="chmod 700"):
        bind(folder / "x.sock")
    assert not (folder / "x.sock").exists()


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(Unavailable, match="not a folder of this account"):
        own_folder(tmp_path / "link")


@as_root
def test_a_folder_of_another_account_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)
    with pytest.raises(Unavailable, match="not a folder of this account"):
        bind(folder / "x.sock")


def test_a_dead_socket_is_replaced_and_a_live_one_or_a_file_is_not(tmp_path: Path) -> None:
    path = tmp_path / "run" / "x.sock"
    bind(path).close()
    with bind(path), pytest.raises(Unavailable, match="another process listens"):
        bind(path)
    path.unlink()
    path.write_text("kept")
    with pytest.raises(Unavailable, match="not a socket"):
        bind(path)
    assert path.read_text() == "kept"


def test_a_path_that_the_system_would_cut_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="too long"):
        bind(tmp_path / ("x" * LONGEST_PATH))


@as_root
def test_a_strangers_socket_is_not_attached_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    path = tmp_path / "x.sock"
    script = f"""
import os, socket
os.setgid(12345); os.setuid(12345)
s = socket.socket(socket.AF_UNIX); s.bind({str(path)!r}); s.listen(); os.chmod({str(path)!r}, 0o666)
print("listening", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as stranger:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == "listening\n"
        found = listener_at(path)
        assert found is not None
        assert (found.uid, found.pid) == (12345, stranger.pid)
        assert not is_ours(path)
        stranger.communicate("\n")


def test_the_start_lock_is_the_kernels(tmp_path: Path) -> None:
    one, two = StartLock(tmp_path / "run" / "x.sock"), StartLock(tmp_path / "run" / "x.sock")
    assert one.take()
    assert not two.take(wait=False)
    one.release()
    assert two.take(wait=False)
    two.release()


async def test_a_request_whose_head_never_ends_is_cut_off(tmp_path: Path) -> None:
    async with served(FakeBackend(), tmp_path, head_deadline=timedelta(milliseconds=50)) as running:
        for sent in (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "):
            reader, writer = await asyncio.open_unix_connection(running.socket)
            writer.write(sent)
            assert await rest(reader) == b""
            writer.close()
        # and what comes in time is answered, also a second time on the same connection
        for _ in range(2):
            assert (await running.http.get("/healthz")).status_code == 200


async def test_a_kept_connection_does_not_get_around_the_heads_deadline(tmp_path: Path) -> None:
    async with served(FakeBackend(), tmp_path, head_deadline=timedelta(milliseconds=50)) as running:
        reader, writer = await asyncio.open_unix_connection(running.socket)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.write(b"GET /healthz HT")
        assert b"healthy" in await rest(reader)
        writer.close()


async def test_above_its_limit_a_server_takes_no_more_connections(tmp_path: Path) -> None:
    async with served(FakeBackend(), tmp_path) as running:
        running.connections.limit = 1
        first_reader, first = await asyncio.open_unix_connection(running.socket)
        first.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await first_reader.readline()).startswith(b"HTTP/1.1 200")
        reader, writer = await asyncio.open_unix_connection(running.socket)
        assert await rest(reader) == b""
        writer.close()
        first.close()


def test_the_probe_finds_nobody_where_nobody_listens(tmp_path: Path) -> None:
    assert listener_at(tmp_path / "x.sock") is None
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "y.sock"))
        assert listener_at(tmp_path / "y.sock") is None
