"""A file task of the engine: 8 MiB to 50 loopback hosts, the artifact read and hashed once; then found unchanged.

pytest -m benchmark -s tests/benchmarks/test_file_tasks.py. Beside it `scp`, as many at once as there are CPUs; clients
and servers share these.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet, FleetHost
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.store.contents import source
from deployx_tui.store.database import Database
from tests.benchmarks.goals import say_goal
from tests.support.bench import engine_on
from tests.support.ssh import transport_to

HOSTS = 50
SIZE = 8 << 20


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet.start(HOSTS, tmp_path_factory.mktemp("files") / "fleet", "sshd") as fleet:
        yield fleet


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_8_mib_to_50_hosts(
    fleet: Fleet, sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    real = source.read_at

    def counting(descriptor: int, size: int, offset: int) -> bytes:
        found = real(descriptor, size, offset)
        read.append(len(found))
        return found

    monkeypatch.setattr(source, "read_at", counting)
    content = hashlib.shake_256(b"8 MiB").digest(SIZE)
    settings = EngineSettings(connect_timeout=timedelta(seconds=60))
    transport = transport_to(fleet, tmp_path, patience=60.0)
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.SSH: transport}, settings) as bench:
        for number, host in enumerate(fleet.hosts):
            bench.add(
                DeviceDraft(
                    name=f"web{number}", address=host.address, port=host.port, user=host.user, key_file=host.key_file
                )
            )
        payload = FilePayload(items=(FileItem(artifact=bench.add_file("large", content)),), target_path="~/srv/large")
        took = []
        for _ in range(2):
            begun = time.monotonic()
            run = bench.ended(bench.queue(payload), patience=600)
            took.append(time.monotonic() - begun)
            assert run.status is ExecutionStatus.SUCCEEDED, run.error_message
            print(f"\n{took[-1]:6.2f} s: changed {run.targets.changed}, unchanged {run.targets.unchanged}")
    transport.shutdown()
    assert {(Path(host.home) / "srv/large").stat().st_size for host in fleet.hosts} == {SIZE}
    plain = tmp_path / "large"
    plain.write_bytes(content)
    begun = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        assert set(threads.map(lambda host: _scp(host, plain, fleet.known_hosts), fleet.hosts)) == {0}
    scp = time.monotonic() - begun
    print(f"{scp:6.2f} s: scp")
    say_goal("bytes of the artifact that were read / its size", sum(read) / SIZE, at_most=2.1)
    say_goal("time / scp", took[0] / scp, at_most=1.5)
    say_goal("a second run / the first", took[1] / took[0], at_most=0.5)


def _scp(host: FleetHost, path: Path, known_hosts: Path) -> int:
    options = [
        *("-q", "-i", host.key_file, "-P", str(host.port), "-o", f"UserKnownHostsFile={known_hosts}"),
        *("-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"),
    ]
    place = f"{host.user}@{host.address}:{host.home}/scp"
    return subprocess.run(["scp", *options, str(path), place], check=False, capture_output=True).returncode
