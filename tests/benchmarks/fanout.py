"""One client, `true` on many hosts: a cold pass (connect, run) and warm ones. A program of its own for each client.

`python -m tests.benchmarks.fanout CLIENT HOSTS.json` prints {"cold": [wall, cpu], "warm": [wall, cpu], "ok": [n]}: wall
and CPU seconds of a pass, CPU of this process and of the processes that it started; warm is the median of three.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event

from deployx_tui.model.device import HostKeyPolicy, TransportKind
from deployx_tui.model.ids import DeviceId
from deployx_tui.transports.base import CommandSpec, Endpoint, Exited, run
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport

AT_ONCE = 64
WARM_PASSES = 3


@dataclass(frozen=True)
class Fanout:
    """Where to run."""

    folder: Path
    user: str
    key_file: str
    known_hosts: str
    #: (address, port)
    hosts: list[tuple[str, int]]


#: one pass over all hosts; returns how many succeeded
Pass = Callable[[], int]


def deployx(fanout: Fanout) -> Pass:
    transport = SshTransport(
        SshSettings(known_hosts=fanout.folder / "ours", known_hosts_beside=(Path(fanout.known_hosts),))
    )
    pool = ThreadPoolExecutor(AT_ONCE)

    def one(host: tuple[str, int]) -> bool:
        endpoint = Endpoint(
            device_id=DeviceId(1),
            name=host[0],
            address=host[0],
            port=host[1],
            user=fanout.user,
            transport=TransportKind.SSH,
            key_file=fanout.key_file,
            host_key_policy=HostKeyPolicy.STRICT,
        )
        outcome = run(transport, endpoint, CommandSpec(script="true"), lambda *_: None, Event(), timedelta(seconds=30))
        return outcome == Exited(0)

    return lambda: sum(pool.map(one, fanout.hosts))


def openssh(fanout: Fanout) -> Pass:
    """`ssh` under `xargs -P`, with ControlMaster: the cold pass leaves the masters that the warm ones use."""
    # a short path: a socket's may have 104 bytes
    masters = tempfile.mkdtemp(prefix="dxb-", dir="/tmp")
    return _xargs(fanout, f" -o ControlMaster=auto -o ControlPath={masters}/%C -o ControlPersist=60")


def openssh_alone(fanout: Fanout) -> Pass:
    """`ssh` under `xargs -P` as most people use it: every pass connects anew."""
    return _xargs(fanout, "")


def _xargs(fanout: Fanout, more: str) -> Pass:
    options = (
        f"-F none -i {fanout.key_file} -o UserKnownHostsFile={fanout.known_hosts} -o BatchMode=yes"
        f" -o IdentitiesOnly=yes{more}"
    )
    lines = "".join(f"{port} {fanout.user}@{address}\n" for address, port in fanout.hosts)
    # 2>&1 into nothing: a master that stays would hold the pipe open
    script = f"ssh {options} -p $0 $1 true </dev/null >/dev/null 2>&1 && echo ok"

    def go() -> int:
        command = ["xargs", "-P", str(AT_ONCE), "-L1", "sh", "-c", script]
        return subprocess.run(command, input=lines, capture_output=True, text=True, check=False).stdout.count("ok")

    return go


def asyncssh_client(fanout: Fanout) -> Pass:
    import asyncssh

    loop = asyncio.new_event_loop()
    held: dict[tuple[str, int], asyncssh.SSHClientConnection] = {}
    key = asyncssh.read_private_key(fanout.key_file)
    known_hosts = asyncssh.read_known_hosts(fanout.known_hosts)

    async def one(host: tuple[str, int], places: asyncio.Semaphore) -> bool:
        async with places:
            if host not in held:
                held[host] = await asyncssh.connect(
                    host[0],
                    host[1],
                    username=fanout.user,
                    client_keys=[key],
                    known_hosts=known_hosts,
                    agent_path=None,
                    config=None,
                )
            return bool((await held[host].run("true")).exit_status == 0)

    async def everyone() -> int:
        places = asyncio.Semaphore(AT_ONCE)
        return sum(await asyncio.gather(*(one(host, places) for host in fanout.hosts)))

    return lambda: loop.run_until_complete(everyone())


def parallel_ssh(fanout: Fanout) -> Pass:
    from pssh.clients import ParallelSSHClient
    from pssh.config import HostConfig

    client = ParallelSSHClient(
        [address for address, _ in fanout.hosts],
        user=fanout.user,
        pkey=fanout.key_file,
        pool_size=AT_ONCE,
        allow_agent=False,
        identity_auth=False,
        host_config=[HostConfig(port=port) for _, port in fanout.hosts],
    )

    def go() -> int:
        output = client.run_command("true", stop_on_errors=False)
        client.join(output)
        return sum(1 for host in output if host.exit_code == 0)

    return go


CLIENTS: dict[str, Callable[[Fanout], Pass]] = {
    "deployx": deployx,
    "ssh + ControlMaster": openssh,
    "ssh": openssh_alone,
    "asyncssh": asyncssh_client,
    "parallel-ssh": parallel_ssh,
}


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def measure(go: Pass) -> tuple[float, float, int]:
    wall, used = time.perf_counter(), cpu()
    succeeded = go()
    return time.perf_counter() - wall, cpu() - used, succeeded


def main(name: str, order: Path) -> None:
    facts = json.loads(order.read_text())
    fanout = Fanout(
        folder=Path(facts["folder"]),
        user=facts["user"],
        key_file=facts["key_file"],
        known_hosts=facts["known_hosts"],
        hosts=[(address, port) for address, port in facts["hosts"]],
    )
    go = CLIENTS[name](fanout)
    cold = measure(go)
    warm = [measure(go) for _ in range(WARM_PASSES)]
    answer = {
        "cold": cold[:2],
        "warm": [statistics.median(one[0] for one in warm), statistics.median(one[1] for one in warm)],
        "ok": [cold[2], *(one[2] for one in warm)],
    }
    print(json.dumps(answer), flush=True)
    os._exit(0)  # closing hundreds of connections is not measured


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
