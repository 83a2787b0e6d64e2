"""One warm connection: round trips that a command costs near and far, and output beside ssh and asyncssh.

pytest -m benchmark -s tests/benchmarks/test_ssh_one_host.py. Ratios in one run count.
"""

from __future__ import annotations

import asyncio
import dataclasses
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event

import asyncssh
import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.transports.base import CommandSpec, Endpoint, Exited, Refused, Unknown, Unreached
from tests.support.proxy import Proxy
from tests.support.ssh import Fleets, endpoint_of, transport_to

CONNECT = timedelta(seconds=30)
COMMANDS = 21
SIZE = 200 << 20
OUTPUT = f"head -c {SIZE} /dev/zero"


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleets() as fleets:
        yield fleets.get()


#: one command; returns how many bytes it said
Client = Callable[[str], int]


def ours(endpoint: Endpoint, fleet: Fleet, folder: Path) -> Client:
    connection = transport_to(fleet, folder).connect(endpoint, CONNECT, Event())
    assert not isinstance(connection, Unreached), connection

    def client(script: str) -> int:
        said = 0

        def sink(stream: object, data: bytes, at: object) -> None:
            nonlocal said
            said += len(data)

        process = connection.start(CommandSpec(script=script))
        assert not isinstance(process, Refused | Unknown), process
        assert process.stream(sink, Event()) == Exited(0)
        return said

    return client


def by_asyncssh(endpoint: Endpoint) -> Client:
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(
        asyncssh.connect(
            endpoint.address,
            endpoint.port or 22,
            username=endpoint.user,
            client_keys=[endpoint.key_file],
            known_hosts=None,
            agent_path=None,
            config=None,
        )
    )

    async def one(script: str) -> int:
        process = await connection.create_process(script, encoding=None, stdin=asyncssh.DEVNULL)
        said = 0
        while data := await process.stdout.read(65536):
            said += len(data)
        assert (await process.wait()).exit_status == 0
        return said

    return lambda script: loop.run_until_complete(one(script))


def by_openssh(endpoint: Endpoint, fleet: Fleet) -> Client:
    command = [
        "ssh", "-F", "none", "-i", endpoint.key_file or "", "-o", f"UserKnownHostsFile={fleet.known_hosts}",
        "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-p", str(endpoint.port),
        f"{endpoint.user}@{endpoint.address}",
    ]  # fmt: skip

    def client(script: str) -> int:
        process = subprocess.Popen([*command, script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert process.stdout is not None
        said = 0
        while data := process.stdout.read1(65536):  # type: ignore[attr-defined]  # Popen's pipe is a BufferedReader
            said += len(data)
        assert process.wait() == 0
        return said

    return client


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


@pytest.mark.benchmark
@pytest.mark.timeout(300)
def test_round_trips_of_a_warm_command(fleet: Fleet, tmp_path: Path) -> None:
    print()
    for round_trip in (0.0, 0.02, 0.1):
        host = fleet.hosts[0]
        with Proxy(host.address, host.port, delay=round_trip / 2) as proxy:
            (tmp_path / "known_hosts").write_text(f"[{proxy.address}]:{proxy.port} {host.host_key}\n")
            endpoint = dataclasses.replace(endpoint_of(host), address=proxy.address, port=proxy.port)
            for name, client in (
                ("deployx", ours(endpoint, fleet, tmp_path)),
                ("asyncssh", by_asyncssh(endpoint)),
            ):
                client("true")
                took = []
                for _ in range(COMMANDS):
                    begun = time.perf_counter()
                    client("true")
                    took.append(time.perf_counter() - begun)
                middle = statistics.median(took)
                trips = f", {middle / round_trip:.2f} round trips" if round_trip else ""
                print(f"{round_trip * 1000:4.0f} ms away, {name:9}: {middle * 1000:6.1f} ms{trips}")


@pytest.mark.benchmark
@pytest.mark.timeout(300)
def test_output_of_one_host(fleet: Fleet, tmp_path: Path) -> None:
    endpoint = endpoint_of(fleet.hosts[0])
    print()
    for name, client in (
        ("deployx", ours(endpoint, fleet, tmp_path)),
        ("asyncssh", by_asyncssh(endpoint)),
        ("ssh", by_openssh(endpoint, fleet)),
    ):
        client("true")
        rates = []
        for _ in range(3):
            begun, used = time.perf_counter(), cpu()
            assert client(OUTPUT) == SIZE
            rates.append((SIZE / (time.perf_counter() - begun) / 1e6, (cpu() - used) * 1e9 / SIZE))
        rate, cost = sorted(rates)[1]
        print(f"{name:9}: {rate:5.0f} MB/s, {cost:5.2f} ms of CPU a MB")
