"""kill -9 in the middle of a large file: the next engine goes on with it, at the byte that is verified.

What went over is counted on the way to the hosts. The default run kills twice; `pytest -m long` a hundred times.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import EngineId
from deployx_tui.output.store import OutputStore
from deployx_tui.store import changes
from deployx_tui.store.database import Database
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.support.bench import Bench, engine_on
from tests.support.proxy import Proxy
from tests.support.rows import add_user
from tests.support.ssh import Fleets
from tests.support.stored_artifacts import contents_beside
from tests.support.vaults import vault_in

SEED = int(os.environ.get("CRASH_SEED", "20260301"))
HOSTS = 2
SIZE = 24 << 20
#: bytes on their way at a kill, and what is said of them
IN_FLIGHT = 6 << 20


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleets() as fleets:
        yield fleets.get(count=HOSTS)


def test_two_kills_in_the_middle_of_a_large_file_cost_what_was_on_its_way(
    sqlite_url: str, tmp_path: Path, fleet: Fleet
) -> None:
    _killed(sqlite_url, tmp_path, fleet, (0.4, 0.8))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_hundred_kills_at_random_points(database_url: str, tmp_path: Path, fleet: Fleet) -> None:
    chance = random.Random(SEED)
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        points = sorted(chance.uniform(0.001, 1.02) for _ in range(5))
        _killed(database_url, folder, fleet, points, name=f"large{number}", seed=number)


def _killed(url: str, folder: Path, fleet: Fleet, points: Sequence[float], name: str = "large", seed: int = 0) -> None:
    """Put a file on every host; kill the engine whenever such a part of it went to the first one."""
    content = random.Random(SEED + seed).randbytes(SIZE)
    output = folder / "output"
    database = Database.open(url)
    places = [Path(host.home) / "srv" for host in fleet.hosts]
    for place in places:
        place.mkdir(exist_ok=True)
    known_hosts = folder / "known_hosts"
    known_hosts.touch()
    try:
        with _proxies(fleet, known_hosts) as proxies:
            with database.write() as c:
                owner = add_user(c, f"ann{seed}")
            contents = contents_beside(database, output)
            with _engine(url, output, known_hosts) as (child, engine):
                elsewhere: Any = _Elsewhere(engine)  # as far as it is used
                here = Bench(
                    database, elsewhere, OutputStore(database, output), owner, vault_in(database, folder), contents
                )
                devices = [
                    here.add(
                        DeviceDraft(
                            name=f"{name}-{number}",
                            address=proxy.address,
                            port=proxy.port,
                            user=host.user,
                            key_file=host.key_file,
                        )
                    )
                    for number, (proxy, host) in enumerate(zip(proxies, fleet.hosts, strict=True))
                ]
                proxies[0].go_on(int(points[0] * SIZE))
                artifact = here.add_file(name, content)
                payload = FilePayload(items=(FileItem(artifact=artifact),), target_path=f"~/srv/{name}")
                execution = here.queue(payload, devices)
                _kill_at_the_point(here, execution, child, proxies[0])
            for point in points[1:]:
                proxies[0].go_on(max(int(point * SIZE), proxies[0].sent + 1))
                with _engine(url, output, known_hosts) as (child, _):
                    _kill_at_the_point(here, execution, child, proxies[0])
            proxies[0].go_on()
            transport = SshTransport(SshSettings(known_hosts=known_hosts))
            try:
                with engine_on(database, output, {TransportKind.SSH: transport}, owner=owner) as bench:
                    run = bench.ended(execution)
                    found = bench.targets(run)
            finally:
                transport.shutdown()
            assert run.status is ExecutionStatus.SUCCEEDED, found
            assert {target.attempts for target in found.values()} == {1}
            assert run.targets.changed == HOSTS
            for place, proxy in zip(places, proxies, strict=True):
                assert (place / name).read_bytes() == content
                assert [path.name for path in place.iterdir()] == [name], "nothing is left behind"
                assert proxy.sent < min(2.0, 1.2 + len(points) * IN_FLIGHT / SIZE) * SIZE, "it went on"
            with database.read() as c:
                assert [each.count for each in changes.of_execution(c, execution)] == [1] * HOSTS
    finally:
        database.close()
        for place in places:
            for path in place.iterdir():
                path.unlink()


def _kill_at_the_point(here: Bench, execution: Any, child: subprocess.Popen[str], proxy: Proxy) -> None:
    """Or when it is all over before: the last points lie behind the end."""
    while not proxy.halted.wait(0.05):
        if not here.get(execution).status.is_alive:
            break
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    proxy.cut()


@contextmanager
def _engine(url: str, output: Path, known_hosts: Path) -> Iterator[tuple[subprocess.Popen[str], EngineId]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.support.engine_process", url, str(output), str(known_hosts)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert child.stdout is not None
        word, _, engine = child.stdout.readline().strip().partition(" ")
        assert word == "ready"
        yield child, EngineId(engine)
    finally:
        child.kill()
        child.wait()


@contextmanager
def _proxies(fleet: Fleet, known_hosts: Path) -> Iterator[list[Proxy]]:
    proxies = [Proxy(host.address, host.port) for host in fleet.hosts]
    try:
        with known_hosts.open("a") as file:
            for proxy, host in zip(proxies, fleet.hosts, strict=True):
                file.write(f"[{proxy.address}]:{proxy.port} {host.host_key}\n")
        yield proxies
    finally:
        for proxy in proxies:
            proxy.stop()


class _Elsewhere:
    """Stands for the engine of the other process, which polls."""

    def __init__(self, id_: EngineId) -> None:
        self.id = id_

    def wake(self) -> None: ...
