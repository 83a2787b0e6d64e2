"""One client that puts one file on hosts, connecting included. A program of its own, as client.py says why.

`python -m tests.benchmarks.sender CLIENT ORDER.json` prints Sending as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

from deployx_tui.transports.base import FileMover, Sent
from tests.benchmarks.client import Order
from tests.benchmarks.clients import AT_ONCE, CONNECT, endpoint, ssh_transport
from tests.support.meters import Growth, own_cpu
from tests.support.sources import nothing

OURS, SCP, PARAMIKO = "deployx", "scp", "paramiko put()"


@dataclass(frozen=True)
class Sending:
    """Seconds, seconds of CPU, and bytes: of memory, read by this process, and read by it from the disk."""

    wall: float
    cpu: float
    growth: int
    read: int
    from_disk: int


def sending(client: str, order: Order, file: Path) -> Sending:
    """Puts the file beside the order's folder on each host, as `put-0`, `put-1`, ... Fails when one did not succeed."""
    folder = Path(order.folder)
    folder.mkdir(parents=True)
    (folder / "order.json").write_text(json.dumps(asdict(order)))
    command = [sys.executable, "-m", "tests.benchmarks.sender", client, str(folder / "order.json"), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{client}: {done.stderr[-2000:]}"
    for number in range(len(order.hosts)):
        assert (folder / f"put-{number}").stat().st_size == file.stat().st_size
        (folder / f"put-{number}").unlink()
    return Sending(**json.loads(done.stdout.splitlines()[-1]))


class File:
    """A ByteSource of a file on this machine: what lies in the kernel's cache is not read from the disk again."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self.size = path.stat().st_size
        os.fsync(self._file)  # what is not on the disk yet stays in the cache
        os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_DONTNEED)

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._file, size, offset)


def deployx(order: Order, file: Path) -> None:
    transport, source = ssh_transport(order), File(file)

    def one(number: int) -> bool:
        place = Path(order.folder, f"put-{number}")
        place.touch()
        connection = transport.connect(endpoint(order, order.hosts[number]), CONNECT, Event())
        assert isinstance(connection, FileMover), connection
        return isinstance(connection.put(source, str(place), 0, nothing, Event()), Sent)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert all(threads.map(one, range(len(order.hosts))))


def scp(order: Order, file: Path) -> None:
    address, port = order.hosts[0]
    options = f"-q -F none -i {order.key_file} -o UserKnownHostsFile={order.known_hosts} -o BatchMode=yes"
    place = f"{order.user}@{address}:{order.folder}/put-0"
    subprocess.run(["scp", *options.split(), "-P", str(port), str(file), place], check=True)


def paramiko_put(order: Order, file: Path) -> None:
    import paramiko

    client = paramiko.SSHClient()
    client.load_host_keys(order.known_hosts)
    address, port = order.hosts[0]
    client.connect(address, port, order.user, key_filename=order.key_file, allow_agent=False, look_for_keys=False)
    client.open_sftp().put(str(file), f"{order.folder}/put-0")


CLIENTS: dict[str, Callable[[Order, Path], None]] = {OURS: deployx, SCP: scp, PARAMIKO: paramiko_put}


def _io() -> tuple[int, int]:
    rows = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(rows["rchar"]), int(rows["read_bytes"])


def main(name: str, order_file: Path, file: Path) -> None:
    facts = json.loads(order_file.read_text())
    order = Order(**{**facts, "hosts": tuple((address, port) for address, port in facts["hosts"])})
    grown, before, used, begun = Growth(), _io(), own_cpu(), time.perf_counter()
    CLIENTS[name](order, file)
    wall, cpu = time.perf_counter() - begun, own_cpu() - used
    read, from_disk = (now - then for now, then in zip(_io(), before, strict=True))
    print(json.dumps(asdict(Sending(wall, cpu, grown.peak, read, from_disk))), flush=True)
    os._exit(0)  # closing many connections is not measured


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
