"""Files over SSH beyond the contract: lines that break or freeze, shells of all kinds, accounts with few rights."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Lock

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Broke, Endpoint, FileMover, Refused, Sent, Unreached
from deployx_tui.transports.ssh.sftp import Sftp
from deployx_tui.transports.ssh.transport import SshTransport
from tests.contract.transport.files import NAMES
from tests.contract.transport.site import CONNECT
from tests.support.accounts import Accounts
from tests.support.proxy import Proxy
from tests.support.require import require_program
from tests.support.sources import Source, content, nothing
from tests.support.ssh import Fleets, endpoint_of, transport_to

NO_SFTP = {"Subsystem": "none /bin/false"}
WAYS = pytest.mark.parametrize("options", [{}, NO_SFTP], ids=["sftp", "sh"])


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


def mover_of(transport: SshTransport, endpoint: Endpoint) -> FileMover:
    connection = transport.connect(endpoint, CONNECT, Event())
    assert not isinstance(connection, Unreached), connection
    assert isinstance(connection, FileMover)
    return connection


def through(fleet: Fleet, proxy: Proxy, folder: Path) -> Endpoint:
    """The fleet's first host by way of the proxy, its key known under the proxy's address."""
    with (folder / "known_hosts").open("a") as known_hosts:
        known_hosts.write(f"[{proxy.address}]:{proxy.port} {fleet.hosts[0].host_key}\n")
    return dataclasses.replace(endpoint_of(fleet.hosts[0]), address=proxy.address, port=proxy.port)


@WAYS
@pytest.mark.parametrize("cut", [9_000, 40_000, 300_000, 1_500_000, 3_000_000])
def test_a_put_that_was_cut_off_is_gone_on_with_where_it_ended(
    fleets: Fleets, tmp_path: Path, options: dict[str, str], cut: int
) -> None:
    fleet, file = fleets.get(options), tmp_path / "file"
    file.touch()
    transport = transport_to(fleet, tmp_path)
    with Proxy(fleet.hosts[0].address, fleet.hosts[0].port, cut_after=cut, cuts_once=True) as proxy:
        mover = mover_of(transport, through(fleet, proxy, tmp_path))
        told = mover.put(Source(5 << 20), str(file), 0, nothing, Event())
        assert isinstance(told, Broke)
        assert told.cause is Cause.LOST
        # sshd may still write what has come; the same bytes at the same places, whenever it does
        there = file.stat().st_size
        assert file.read_bytes()[:there] == content(0, there)
        # the same connection: it makes itself anew
        while isinstance(told, Broke | Refused):
            told = mover.put(Source(5 << 20), str(file), file.stat().st_size, nothing, Event())
        assert isinstance(told, Sent)
        assert file.read_bytes() == content(0, 5 << 20)
    transport.shutdown()


def test_a_get_that_was_cut_off_is_gone_on_with_where_it_ended(fleets: Fleets, tmp_path: Path) -> None:
    fleet, file = fleets.get(), tmp_path / "file"
    file.write_bytes(content(0, 8 << 20))
    transport = transport_to(fleet, tmp_path)
    came = bytearray()
    with Proxy(fleet.hosts[0].address, fleet.hosts[0].port) as proxy:

        def sink(data: bytes) -> None:
            came.extend(data)
            if len(came) > 1 << 20 and proxy.accepted == 1:
                proxy.cut()

        mover = mover_of(transport, through(fleet, proxy, tmp_path))
        told = mover.get(str(file), 0, sink, Event())
        assert isinstance(told, Broke)
        assert told.cause is Cause.LOST
        assert isinstance(mover.get(str(file), len(came), sink, Event()), Sent)
    assert bytes(came) == file.read_bytes()
    transport.shutdown()


@WAYS
def test_a_cancel_ends_what_a_frozen_line_holds_up(fleets: Fleets, tmp_path: Path, options: dict[str, str]) -> None:
    fleet, file = fleets.get(options), tmp_path / "file"
    file.touch()
    transport = transport_to(fleet, tmp_path)
    with Proxy(fleet.hosts[0].address, fleet.hosts[0].port) as proxy:
        mover, stop, frozen = mover_of(transport, through(fleet, proxy, tmp_path)), Event(), Event()

        def at(offset: int) -> None:
            if offset > 1 << 20 and not frozen.is_set():
                frozen.set()
                proxy.freeze()

        with ThreadPoolExecutor(1) as thread:
            told = thread.submit(mover.put, Source(1 << 30, at), str(file), 0, nothing, stop)
            assert frozen.wait(60)
            stop.set()
            found = told.result(60)
        assert isinstance(found, Broke)
        assert found.cause is Cause.KILLED
        proxy.stop()
    transport.shutdown()


@WAYS
def test_a_silent_peer_is_a_lost_connection(fleets: Fleets, tmp_path: Path, options: dict[str, str]) -> None:
    fleet, file = fleets.get(options), tmp_path / "file"
    file.touch()
    transport = transport_to(fleet, tmp_path, wake=0.2, keepalive=1, silence=3.0)
    with Proxy(fleet.hosts[0].address, fleet.hosts[0].port) as proxy:
        mover = mover_of(transport, through(fleet, proxy, tmp_path))
        source = Source(1 << 30, lambda offset: proxy.freeze() if offset > 1 << 20 else None)
        told = mover.put(source, str(file), 0, nothing, Event())
        assert isinstance(told, Broke)
        assert told.cause is Cause.LOST
        proxy.stop()
    transport.shutdown()


@pytest.mark.parametrize("program", ["bash", "busybox", "dash"])
def test_any_sh_with_nothing_but_its_own_programs_moves_files(fleets: Fleets, tmp_path: Path, program: str) -> None:
    """busybox: ls, dd, cat and tail are its own too."""
    found = require_program(program)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sh").symlink_to(found)
    for name in ("ls", "dd", "cat", "tail"):
        (programs / name).symlink_to(found if program == "busybox" else str(shutil.which(name)))
    fleet = fleets.get({"ForceCommand": f'PATH={programs} && eval "$SSH_ORIGINAL_COMMAND"'})
    transport = transport_to(fleet, tmp_path)
    mover = mover_of(transport, endpoint_of(fleet.hosts[0]))
    for name in NAMES:
        file, back = tmp_path / name, bytearray()
        file.touch()
        assert mover.put(Source(70_000), str(file), 0, nothing, Event()) == Sent(70_000, "sh")
        assert mover.put(Source(90_000), str(file), 70_000, nothing, Event()) == Sent(20_000, "sh")
        assert mover.get(str(file), 60_000, back.extend, Event()) == Sent(30_000, "sh")
        assert file.read_bytes() == content(0, 90_000)
        assert bytes(back) == content(60_000, 30_000)
    transport.shutdown()


@pytest.mark.parametrize("shell", ["fish", "tcsh", "zsh"])
def test_any_login_shell_moves_files(fleets: Fleets, tmp_path: Path, shell: str) -> None:
    require_program(shell)
    fleet = fleets.get({"ForceCommand": f'exec {shell} -c "$SSH_ORIGINAL_COMMAND"'})
    file, back = tmp_path / "f'$x", bytearray()
    file.touch()
    transport = transport_to(fleet, tmp_path)
    mover = mover_of(transport, endpoint_of(fleet.hosts[0]))
    assert mover.put(Source(70_000), str(file), 0, nothing, Event()) == Sent(70_000, "sh")
    assert mover.get(str(file), 0, back.extend, Event()) == Sent(70_000, "sh")
    assert bytes(back) == content(0, 70_000)
    transport.shutdown()


def test_what_login_files_print_spoils_no_file(fleets: Fleets, tmp_path: Path) -> None:
    noise = "echo Welcome; printf 'no newline'; echo Error >&2"
    fleet = fleets.get({"ForceCommand": f'{noise}; eval "$SSH_ORIGINAL_COMMAND"'})
    transport, file, back = transport_to(fleet, tmp_path), tmp_path / "file", bytearray()
    file.touch()
    mover = mover_of(transport, endpoint_of(fleet.hosts[0]))
    assert isinstance(mover.put(Source(70_000), str(file), 0, nothing, Event()), Sent)
    assert isinstance(mover.get(str(file), 0, back.extend, Event()), Sent)
    assert file.read_bytes() == bytes(back) == content(0, 70_000)
    missing = mover.get(str(tmp_path / "none"), 0, back.extend, Event())
    assert isinstance(missing, Refused)
    assert "Error" not in missing.message
    transport.shutdown()


def test_an_account_that_has_sftp_alone_gets_by_it(fleets: Fleets, tmp_path: Path) -> None:
    fleet, file, back = fleets.get({"ForceCommand": "internal-sftp"}), tmp_path / "file", bytearray()
    file.touch()
    transport = transport_to(fleet, tmp_path)
    mover = mover_of(transport, endpoint_of(fleet.hosts[0]))
    for size in (0, 1, 32_767, 32_768, 32_769, 5 << 20):
        file.write_bytes(b"")
        back.clear()
        assert mover.put(Source(size), str(file), 0, nothing, Event()) == Sent(size, "sftp")
        assert mover.get(str(file), 0, back.extend, Event()) == Sent(size, "sftp")
        assert bytes(back) == content(0, size)
    back.clear()
    assert mover.get(str(file), 5_000_000, back.extend, Event()) == Sent((5 << 20) - 5_000_000, "sftp")
    assert bytes(back) == content(5_000_000, (5 << 20) - 5_000_000)
    for path in (str(tmp_path), str(tmp_path / "none")):
        assert isinstance(mover.get(path, 0, back.extend, Event()), Refused)
    transport.shutdown()


@WAYS
def test_an_account_without_the_right_is_refused_in_the_targets_words(
    fleets: Fleets, tmp_path: Path, options: dict[str, str]
) -> None:
    fleet = fleets.get(options)
    with Accounts() as accounts:
        user = accounts.add("x")
        transport = transport_to(fleet, tmp_path)
        mover = mover_of(transport, dataclasses.replace(endpoint_of(fleet.hosts[0]), user=user))
        # the account may not enter tmp_path; in /etc it may look and not read or write
        for path in (str(tmp_path / "known_hosts"), "/etc/shadow"):
            for told in (
                mover.put(Source(10), path, 0, nothing, Event()),
                mover.get(path, 0, bytearray().extend, Event()),
            ):
                assert isinstance(told, Refused)
                assert "Permission denied" in told.message
                assert told.remedy
        transport.shutdown()


@pytest.mark.parametrize(("version", "piece"), [("OpenSSH_9", 261_120), ("Other", 32_640)])
def test_the_size_of_a_piece_is_what_the_server_takes(
    fleets: Fleets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, piece: int
) -> None:
    fleet, file, sizes = fleets.get(), tmp_path / "file", []
    file.touch()
    ask_write = Sftp.ask_write

    def watch(sftp: Sftp, handle: bytes, offset: int, data: bytes) -> int:
        sizes.append(len(data))
        return ask_write(sftp, handle, offset, data)

    monkeypatch.setattr(Sftp, "ask_write", watch)
    transport = transport_to(fleet, tmp_path)
    mover = mover_of(transport, endpoint_of(fleet.hosts[0]))
    mover._opened.link.remote_version = f"SSH-2.0-{version}"  # type: ignore[attr-defined]  # SshConnection
    assert isinstance(mover.put(Source(1 << 20), str(file), 0, nothing, Event()), Sent)
    assert max(sizes) == piece
    assert file.read_bytes() == content(0, 1 << 20)
    transport.shutdown()


def test_so_many_files_are_under_way_at_once_as_was_set(fleets: Fleets, tmp_path: Path) -> None:
    fleet = fleets.get()
    transport = transport_to(fleet, tmp_path, transfers=2)
    lock, pair = Lock(), Barrier(2, timeout=60)
    now, most = 0, 0

    def at(_: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        pair.wait()  # two are under way together
        with lock:
            now -= 1

    def put(number: int) -> object:
        file = tmp_path / str(number)
        file.touch()
        return mover_of(transport, endpoint_of(fleet.hosts[0])).put(Source(10, at), str(file), 0, nothing, Event())

    with ThreadPoolExecutor(6) as threads:
        assert all(isinstance(told, Sent) for told in threads.map(put, range(6)))
    assert most == 2
    transport.shutdown()


def test_who_waits_for_a_place_heeds_a_cancel(fleets: Fleets, tmp_path: Path) -> None:
    fleet, file = fleets.get(), tmp_path / "file"
    file.touch()
    transport = transport_to(fleet, tmp_path, transfers=1)
    held, stop = Event(), Event()

    def other(_: int) -> None:
        mover = mover_of(transport, endpoint_of(fleet.hosts[0]))
        stop.set()
        told = mover.put(Source(10), str(file), 0, nothing, stop)
        assert isinstance(told, Broke)
        assert told.cause is Cause.KILLED
        held.set()

    sent = mover_of(transport, endpoint_of(fleet.hosts[0])).put(Source(10, other), str(file), 0, nothing, Event())
    assert isinstance(sent, Sent)
    assert held.is_set()
    transport.shutdown()


@pytest.mark.long
@WAYS
def test_a_file_of_a_gigabyte_is_never_held(fleets: Fleets, tmp_path: Path, options: dict[str, str]) -> None:
    size, largest = 1 << 30, 0
    fleet, file = fleets.get(options), tmp_path / "file"
    file.touch()
    transport = transport_to(fleet, tmp_path)
    mover = mover_of(transport, endpoint_of(fleet.hosts[0]))
    source, back = Source(size), hashlib.sha256()
    before = _memory()

    def sink(data: bytes) -> None:
        nonlocal largest
        largest = max(largest, len(data))
        back.update(data)

    assert isinstance(mover.put(source, str(file), 0, nothing, Event()), Sent)
    assert isinstance(mover.get(str(file), 0, sink, Event()), Sent)
    grown = _memory() - before
    assert source.bytes_read == size
    assert source.largest <= 256 << 10
    assert largest <= 128 << 10
    assert grown < 24 << 20
    with file.open("rb") as lies:
        assert hashlib.file_digest(lies, "sha256").digest() == back.digest()
    transport.shutdown()


def _memory() -> int:
    """Bytes of this process that lie in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
