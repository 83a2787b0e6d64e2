"""A folder of 20,000 files that a host has already: a file task of the engine beside rsync, by hash and by time.

pytest -m benchmark -s tests/benchmarks/test_file_sync.py. The client and the server share this machine.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet, FleetHost
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.store.database import Database
from tests.benchmarks.goals import say_goal
from tests.support.bench import Bench, engine_on
from tests.support.require import require_program
from tests.support.ssh import transport_to

FILES = {f"d{number // 100:03}/f{number:05}": (f"{number} " * 100).encode() for number in range(20_000)}
TIMES = 3


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet.start(1, tmp_path_factory.mktemp("sync") / "fleet", "sshd") as fleet:
        yield fleet


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_20_000_files_that_are_there(fleet: Fleet, sqlite_database: Database, tmp_path: Path) -> None:
    require_program("rsync")
    host = fleet.hosts[0]
    settings = EngineSettings(connect_timeout=timedelta(seconds=60))
    transport = transport_to(fleet, tmp_path, patience=60.0)
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.SSH: transport}, settings) as bench:
        bench.add(DeviceDraft(name="web", address=host.address, port=host.port, user=host.user, key_file=host.key_file))
        item = FileItem(artifact=bench.add_tree("site", FILES))
        hashing = FilePayload(items=(item,), target_path="~/site")
        print(f"\n{_run(bench, hashing):6.2f} s: 20,000 new files")
        quick = replace(hashing, quick=True)
        _run(bench, quick)
        ours = {words: min(_run(bench, each) for _ in range(TIMES)) for words, each in
                (("--checksum", hashing), ("--times", quick))}  # fmt: skip
    transport.shutdown()
    source = tmp_path / "site"
    for name, content in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    _rsync(host, source, fleet.known_hosts, "--times")
    for option, took in ours.items():
        theirs = min(_rsync(host, source, fleet.known_hosts, option) for _ in range(TIMES))
        print(f"{took:6.2f} s ours, {theirs:6.2f} s rsync --recursive {option}")
        say_goal(f"time / rsync {option}", took / theirs, at_most=1.5)


def _run(bench: Bench, payload: FilePayload) -> float:
    begun = time.monotonic()
    run = bench.ended(bench.queue(payload), patience=600)
    took = time.monotonic() - begun
    assert run.status is ExecutionStatus.SUCCEEDED, run.error_message
    return took


def _rsync(host: FleetHost, source: Path, known_hosts: Path, option: str) -> float:
    ssh = (
        f"ssh -q -i {host.key_file} -p {host.port} -o UserKnownHostsFile={known_hosts} "
        "-o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    )
    place = f"{host.user}@{host.address}:{host.home}/rsync"
    begun = time.monotonic()
    subprocess.run(["rsync", "--recursive", "--times", option, "-e", ssh, f"{source}/", place], check=True)
    return time.monotonic() - begun
