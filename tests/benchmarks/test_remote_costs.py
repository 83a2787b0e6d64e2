"""What a run costs on its target and on its way, beside a plain exec of the same command on the same sshd.

pytest -m benchmark -s tests/benchmarks/test_remote_costs.py. CPU on the target is that of everything below its sshd,
what runs on after the command's end included (the guard of a deadline looks for its command every 5 s). Round trips are
counted by the time that a command takes 100 ms away, without what it takes near.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.demo.fleet import Fleet, FleetHost
from deployx_tui.model.execution import KillVerdict
from deployx_tui.transports.base import (
    SPOOL_BASES,
    CommandSpec,
    Connection,
    Exited,
    Killed,
    Process,
    Refused,
    Unknown,
    Unreached,
)
from tests.benchmarks.plain import PlainConnection
from tests.support.meters import Descendants
from tests.support.proxy import Proxy
from tests.support.ssh import endpoint_of, transport_to

NEAR, FAR = 41, 5
#: the kernel tells CPU in hundredths of a second: so many runs together
COUNTED = 150
#: seconds
ROUND_TRIP = 0.1
SIZE = 10_000_000
DEADLINE = timedelta(minutes=5)
LINES = 40
#: a line each 0.17 s, with the time at which it was said: out of step with every pace at which it is looked for
CLOCK = f"i=0; while [ $i -lt {LINES} ]; do date +%s%N; sleep 0.17; i=$((i+1)); done"
SILENT_SECONDS = 5
#: takes what came; returns when the command is over
Sink = Callable[[bytes], None]
Start = Callable[[str], Process]


@dataclass(frozen=True)
class Way:
    """One way to run a script."""

    name: str
    #: seconds until the result of the script is known; what is done after that is done when it returns
    run: Callable[[str, Sink], float]
    #: for what can be cancelled
    start: Start | None = None


def plain(connection: PlainConnection, name: str, line: str, text: str) -> Way:
    def run(script: str, sink: Sink) -> float:
        begun = time.perf_counter()
        connection.run(line.format(script), text.format(script), sink)
        return time.perf_counter() - begun

    return Way(name, run)


def ours(connection: Connection, name: str, *, durable: bool = False, timeout: timedelta | None = None) -> Way:
    def start(script: str) -> Process:
        process = connection.start(
            CommandSpec(script=script, durable=durable, timeout=timeout, spool_bases=SPOOL_BASES)
        )
        assert not isinstance(process, Refused | Unknown), process
        return process

    def run(script: str, sink: Sink) -> float:
        begun = time.perf_counter()
        process = start(script)
        assert process.stream(lambda _, data, __: sink(data), Event()) == Exited(0)
        took = time.perf_counter() - begun
        assert process.acknowledge()
        return took

    return Way(name, run, start)


@contextmanager
def ways(host: FleetHost, fleet: Fleet, folder: Path) -> Iterator[list[Way]]:
    """Every way to this host."""
    transport = transport_to(fleet, folder)
    folder.mkdir()
    (folder / "known_hosts").write_text(f"[{host.address}]:{host.port} {host.host_key}\n")
    bare = PlainConnection(host)
    connection = transport.connect(endpoint_of(host), timedelta(seconds=30), Event())
    assert not isinstance(connection, Unreached), connection
    try:
        yield [
            plain(bare, "plain exec", "{}", ""),
            plain(bare, "exec sh, on stdin", "exec sh", "{}\nexit\n"),
            ours(connection, "direct"),
            ours(connection, "direct, deadline", timeout=DEADLINE),
            ours(connection, "durable", durable=True),
            ours(connection, "durable, deadline", durable=True, timeout=DEADLINE),
        ]
    finally:
        bare.close()
        connection.close()
        transport.shutdown()


@pytest.fixture(scope="module")
def descendants() -> Iterator[Descendants]:
    with Descendants() as descendants:
        yield descendants


@pytest.fixture(scope="module")
def fleet(descendants: Descendants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Its processes are ours, also when their parents have ended."""
    with Fleet.start(1, tmp_path_factory.mktemp("costs") / "fleet", "sshd") as fleet:
        yield fleet


def no_sink(_: bytes) -> None:
    """Nobody looks at what was said."""


def repeat(way: Way, count: int) -> None:
    for _ in range(count):
        way.run("true", no_sink)


def median(way: Way, script: str, count: int) -> float:
    """Seconds; the first two, which make an acquaintance and a spare session, do not count."""
    return statistics.median([way.run(script, no_sink) for _ in range(count + 2)][2:])


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_what_true_costs_on_each_way(fleet: Fleet, descendants: Descendants, tmp_path: Path) -> None:
    host = fleet.hosts[0]
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(host.address, host.port, delay=ROUND_TRIP / 2))
        far = dataclasses.replace(host, address=proxy.address, port=proxy.port)
        near_ways = stack.enter_context(ways(host, fleet, tmp_path / "near"))
        far_ways = stack.enter_context(ways(far, fleet, tmp_path / "far"))
        print(f"\n{'true':20}{'ms':>7}{'CPU on target ms':>18}{'as plain':>10}{'round trips':>13}{'more':>6}")
        first: tuple[float, float] | None = None
        for near, away in zip(near_ways, far_ways, strict=True):
            took = median(near, "true", NEAR)
            used = descendants.cpu_of(partial(repeat, near, COUNTED)) / COUNTED
            trips = (median(away, "true", FAR) - took) / ROUND_TRIP
            first = first or (used, trips)
            print(
                f"{near.name:20}{took * 1000:7.1f}{used * 1000:18.2f}{used / first[0]:10.2f}"
                f"{trips:13.2f}{trips - first[1]:6.2f}"
            )


@pytest.mark.benchmark
@pytest.mark.timeout(300)
def test_ten_megabytes_of_output(fleet: Fleet, descendants: Descendants, tmp_path: Path) -> None:
    with ways(fleet.hosts[0], fleet, tmp_path / "near") as all_ways:
        print(f"\n{'10 MB of output':20}{'ms':>7}{'CPU on target ms':>18}{'time / plain':>14}")
        first = 0.0
        for way in all_ways[0], all_ways[2], all_ways[4]:
            said = 0

            def count(data: bytes) -> None:
                nonlocal said
                said += len(data)

            script = f"head -c {SIZE} /dev/zero"
            took = median(way, script, 5)
            used = descendants.cpu_of(partial(way.run, script, count))
            assert said == SIZE
            first = first or took
            print(f"{way.name:20}{took * 1000:7.0f}{used * 1000:18.0f}{took / first:14.2f}")


@pytest.mark.benchmark
@pytest.mark.timeout(300)
def test_how_late_output_is_seen(fleet: Fleet, descendants: Descendants, tmp_path: Path) -> None:
    with ways(fleet.hosts[0], fleet, tmp_path / "near") as all_ways:
        print(f"\n{'following':20}{'lag ms: p50':>12}{'max':>7}{'CPU on target, silent: ms/s':>29}")
        for way in all_ways[0], all_ways[2], all_ways[4]:
            late: list[float] = []

            def note(data: bytes, late: list[float] = late) -> None:
                now = time.time_ns()
                late += [(now - int(line)) / 1e6 for line in data.split()]

            way.run(CLOCK, note)
            assert len(late) == LINES
            script = f"sleep {SILENT_SECONDS}"
            used = descendants.cpu_of(partial(way.run, script, no_sink)) / SILENT_SECONDS
            print(f"{way.name:20}{statistics.median(late):12.1f}{max(late):7.1f}{used * 1000:29.1f}")


@pytest.mark.benchmark
@pytest.mark.timeout(300)
def test_how_long_a_cancel_takes(fleet: Fleet, tmp_path: Path) -> None:
    """From the wish to the certainty that nothing is left; a cancel is noticed 0.2 s late at most."""
    with ways(fleet.hosts[0], fleet, tmp_path / "near") as all_ways:
        print(f"\n{'cancel of sleep':20}{'ms: p50':>9}{'max':>7}")
        for way in all_ways[2:]:
            assert way.start is not None
            took = []
            for _ in range(7):
                process, cancel, begun = way.start("echo ready; sleep 1000"), Event(), 0.0

                def wish(*_: object, cancel: Event = cancel) -> None:
                    nonlocal begun
                    begun = time.perf_counter()
                    cancel.set()

                outcome = process.stream(wish, cancel)
                took.append((time.perf_counter() - begun) * 1000)
                assert isinstance(outcome, Killed), outcome
                assert outcome.kill.verdict is KillVerdict.KILLED
                assert process.acknowledge()
            print(f"{way.name:20}{statistics.median(took):9.0f}{max(took):7.0f}")
