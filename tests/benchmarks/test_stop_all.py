"""F9 on 200 hosts: from the request to the last signal sent, on the product as it is started.

pytest -m benchmark -s tests/benchmarks/test_stop_all.py. The hosts are 200 sshd on loopback addresses, each with a view
of its own processes only (a pid namespace), as 200 machines have; but this one machine does the work of them all. The
moments of death are the kernel's word (pidfd): a TERM ends `sleep` at once, so the last death is the last signal sent.
"""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.device import DeviceDraft
from deployx_tui.model.execution import ExecutionStatus, KillVerdict, TargetState
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.service.backend import Backend
from deployx_tui.service.process import attach_or_start
from tests.support.processes import Place, only_place
from tests.support.require import require, require_program

HOSTS = 200
#: found in no other process's arguments
NAP = f"{100_000 + os.getpid()}.25"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with only_place(tmp_path, monkeypatch) as place:
        yield place


def naps() -> list[int]:
    """Of the `sleep` processes, as `ps` tells."""
    rows = subprocess.run(["ps", "-e", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    return [int(row.split()[0]) for row in rows.splitlines() if row.split()[1:] == ["sleep", NAP]]


def cpu_of(pid: int) -> float:
    """Seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def over(backend: Backend, execution: ExecutionId) -> None:
    while (await backend.executions.get(execution)).status.is_alive:
        await asyncio.sleep(0.05)


def last_death(descriptors: list[int], since: float) -> tuple[float, float]:
    """Seconds until the first and the last of them ended."""
    left, first = set(descriptors), 0.0
    poll = select.poll()
    for each in left:
        poll.register(each, select.POLLIN)
    while left:
        for each, _ in poll.poll():
            poll.unregister(each)
            left.discard(each)
            first = first or time.perf_counter() - since
    return first, time.perf_counter() - since


def _apart(folder: Path) -> Path:
    """A folder with a `sshd` that sees and shows its own processes only."""
    require_program("unshare")
    require(subprocess.run(["unshare", "-pf", "true"], check=False).returncode == 0, "the right to a pid namespace")
    programs = folder / "programs"
    programs.mkdir()
    sshd = require_program("sshd", "/usr/sbin/sshd")
    wrapper = programs / "sshd"
    wrapper.write_text(f'#!/bin/sh\nexec unshare -pf --mount-proc --kill-child {sshd} "$@"\n')
    wrapper.chmod(0o755)
    return programs


@pytest.mark.benchmark
@pytest.mark.timeout(600)
async def test_stop_all_on_200_hosts(tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{_apart(tmp_path)}:{os.environ['PATH']}")
    with (
        Fleet.start(HOSTS, tmp_path / "fleet", "sshd", per_server=1) as fleet,
        place.serving(DEPLOYX_WORKERS=str(HOSTS)) as (engine, _),
    ):
        (tmp_path / "config").mkdir(mode=0o700, exist_ok=True)
        (tmp_path / "config" / "known_hosts").write_text(fleet.known_hosts.read_text())
        backend = await attach_or_start(place.settings())
        for host in fleet.hosts:
            await backend.devices.create(
                DeviceDraft(
                    name=host.name, address=host.address, port=host.port, user=host.user, key_file=host.key_file
                )
            )
        run = await backend.executions.run_ad_hoc(
            CommandPayload(body=Line(f"exec sleep {NAP}")), "*", str(uuid.uuid4()), timedelta(hours=1)
        )
        while len(pids := naps()) < HOSTS:
            one = await backend.executions.get(run)
            assert one.status in (ExecutionStatus.QUEUED, ExecutionStatus.RUNNING), one
            await asyncio.sleep(0.5)
        descriptors = [os.pidfd_open(pid) for pid in pids]
        since, used = time.perf_counter(), cpu_of(engine.pid)
        watching = asyncio.create_task(asyncio.to_thread(last_death, descriptors, since))
        report = await backend.engine.stop_all()
        answered = time.perf_counter() - since
        first, last = await watching
        busy = cpu_of(engine.pid) - used
        await over(backend, run)
        verified = time.perf_counter() - since
        assert naps() == []
        assert report.targets == HOSTS
        page = await backend.executions.targets(run)
        assert {target.state for target in page.items} == {TargetState.CANCELLED}
        await backend.close()
        print(
            f"\nstop all on {HOSTS} hosts: answered after {answered:.2f} s, first signal {first:.2f} s, "
            f"last signal {last:.2f} s (CPU of the engine until then {busy:.2f} s), "
            f"every death verified and stored after {verified:.2f} s; "
            f"load {os.getloadavg()[0]:.1f}"
        )
        verdicts = Counter(target.kill and target.kill.verdict for target in page.items)
        for each in descriptors:
            os.close(each)
        assert verdicts == {KillVerdict.KILLED: HOSTS}
