"""Cold and warm fan-out of `true` to 200 loopback hosts, near and far, beside ssh, asyncssh and parallel-ssh.

pytest -m benchmark -s tests/benchmarks/test_ssh_fanout.py. Ratios in one run count; clients and servers share the CPUs.
`deployx` is the SSH client alone, `deployx, engine` the product below its faces. A command of ours is not a bare
`true`: `asyncssh, our text` does on the targets what ours does there, and tells the client's cost from the protocol's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet, FleetHost
from tests.benchmarks.client import Figures, figures, order_for
from tests.benchmarks.clients import ASYNCSSH, ENGINE, MASTER, OURS, PARALLEL, SAME_TEXT, SSH
from tests.benchmarks.goals import say_goal
from tests.support.proxy import Proxy

HOSTS = 200


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet.start(HOSTS, tmp_path_factory.mktemp("fanout") / "fleet", "sshd") as fleet:
        yield fleet


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_fan_out_of_true_to_200_hosts(fleet: Fleet, tmp_path: Path) -> None:
    found = {
        client: figures(client, order_for(tmp_path / f"c{number}", fleet.hosts, fleet.known_hosts))
        for number, client in enumerate((OURS, ENGINE, MASTER, SSH, ASYNCSSH, SAME_TEXT, PARALLEL))
    }
    say(found)
    for ours in (OURS, ENGINE):
        say_goals(ours, found)
        warm, cold = found[ours].warm, found[ours].cold
        say_goal(f"{ours}: warm CPU / ssh + ControlMaster", warm.cpu / found[MASTER].warm.cpu, at_most=0.2)
        say_goal(f"{ours}: cold CPU / ssh", cold.cpu / found[SSH].cold.cpu, at_most=0.45)


@pytest.mark.benchmark
@pytest.mark.timeout(900)
@pytest.mark.parametrize("round_trip", [0.02, 0.1], ids=["20ms", "100ms"])
def test_fan_out_to_hosts_that_are_far_away(fleet: Fleet, tmp_path: Path, round_trip: float) -> None:
    """The proxies share the CPUs too: here the times say more than the CPU."""
    with ExitStack() as stack:
        hosts = [far(host, stack, round_trip) for host in fleet.hosts]
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text("".join(f"[{host.address}]:{host.port} {host.host_key}\n" for host in hosts))
        found = {
            client: figures(client, order_for(tmp_path / f"c{number}", hosts, known_hosts))
            for number, client in enumerate((OURS, ENGINE, ASYNCSSH))
        }
    print(f"\n{round_trip * 1000:.0f} ms away")
    say(found)
    for ours in (OURS, ENGINE):
        say_goals(ours, found)


def far(host: FleetHost, stack: ExitStack, round_trip: float) -> FleetHost:
    proxy = stack.enter_context(Proxy(host.address, host.port, delay=round_trip / 2))
    return replace(host, address=proxy.address, port=proxy.port)


def say(found: Mapping[str, Figures]) -> None:
    ours = found[OURS]
    heads = f"{'cold: s':>9}{'CPU ms a host':>15}{'warm: s':>9}{'CPU ms a host':>15}"
    print(f"\n{'':22}{heads}   deployx / it: cold s, CPU; warm s, CPU")
    for client, its in found.items():
        cells = its.cold.wall, its.cold.cpu * 1000 / HOSTS, its.warm.wall, its.warm.cpu * 1000 / HOSTS
        ratios = [
            ours.cold.wall / its.cold.wall,
            ours.cold.cpu / its.cold.cpu,
            ours.warm.wall / its.warm.wall,
            ours.warm.cpu / its.warm.cpu,
        ]
        print(
            f"{client:22}{cells[0]:9.2f}{cells[1]:15.2f}{cells[2]:9.2f}{cells[3]:15.2f}"
            f"   {ratios[0]:.2f}, {ratios[1]:.2f}; {ratios[2]:.2f}, {ratios[3]:.2f}"
        )


def say_goals(client: str, found: Mapping[str, Figures]) -> None:
    """Beside asyncssh; commands and hosts a second are the inverse of the times."""
    ours, its = found[client], found[ASYNCSSH]
    say_goal(f"{client}: warm CPU a command / asyncssh", ours.warm.cpu / its.warm.cpu, at_most=1.4)
    say_goal(f"{client}: commands a second / asyncssh", its.warm.wall / ours.warm.wall, at_least=1.0)
    if SAME_TEXT in found:
        same = found[SAME_TEXT].warm
        say_goal(f"{client}: commands a second / asyncssh, our text", same.wall / ours.warm.wall, at_least=1.0)
    say_goal(f"{client}: cold CPU a host / asyncssh", ours.cold.cpu / its.cold.cpu, at_most=1.75)
    say_goal(f"{client}: hosts a second / asyncssh", its.cold.wall / ours.cold.wall, at_least=0.9)
