"""One warm connection: round trips that a command costs near and far, and 100 MB of output near and far.

pytest -m benchmark -s tests/benchmarks/test_ssh_one_host.py. Ratios in one run count. `deployx` is the SSH client
alone; `deployx, engine` also plans, commits, masks, hashes and stores: its time without delay is what that takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet, FleetHost
from tests.benchmarks.client import Figures, figures, order_for
from tests.benchmarks.clients import ASYNCSSH, ENGINE, OURS, PARAMIKO, READ
from tests.benchmarks.goals import say_goal
from tests.support.proxy import Proxy
from tests.support.ssh import Fleets

COMMANDS = 21
#: below the engine's cap of a target: all of it is kept
SIZE = 100_000_000
OUTPUT = f"head -c {SIZE} /dev/zero"
#: seconds
DISTANCES = (0.0, 0.02, 0.1)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleets() as fleets:
        yield fleets.get()


@contextmanager
def at_a_distance(fleet: Fleet, folder: Path, round_trip: float) -> Iterator[tuple[FleetHost, Path]]:
    """The fleet's host so far away, and a known_hosts for it. At no distance there is no proxy."""
    host = fleet.hosts[0]
    with ExitStack() as stack:
        if round_trip:
            proxy = stack.enter_context(Proxy(host.address, host.port, delay=round_trip / 2))
            host = replace(host, address=proxy.address, port=proxy.port)
        known_hosts = folder / f"known_hosts-{round_trip}"
        known_hosts.write_text(f"[{host.address}]:{host.port} {host.host_key}\n")
        yield host, known_hosts


def measured(
    fleet: Fleet, folder: Path, round_trip: float, clients: Sequence[str], **more: str | float
) -> dict[str, Figures]:
    with at_a_distance(fleet, folder, round_trip) as (host, known_hosts):
        return {
            client: figures(client, order_for(folder / f"{round_trip}-{number}", [host], known_hosts, **more))
            for number, client in enumerate(clients)
        }


@pytest.mark.benchmark
@pytest.mark.timeout(300)
def test_round_trips_of_a_warm_command(fleet: Fleet, tmp_path: Path) -> None:
    print()
    near: dict[str, Figures] = {}
    for round_trip in DISTANCES:
        found = measured(fleet, tmp_path, round_trip, (OURS, ENGINE, ASYNCSSH), passes=COMMANDS)
        near = near or found
        for client, its in found.items():
            took = its.warm.wall
            # what is not waiting for the other side was measured without delay
            alone = (took - near[client].warm.wall) / round_trip if round_trip else 0
            trips = f", {took / round_trip:.2f} round trips, {alone:.2f} without its own work" if round_trip else ""
            print(f"{round_trip * 1000:4.0f} ms away, {client:15}: {took * 1000:6.1f} ms{trips}")
        if round_trip:
            say_goal("deployx: round trips of a warm command", found[OURS].warm.wall / round_trip, at_most=2.2)
            more = found[ENGINE].warm.wall - near[ENGINE].warm.wall
            say_goal("deployx, engine: round trips besides its own work", more / round_trip, at_most=2.2)


@pytest.mark.benchmark
@pytest.mark.timeout(600)
@pytest.mark.parametrize("round_trip", DISTANCES, ids=["near", "20ms", "100ms"])
def test_100_mb_of_output_of_one_host(fleet: Fleet, tmp_path: Path, round_trip: float) -> None:
    """Far away the 2 MiB that a channel may have under way are the limit of every client."""
    clients = (OURS, ENGINE, ASYNCSSH, PARAMIKO) + (() if round_trip else (READ,))
    found = measured(fleet, tmp_path, round_trip, clients, script=OUTPUT, size=SIZE)
    print(f"\n{round_trip * 1000:.0f} ms away")
    for client, its in found.items():
        rate, cost = SIZE / its.warm.wall / 1e6, its.warm.cpu * 1e9 / SIZE
        print(f"{client:16}: {rate:5.0f} MB/s, {cost:5.2f} ms of CPU a MB, grew by {its.warm.growth / 2**20:5.1f} MiB")
    peer, read = found[ASYNCSSH].warm, found[PARAMIKO].warm
    for client in (OURS, ENGINE):
        ours = found[client].warm
        say_goal(f"{client}: rate / asyncssh's", peer.wall / ours.wall, at_least=1.0)
        say_goal(f"{client}: CPU / paramiko's stdout.read()", ours.cpu / read.cpu, at_most=0.45)
        say_goal(f"{client}: memory growth in MiB", ours.growth / 2**20, at_most=10)
