"""One large file to one host beside `scp` and paramiko's `put`, near and far; and one file to many hosts.

pytest -m benchmark -s tests/benchmarks/test_ssh_files.py. Ratios in one run count; the clients take turns.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet
from tests.benchmarks.client import order_for
from tests.benchmarks.goals import say_goal
from tests.benchmarks.sender import OURS, PARAMIKO, SCP, Sending, sending
from tests.benchmarks.test_ssh_one_host import at_a_distance
from tests.support.ssh import Fleets

SIZE = 256 << 20
TURNS = 3
HOSTS, SMALL = 50, 8 << 20


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


def file_of(folder: Path, size: int) -> Path:
    file = folder / "file"
    file.write_bytes(os.urandom(1 << 20) * (size >> 20))
    return file


@pytest.mark.benchmark
@pytest.mark.timeout(900)
@pytest.mark.parametrize("round_trip", [0.0, 0.05], ids=["near", "50ms"])
def test_one_large_file_to_one_host(fleets: Fleets, tmp_path: Path, round_trip: float) -> None:
    fleet: Fleet = fleets.get()
    file = file_of(tmp_path, SIZE)
    found: dict[str, list[Sending]] = {OURS: [], SCP: [], PARAMIKO: []}
    with at_a_distance(fleet, tmp_path, round_trip) as (host, known_hosts):
        for turn in range(TURNS):
            for number, client in enumerate(found):
                order = order_for(tmp_path / f"{turn}-{number}", [host], known_hosts)
                found[client].append(sending(client, order, file))
    print(f"\n{SIZE >> 20} MiB, {round_trip * 1000:.0f} ms away")
    wall = {client: statistics.median(one.wall for one in its) for client, its in found.items()}
    for client, its in found.items():
        cpu = statistics.median(one.cpu for one in its)
        grown = max(one.growth for one in its) / 2**20
        rate = (SIZE >> 20) / wall[client]
        print(f"{client:15}: {wall[client]:6.2f} s, {rate:4.0f} MiB/s, {cpu:5.2f} s of CPU, grew by {grown:4.1f} MiB")
    say_goal("rate / paramiko put()'s", wall[PARAMIKO] / wall[OURS], at_least=1.7)
    say_goal("rate / scp's", wall[SCP] / wall[OURS], at_least=0.85)


@pytest.mark.benchmark
@pytest.mark.timeout(300)
def test_one_file_to_many_hosts(fleets: Fleets, tmp_path: Path) -> None:
    fleet = fleets.get(count=HOSTS)
    file = file_of(tmp_path, SMALL)
    its = sending(OURS, order_for(tmp_path / "order", fleet.hosts, fleet.known_hosts), file)
    rate = HOSTS * (SMALL >> 20) / its.wall
    print(f"\n{SMALL >> 20} MiB to {HOSTS} hosts: {its.wall:.2f} s, {rate:.0f} MiB/s, {its.cpu:.2f} s of CPU")
    say_goal("bytes read from the disk / bytes of the file", its.from_disk / SMALL, at_most=1.2)
