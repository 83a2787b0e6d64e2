"""Connections that break: what is told is never more than what is known, and nothing ever runs twice.

The oracle is a file that the command itself appends to.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.execution import Cause, KillVerdict, Stream
from deployx_tui.transports.base import (
    CommandSpec,
    Connection,
    Endpoint,
    Exited,
    Killed,
    Outcome,
    Refused,
    Unknown,
    Unreached,
    run,
)
from deployx_tui.transports.ssh.connection import SshConnection
from deployx_tui.transports.ssh.transport import SshTransport
from tests.contract.transport.site import CONNECT, Recorder, alive, await_end, nap
from tests.support.proxy import Proxy
from tests.support.ssh import Fleets, endpoint_of, transport_to


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleets() as fleets:
        yield fleets.get()


@pytest.fixture
def proxy(fleet: Fleet) -> Iterator[Proxy]:
    with Proxy(fleet.hosts[0].address, fleet.hosts[0].port) as proxy:
        yield proxy


def through(fleet: Fleet, proxy: Proxy, folder: Path) -> Endpoint:
    """The fleet's first host by way of the proxy, its key known under the proxy's address."""
    with (folder / "known_hosts").open("a") as known_hosts:
        known_hosts.write(f"[{proxy.address}]:{proxy.port} {fleet.hosts[0].host_key}\n")
    return dataclasses.replace(endpoint_of(fleet.hosts[0]), address=proxy.address, port=proxy.port)


@pytest.fixture
def transport(fleet: Fleet, tmp_path: Path) -> Iterator[SshTransport]:
    transport = transport_to(fleet, tmp_path)
    yield transport
    transport.shutdown()


class When(Recorder):
    """A recorder that acts once, when the wanted text has come."""

    def act(self, action: object) -> When:
        self.action = action
        return self

    def __call__(self, stream: Stream, data: bytes, at: datetime) -> None:
        was_seen = self.seen.is_set()
        super().__call__(stream, data, at)
        if self.seen.is_set() and not was_seen and callable(self.action):
            self.action()


def lines(oracle: Path) -> int:
    return len(oracle.read_text().splitlines()) if oracle.exists() else 0


def test_a_proxy_that_stops_leaves_the_outcome_unknown(
    fleet: Fleet, proxy: Proxy, transport: SshTransport, tmp_path: Path
) -> None:
    oracle, seconds = tmp_path / "ran", nap()
    before = datetime.now(UTC)
    sink = When(b"ready").act(proxy.stop)
    spec = CommandSpec(script=f"echo ran >> {oracle}; sleep {seconds} & echo ready; wait")
    outcome = run(transport, through(fleet, proxy, tmp_path), spec, sink, Event(), CONNECT)
    assert isinstance(outcome, Unknown)
    assert outcome.cause is Cause.LOST
    assert before <= outcome.last_heard <= datetime.now(UTC)
    assert sink.pieces[Stream.STDOUT] == b"ready\n"
    # a lost connection ends nothing on the target, and nothing is started again
    left = alive(seconds)
    assert len(left) == 1
    assert lines(oracle) == 1
    os.kill(left[0], signal.SIGKILL)


def test_a_killed_sshd_leaves_the_outcome_unknown(fleet: Fleet, transport: SshTransport, tmp_path: Path) -> None:
    oracle, seconds = tmp_path / "ran", nap()
    endpoint = endpoint_of(fleet.hosts[0])
    connection = transport.connect(endpoint, CONNECT, Event())
    assert not isinstance(connection, Unreached)
    process = connection.start(CommandSpec(script=f"echo ran >> {oracle}; sleep {seconds} & echo ready; wait"))
    assert not isinstance(process, Refused | Unknown)
    sink = When(b"ready").act(lambda: os.kill(parent_of(process.handle.pid), signal.SIGKILL))
    outcome = process.stream(sink, Event())
    transport.release(connection)
    assert isinstance(outcome, Unknown)
    assert lines(oracle) == 1
    for pid in alive(seconds):
        os.kill(pid, signal.SIGKILL)
    # the next run takes a new connection
    assert run(transport, endpoint, CommandSpec(script="true"), Recorder(), Event(), CONNECT) == Exited(0)


def parent_of(pid: int) -> int:
    return int(subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, check=True).stdout)


def test_a_peer_that_falls_silent_is_noticed_without_a_deadline(fleet: Fleet, proxy: Proxy, tmp_path: Path) -> None:
    """Nothing is closed and TCP acknowledges everything: only the unanswered keepalive tells."""
    transport = transport_to(fleet, tmp_path, wake=0.2, keepalive=1, silence=3.0)
    seconds = nap()
    sink = When(b"ready").act(proxy.freeze)
    spec = CommandSpec(script=f"sleep {seconds} & echo ready; wait")
    outcome = run(transport, through(fleet, proxy, tmp_path), spec, sink, Event(), CONNECT)
    assert isinstance(outcome, Unknown)
    assert "3 s" in outcome.message
    proxy.stop()
    transport.shutdown()
    for pid in alive(seconds):
        os.kill(pid, signal.SIGKILL)


def test_a_live_but_quiet_command_is_not_taken_for_lost(fleet: Fleet, tmp_path: Path) -> None:
    transport = transport_to(fleet, tmp_path, wake=0.1, keepalive=1, silence=1.8)
    spec = CommandSpec(script="sleep 4; echo done")
    sink = Recorder()
    assert run(transport, endpoint_of(fleet.hosts[0]), spec, sink, Event(), CONNECT) == Exited(0)
    assert sink.pieces[Stream.STDOUT] == b"done\n"
    transport.shutdown()


def test_a_cancel_after_the_connection_was_cut_still_kills(
    fleet: Fleet, proxy: Proxy, transport: SshTransport, tmp_path: Path
) -> None:
    """Cut and cancelled at the same moment: the kill comes by a connection of its own."""
    seconds, cancel = nap(), Event()

    def both() -> None:
        cancel.set()
        proxy.cut()

    sink = When(b"ready").act(both)
    spec = CommandSpec(script=f"sleep {seconds} & echo ready; wait")
    outcome = run(transport, through(fleet, proxy, tmp_path), spec, sink, cancel, CONNECT)
    assert isinstance(outcome, Killed)
    assert outcome.kill.verdict is KillVerdict.KILLED
    assert alive(seconds) == []


def test_a_cancel_that_reaches_nobody_claims_nothing(
    fleet: Fleet, proxy: Proxy, transport: SshTransport, tmp_path: Path
) -> None:
    seconds, cancel = nap(), Event()

    def both() -> None:
        cancel.set()
        proxy.stop()

    sink = When(b"ready").act(both)
    spec = CommandSpec(script=f"sleep {seconds} & echo ready; wait")
    outcome = run(transport, through(fleet, proxy, tmp_path), spec, sink, cancel, CONNECT)
    assert isinstance(outcome, Killed)
    assert outcome.kill.verdict is KillVerdict.UNKNOWN
    for pid in alive(seconds):
        os.kill(pid, signal.SIGKILL)


def test_a_pooled_connection_that_died_is_replaced_before_anything_is_sent(
    fleet: Fleet, proxy: Proxy, transport: SshTransport, tmp_path: Path
) -> None:
    oracle = tmp_path / "ran"
    endpoint = through(fleet, proxy, tmp_path)
    for number in range(1, 5):
        connection = transport.connect(endpoint, CONNECT, Event())
        assert isinstance(connection, SshConnection)
        for _ in range(2):  # the second one leaves a spare channel
            process = connection.start(CommandSpec(script=f"echo ran >> {oracle}"))
            assert not isinstance(process, Refused | Unknown)
            assert process.stream(Recorder(), Event()) == Exited(0)
        assert lines(oracle) == 2 * number
        transport.release(connection)
        proxy.cut()
        connection._opened.link.join(30)  # its reader has seen the end
    assert proxy.accepted == 4


def test_a_connection_that_dies_while_it_is_held_is_replaced_before_anything_is_sent(
    fleet: Fleet, proxy: Proxy, transport: SshTransport, tmp_path: Path
) -> None:
    oracle = tmp_path / "ran"
    connection = transport.connect(through(fleet, proxy, tmp_path), CONNECT, Event())
    assert isinstance(connection, SshConnection)
    for number in range(1, 4):
        process = connection.start(CommandSpec(script=f"echo ran >> {oracle}"))
        assert not isinstance(process, Refused | Unknown)
        assert process.stream(Recorder(), Event()) == Exited(0)
        assert lines(oracle) == number
        link = connection._opened.link
        proxy.cut()
        link.join(30)
    transport.release(connection)


def test_runs_one_after_the_other_share_a_connection(
    fleet: Fleet, proxy: Proxy, transport: SshTransport, tmp_path: Path
) -> None:
    endpoint = through(fleet, proxy, tmp_path)
    for _ in range(5):
        assert run(transport, endpoint, CommandSpec(script="true"), Recorder(), Event(), CONNECT) == Exited(0)
    assert proxy.accepted == 1


def test_an_idle_connection_is_closed_after_its_time(fleet: Fleet, tmp_path: Path) -> None:
    transport = transport_to(fleet, tmp_path, idle=0.1)
    connection = transport.connect(endpoint_of(fleet.hosts[0]), CONNECT, Event())
    assert not isinstance(connection, Unreached)
    process = connection.start(CommandSpec(script="echo $PPID"))
    assert not isinstance(process, Refused | Unknown)
    sink = Recorder()
    process.stream(sink, Event())
    transport.release(connection)
    await_end(int(sink.pieces[Stream.STDOUT]))  # sshd's process for this connection
    transport.shutdown()


def test_a_connection_given_back_is_not_used_by_two(fleet: Fleet, transport: SshTransport) -> None:
    endpoint = endpoint_of(fleet.hosts[0])
    first = transport.connect(endpoint, CONNECT, Event())
    second = transport.connect(endpoint, CONNECT, Event())
    assert not isinstance(first, Unreached)
    assert not isinstance(second, Unreached)
    assert first is not second
    transport.release(first)
    assert transport.connect(endpoint, CONNECT, Event()) is first


def cut_at(fleet: Fleet, folder: Path, offset: int, *, is_known: bool) -> tuple[Outcome, int]:
    """One run over a connection that breaks after so many bytes; (what is told, how often it ran)."""
    folder.mkdir()
    oracle = folder / "ran"
    transport = transport_to(fleet, folder)
    script = f"echo ran >> {oracle}; echo done\n" + "# a long script\n" * 200
    with Proxy(fleet.hosts[0].address, fleet.hosts[0].port, cut_after=offset) as proxy:
        endpoint = through(fleet, proxy, folder)
        connection = transport.connect(endpoint, timedelta(seconds=5), Event())
        outcome: Outcome
        if isinstance(connection, Unreached):
            outcome = connection
        else:
            outcome = _run_once(connection, script, is_known=is_known)
            transport.release(connection)
        proxy.stop()
    transport.shutdown()
    return outcome, lines(oracle)


def _run_once(connection: Connection, script: str, *, is_known: bool) -> Outcome:
    if is_known:  # no handshake: the text goes in one flight with the request
        connection._acquaintances.add(connection.account)  # type: ignore[attr-defined]  # SshConnection
    process = connection.start(CommandSpec(script=script))
    if isinstance(process, Refused | Unknown):
        return process
    return process.stream(Recorder(), Event())


def check_cut(fleet: Fleet, folder: Path, offset: int, *, is_known: bool) -> Outcome:
    outcome, ran = cut_at(fleet, folder, offset, is_known=is_known)
    match outcome:
        case Exited(0):
            assert ran == 1
        case Unreached() | Refused():
            assert ran == 0, f"{outcome} but it ran (cut at {offset})"
        case Unknown():
            assert ran <= 1
        case _:
            raise AssertionError(f"{outcome} (cut at {offset})")
    return outcome


# a whole run sends about 9,000 bytes
OFFSETS = [1, 30, 900, 1700, 2300, 2600, 2800, 3000, 3300, 3800, 4500, 5500, 6500, 7500, 8500, 9500]


@pytest.mark.parametrize("is_known", [False, True], ids=["first contact", "known"])
def test_a_connection_cut_anywhere_runs_a_command_at_most_once_and_never_claims_otherwise(
    fleet: Fleet, tmp_path: Path, is_known: bool
) -> None:
    told = {type(check_cut(fleet, tmp_path / str(at), at, is_known=is_known)) for at in OFFSETS}
    assert {Unreached, Unknown, Exited} <= told


@pytest.mark.long
@pytest.mark.parametrize("is_known", [False, True], ids=["first contact", "known"])
def test_a_connection_cut_at_each_17th_byte(fleet: Fleet, tmp_path: Path, is_known: bool) -> None:
    for at in range(1, 9500, 17):
        check_cut(fleet, tmp_path / str(at), at, is_known=is_known)
