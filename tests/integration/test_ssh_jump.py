"""Devices behind jump hosts: the contract over two hops of real sshd, what is shared, what goes wrong on the way."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.device import HostKeyPolicy, TestStepName
from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import CommandSpec, Endpoint, Exited, Outcome, Unknown, Unreached, run
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.contract.transport import TransportContract
from tests.contract.transport.site import CONNECT, Recorder, Site, await_end
from tests.support.ssh import Fleets, endpoint_of

CARRIES = {"AllowTcpForwarding": "yes"}


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


@pytest.fixture(scope="module")
def bastions(fleets: Fleets) -> Fleet:
    """Two sshd processes that carry connections."""
    return fleets.get(CARRIES, count=2, per_server=1)


@pytest.fixture(scope="module")
def targets(fleets: Fleets) -> Fleet:
    return fleets.get(count=12)


def all_known(folder: Path, *fleets: Fleet) -> Path:
    path = folder / "all_known"
    path.write_text("".join(fleet.known_hosts.read_text() for fleet in fleets))
    return path


def transport_over(folder: Path, *fleets: Fleet, config: str | None = None, **settings: float) -> SshTransport:
    """A transport that knows the keys of these fleets, and reads this configuration."""
    if config is not None:
        (folder / "config").write_text(config)
    return SshTransport(
        SshSettings(
            known_hosts=folder / "known_hosts",
            known_hosts_beside=(all_known(folder, *fleets),),
            config_file=folder / "config",
            **settings,  # type: ignore[arg-type]  # keepalive is an int, the rest are floats
        )
    )


def behind(target: Endpoint, *jumps: Endpoint) -> Endpoint:
    return replace(target, jumps=jumps)


def bastion(bastions: Fleet, number: int) -> Endpoint:
    return replace(endpoint_of(bastions.hosts[number]), name=f"bastion{number}")


def try_run(transport: SshTransport, endpoint: Endpoint, script: str = "true") -> Outcome:
    return run(transport, endpoint, CommandSpec(script=script), Recorder(), Event(), CONNECT)


def unreached(transport: SshTransport, endpoint: Endpoint) -> Unreached:
    answer = transport.connect(endpoint, CONNECT, Event())
    assert isinstance(answer, Unreached)
    assert answer.message
    assert answer.remedy
    return answer


@pytest.mark.long
class TestSshOverTwoJumps(TransportContract):
    @pytest.fixture(scope="class")
    @classmethod
    def site(cls, bastions: Fleet, targets: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
        transport = transport_over(tmp_path_factory.mktemp("ssh"), bastions, targets)
        yield Site(transport, behind(endpoint_of(targets.hosts[0]), bastion(bastions, 0), bastion(bastions, 1)))
        transport.shutdown()


def logins(fleet: Fleet, server: int) -> int:
    return fleet.log_of(server).count("Accepted publickey")


def test_many_devices_share_one_connection_to_each_jump_host(bastions: Fleet, targets: Fleet, tmp_path: Path) -> None:
    transport = transport_over(tmp_path, bastions, targets)
    before = [logins(bastions, number) for number in (0, 1)]
    ways = [behind(endpoint_of(host), bastion(bastions, 0), bastion(bastions, 1)) for host in targets.hosts]
    with ThreadPoolExecutor(len(ways)) as pool:
        assert list(pool.map(lambda way: try_run(transport, way), ways)) == [Exited(0)] * len(ways)
    assert [logins(bastions, number) for number in (0, 1)] == [before[0] + 1, before[1] + 1]
    transport.shutdown()


def test_proxy_jump_of_the_configuration_is_followed_hop_by_hop(
    bastions: Fleet, targets: Fleet, tmp_path: Path
) -> None:
    """The first of a list by its own configuration, each with its own account and key."""
    outer, inner, target = bastions.hosts[0], bastions.hosts[1], targets.hosts[0]
    config = f"""
Host outer
  HostName {outer.address}
  Port {outer.port}
  IdentityFile {outer.key_file}
Host inner
  HostName {inner.address}
  User {inner.user}
  IdentityFile {inner.key_file}
  ProxyJump {outer.user}@outer
Host web
  HostName {target.address}
  Port {target.port}
  User {target.user}
  ProxyJump inner:{inner.port}
  IdentityFile {target.key_file}
"""
    transport = transport_over(tmp_path, bastions, targets, config=config)
    web = replace(endpoint_of(target), name="web", address="web", port=None, user=None, key_file=None)
    # asked of the target: who connects to it is the inner jump host's process
    before = logins(bastions, 1)
    assert try_run(transport, web) == Exited(0)
    assert logins(bastions, 1) == before + 1
    steps = list(transport.test(web, CONNECT))
    assert [(step.hop, step.name) for step in steps if step.name is TestStepName.AUTHENTICATE] == [
        ("outer", TestStepName.AUTHENTICATE),
        ("inner", TestStepName.AUTHENTICATE),
        ("", TestStepName.AUTHENTICATE),
    ]
    assert all(step.ok for step in steps)
    assert [step.name for step in steps][-1] is TestStepName.RUN
    transport.shutdown()


@pytest.mark.parametrize(
    ("config", "circle"),
    [
        ("Host web\n ProxyJump a\nHost a\n ProxyJump b\nHost b\n ProxyJump a\n", "web > a > b > a"),
        ("Host web\n ProxyJump web\n", "web > web"),
    ],
)
def test_a_circle_of_jump_hosts_is_refused_by_name(targets: Fleet, tmp_path: Path, config: str, circle: str) -> None:
    transport = transport_over(tmp_path, targets, config=config)
    answer = unreached(transport, replace(endpoint_of(targets.hosts[0]), address="web"))
    assert circle in answer.message


def test_a_jump_host_that_has_no_address_is_named(targets: Fleet, tmp_path: Path) -> None:
    transport = transport_over(tmp_path, targets, config="Host *\n")
    gone = replace(endpoint_of(targets.hosts[0]), name="gone", address="no-such-host.invalid")
    answer = unreached(transport, behind(endpoint_of(targets.hosts[0]), gone))
    assert answer.cause is Cause.NAME
    assert "jump host gone" in answer.message


def test_a_jump_host_that_carries_nothing_is_refused_with_the_remedy(
    fleets: Fleets, targets: Fleet, tmp_path: Path
) -> None:
    closed = fleets.get({"AllowTcpForwarding": "no"})
    transport = transport_over(tmp_path, closed, targets)
    way = behind(endpoint_of(targets.hosts[0]), bastion(closed, 0))
    answer = unreached(transport, way)
    assert answer.cause is Cause.REFUSED
    assert "AllowTcpForwarding" in answer.remedy
    failed = list(transport.test(way, CONNECT))[-1]
    assert (failed.name, failed.hop, failed.remedy) == (TestStepName.CONNECT, "", answer.remedy)
    transport.shutdown()


def test_what_the_jump_host_can_not_reach_has_its_cause(bastions: Fleet, targets: Fleet, tmp_path: Path) -> None:
    transport = transport_over(tmp_path, bastions, targets)
    target = endpoint_of(targets.hosts[0])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = replace(target, address="127.0.0.1", port=free.getsockname()[1])
        answer = unreached(transport, behind(closed, bastion(bastions, 0)))
    assert answer.cause is Cause.REFUSED
    assert "bastion0 can't connect" in answer.message
    nowhere = replace(target, address="no-such-host.invalid")
    assert unreached(transport, behind(nowhere, bastion(bastions, 0))).cause is Cause.NAME
    # the connection to the jump host serves on
    assert try_run(transport, behind(target, bastion(bastions, 0))) == Exited(0)
    transport.shutdown()


def test_a_jump_host_with_a_changed_key_is_refused_and_can_be_trusted(
    bastions: Fleet, targets: Fleet, tmp_path: Path
) -> None:
    host = bastions.hosts[0]
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    (tmp_path / "known_hosts").write_text(f"[{host.address}]:{host.port} {other}\n")
    transport = transport_over(tmp_path, bastions, targets)
    way = behind(endpoint_of(targets.hosts[0]), bastion(bastions, 0))
    before = bastions.log_of(0).count("publickey for")
    answer = unreached(transport, way)
    assert answer.cause is Cause.HOST_KEY
    assert "jump host bastion0" in answer.message
    assert "HAS CHANGED" in answer.message
    assert "deployx device trust bastion0" in answer.remedy
    assert bastions.log_of(0).count("publickey for") == before, "nothing is proved to a stranger"
    step = list(transport.test(way, CONNECT))[-1]
    assert (step.hop, step.name, step.offered_key) == ("bastion0", TestStepName.HOST_KEY, answer.offered_key)
    assert answer.offered_key is not None
    assert answer.offered_key.host == f"[{host.address}]:{host.port}"
    with pytest.raises(ValueError, match="not on the way"):
        transport.trust(endpoint_of(targets.hosts[0]), answer.offered_key)
    transport.trust(way, answer.offered_key)
    assert try_run(transport, way) == Exited(0)
    transport.shutdown()


def test_a_key_of_the_configurations_jump_host_is_never_taken_unseen(
    bastions: Fleet, targets: Fleet, tmp_path: Path
) -> None:
    """accept-new was said of the device, not of a host that only the configuration names."""
    host = bastions.hosts[0]
    config = f"Host outer\n HostName {host.address}\nHost *\n IdentityFile {host.key_file}\n"
    transport = transport_over(
        tmp_path,
        targets,
        config=f"{config}Match originalhost {targets.hosts[0].address}\n ProxyJump {host.user}@outer:{host.port}\n",
    )
    trusting = replace(endpoint_of(targets.hosts[0]), host_key_policy=HostKeyPolicy.ACCEPT_NEW)
    answer = unreached(transport, trusting)
    assert answer.cause is Cause.HOST_KEY
    assert f"deployx device trust {trusting.name}" in answer.remedy
    assert not (tmp_path / "known_hosts").exists()
    transport.shutdown()


def session_processes(fleet: Fleet, server: int) -> list[int]:
    """The processes that serve connections of a server."""
    rows = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parent = fleet.pids[server]
    return [int(row.split()[0]) for row in rows.splitlines() if int(row.split()[1]) == parent]


def test_a_jump_host_that_dies_loses_what_ran_and_is_connected_to_again(
    bastions: Fleet, targets: Fleet, tmp_path: Path
) -> None:
    transport = transport_over(tmp_path, bastions, targets)
    before = set(session_processes(bastions, 0))
    way = behind(endpoint_of(targets.hosts[0]), bastion(bastions, 0))
    sink = Recorder(b"started")
    told: list[Outcome] = []
    spec = CommandSpec(script="echo started; sleep 30")
    runs = threading.Thread(target=lambda: told.append(run(transport, way, spec, sink, Event(), CONNECT)))
    runs.start()
    assert sink.seen.wait(30)
    for pid in set(session_processes(bastions, 0)) - before:
        os.kill(pid, signal.SIGKILL)
    runs.join(30)
    assert isinstance(told[0], Unknown)
    assert told[0].cause is Cause.LOST
    # another device over the same jump host, and the same one
    for number in (1, 0):
        other = behind(endpoint_of(targets.hosts[number]), bastion(bastions, 0))
        assert try_run(transport, other) == Exited(0)
    transport.shutdown()


def test_a_server_that_is_too_busy_is_asked_again(fleets: Fleets, tmp_path: Path) -> None:
    """Two at most that have not logged in yet: of twelve handshakes at once, most are turned away at first."""
    busy = fleets.get({"MaxStartups": "2:100:2"})
    transport = transport_over(tmp_path, busy, cap=0)
    endpoint = endpoint_of(busy.hosts[0])
    before = busy.log_of(0)
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(lambda _: try_run(transport, endpoint), range(12))) == [Exited(0)] * 12
    assert len(re.findall(r"MaxStartups", busy.log_of(0)[len(before) :])) > 0
    transport.shutdown()


def test_an_idle_connection_to_a_jump_host_is_closed(bastions: Fleet, targets: Fleet, tmp_path: Path) -> None:
    before = set(session_processes(bastions, 0))
    transport = transport_over(tmp_path, bastions, targets, idle=0.2)
    assert try_run(transport, behind(endpoint_of(targets.hosts[0]), bastion(bastions, 0))) == Exited(0)
    # what is there no more has ended already
    serving = set(session_processes(bastions, 0)) - before
    for pid in serving:
        await_end(pid)
    transport.shutdown()
