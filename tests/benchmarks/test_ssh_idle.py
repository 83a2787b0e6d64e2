"""1,000 connections that wait for their next command: CPU and memory, beside asyncssh.

pytest -m benchmark -s tests/benchmarks/test_ssh_idle.py. `deployx, engine` pools them as the product does; what its
engine itself costs at rest is the row with one host.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet
from tests.benchmarks.client import Idle, figures, order_for
from tests.benchmarks.clients import ASYNCSSH, ENGINE, OURS
from tests.benchmarks.goals import say_goal

CONNECTIONS = 1_000
SECONDS = 5.0


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_a_thousand_idle_connections(tmp_path: Path) -> None:
    found: dict[tuple[str, int], Idle] = {}
    with Fleet.start(CONNECTIONS, tmp_path / "fleet", "sshd") as fleet:
        for client, count in ((ENGINE, 1), (ENGINE, CONNECTIONS), (OURS, CONNECTIONS), (ASYNCSSH, CONNECTIONS)):
            folder = tmp_path / f"{len(found)}"
            order = order_for(folder, fleet.hosts[:count], fleet.known_hosts, passes=1, idle=SECONDS)
            found[client, count] = idle = figures(client, order).idle
            print(
                f"\n{client:16} {count:5,} connections: {idle.cpu * 1000:7.2f} ms of CPU a second, "
                f"{idle.held / 1024 / count:8.1f} KiB each",
                end="",
            )
    print()
    ours, alone, pooled = found[OURS, CONNECTIONS], found[ENGINE, 1], found[ENGINE, CONNECTIONS]
    say_goal("deployx: ms of CPU a second", ours.cpu * 1000, at_most=5)
    say_goal("deployx: KiB each", ours.held / 1024 / CONNECTIONS, at_most=80)
    say_goal("deployx, engine: ms of CPU a second besides its own", (pooled.cpu - alone.cpu) * 1000, at_most=5)
    say_goal("deployx, engine: KiB each", (pooled.held - alone.held) / 1024 / CONNECTIONS, at_most=80)
