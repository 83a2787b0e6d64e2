"""300 hosts, 5 MB of output each: every byte arrives, and memory does not grow with it."""

from __future__ import annotations

import hashlib
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.demo.fleet import Fleet, FleetHost
from deployx_tui.model.execution import Stream
from deployx_tui.transports.base import CommandSpec, Exited, run
from deployx_tui.transports.kinds import raise_file_limit
from tests.contract.transport.site import CONNECT
from tests.support.meters import resident
from tests.support.ssh import endpoint_of, transport_to

HOSTS, SIZE, AT_ONCE = 300, 5_000_000, 64
#: openssl's keystream, another one for each host
SCRIPT = "head -c {size} /dev/zero | openssl enc -aes-128-ctr -nosalt -k {name} -md sha256 2>/dev/null"


@pytest.mark.long
@pytest.mark.timeout(900)
def test_300_hosts_with_5_mb_each_arrive_whole_in_little_memory(tmp_path: Path) -> None:
    raise_file_limit()
    peak = 0

    with Fleet.start(HOSTS, tmp_path / "fleet", "sshd") as fleet, ThreadPoolExecutor(AT_ONCE) as pool:
        transport = transport_to(fleet, tmp_path)

        def one(host: FleetHost) -> tuple[str, int]:
            nonlocal peak
            digest, count = hashlib.sha256(), 0

            def sink(stream: Stream, data: bytes, at: datetime) -> None:
                nonlocal count, peak
                digest.update(data)
                count += len(data)
                peak = max(peak, resident())

            spec = CommandSpec(script=SCRIPT.format(size=SIZE, name=host.name))
            assert run(transport, endpoint_of(host), spec, sink, Event(), CONNECT) == Exited(0)
            return digest.hexdigest(), count

        before = resident()
        found = list(pool.map(one, fleet.hosts))
        transport.shutdown()
    for host, (digest, count) in zip(fleet.hosts, found, strict=True):
        command = SCRIPT.format(size=SIZE, name=host.name) + " | sha256sum"
        expected = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout.split()[0]
        assert (digest, count) == (expected, SIZE), host
    print(f"grew by {(peak - before) / 2**20:.0f} MiB")
    assert peak - before < 64 * 2**20
