"""One client, one command on some hosts: a cold pass (connect, run `true`), then warm ones. A program of its own.

`python -m tests.benchmarks.client CLIENT ORDER.json` prints Figures as JSON. `figures` starts it, so that each client
has its own interpreter, its own memory and its own CPU clock.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from deployx_tui.demo.fleet import FleetHost
from tests.support.meters import Growth, own_cpu, resident


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to run, and where."""

    #: of the client alone
    folder: str
    user: str
    key_file: str
    known_hosts: str
    #: (address, port)
    hosts: tuple[tuple[str, int], ...]
    #: of the warm passes
    script: str = "true"
    #: that each host says at least
    size: int = 0
    passes: int = 3
    #: afterwards: seconds in which nothing is asked of it
    idle: float = 0.0


@dataclass(frozen=True)
class Pass:
    """What one pass over all hosts took: seconds, seconds of CPU of the client and what it started, bytes of memory."""

    wall: float
    cpu: float
    growth: int


@dataclass(frozen=True)
class Idle:
    """Connections that wait: seconds of CPU a second; bytes of memory since before the first one."""

    cpu: float
    held: int


@dataclass(frozen=True)
class Figures:
    cold: Pass
    #: medians, and the largest growth
    warm: Pass
    idle: Idle


def figures(client: str, order: Order) -> Figures:
    """Of a client, in a process of its own. Fails when a command did not succeed on every host."""
    folder = Path(order.folder)
    folder.mkdir(parents=True)
    (folder / "order.json").write_text(json.dumps(asdict(order)))
    command = [sys.executable, "-m", "tests.benchmarks.client", client, str(folder / "order.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{client}: {done.stderr[-2000:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    return Figures(Pass(**found["cold"]), Pass(**found["warm"]), Idle(**found["idle"]))


def order_for(folder: Path, hosts: Sequence[FleetHost], known_hosts: Path, **more: str | float) -> Order:
    """For hosts of one fleet; `more` of Order."""
    return Order(
        folder=str(folder),
        user=hosts[0].user,
        key_file=hosts[0].key_file,
        known_hosts=str(known_hosts),
        hosts=tuple((host.address, host.port) for host in hosts),
        **more,  # type: ignore[arg-type]  # names and types are Order's
    )


def main(name: str, file: Path) -> None:
    from tests.benchmarks.clients import CLIENTS

    facts = json.loads(file.read_text())
    order = Order(**{**facts, "hosts": tuple((address, port) for address, port in facts["hosts"])})
    client = CLIENTS[name](order)

    def measure(script: str, size: int) -> Pass:
        grown, wall, used = Growth(), time.perf_counter(), own_cpu()
        succeeded = client(script, size)
        taken = Pass(time.perf_counter() - wall, own_cpu() - used, grown.peak)
        assert succeeded == len(order.hosts), f"{succeeded} of {len(order.hosts)} hosts"
        return taken

    before = resident()
    cold = measure("true", 0)
    measure("true", 0)  # what is made with the second use, such as a spare session
    warm = [measure(order.script, order.size) for _ in range(order.passes)]
    middle = Pass(
        statistics.median(one.wall for one in warm),
        statistics.median(one.cpu for one in warm),
        max(one.growth for one in warm),  # later passes use again what the first one took
    )
    idle = waited(order.idle, before) if order.idle else Idle(0.0, 0)
    print(json.dumps({"cold": asdict(cold), "warm": asdict(middle), "idle": asdict(idle)}), flush=True)
    os._exit(0)  # closing hundreds of connections is not measured


def waited(seconds: float, before: int) -> Idle:
    """What it costs to wait, once what the last pass left to do is done: two equal spans cost the same."""
    gc.collect()
    last = -1.0
    while True:
        begun, used = time.perf_counter(), own_cpu()
        time.sleep(seconds)
        cpu = (own_cpu() - used) / (time.perf_counter() - begun)
        if abs(cpu - last) <= max(cpu, last) / 4:
            return Idle(cpu, resident() - before)
        last = cpu


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
