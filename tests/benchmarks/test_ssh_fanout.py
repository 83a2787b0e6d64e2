"""Cold and warm fan-out of `true` to 200 loopback hosts, beside ssh, asyncssh and parallel-ssh.

pytest -m benchmark -s tests/benchmarks/test_ssh_fanout.py. Ratios in one run count; clients and servers share the CPUs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet
from tests.benchmarks.fanout import CLIENTS

HOSTS = 200


def measured(client: str, order: Path) -> dict[str, list[float]]:
    command = [sys.executable, "-m", "tests.benchmarks.fanout", client, str(order)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    found: dict[str, list[float]] = json.loads(answer.stdout.splitlines()[-1])
    assert set(found["ok"]) == {HOSTS}, f"{client}: {found}"
    return found


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_fan_out_of_true_to_200_hosts(tmp_path: Path) -> None:
    figures: dict[str, dict[str, list[float]]] = {}
    with Fleet.start(HOSTS, tmp_path / "fleet", "sshd") as fleet:
        for client in CLIENTS:
            folder = tmp_path / client.replace(" ", "").replace("+", "")
            folder.mkdir()
            order = folder / "hosts.json"
            order.write_text(
                json.dumps(
                    {
                        "folder": str(folder),
                        "user": fleet.hosts[0].user,
                        "key_file": fleet.hosts[0].key_file,
                        "known_hosts": str(fleet.known_hosts),
                        "hosts": [(host.address, host.port) for host in fleet.hosts],
                    }
                )
            )
            figures[client] = measured(client, order)
    ours = figures["deployx"]
    heads = f"{'cold: s':>9}{'CPU ms a host':>15}{'warm: s':>9}{'CPU ms a host':>15}"
    print(f"\n{'':22}{heads}   deployx / it: cold s, CPU; warm s, CPU")
    for client, found in figures.items():
        cells = [found["cold"][0], found["cold"][1] * 1000 / HOSTS, found["warm"][0], found["warm"][1] * 1000 / HOSTS]
        ratios = [ours[kind][n] / found[kind][n] for kind in ("cold", "warm") for n in (0, 1)]
        print(
            f"{client:22}{cells[0]:9.2f}{cells[1]:15.2f}{cells[2]:9.2f}{cells[3]:15.2f}"
            f"   {ratios[0]:.2f}, {ratios[1]:.2f}; {ratios[2]:.2f}, {ratios[3]:.2f}"
        )
