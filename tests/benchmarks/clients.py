"""The clients that are compared: ours without and with its engine, and those that people use."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.device import DeviceDraft, HostKeyPolicy, TransportKind
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.ids import DeviceId
from deployx_tui.store.database import Database
from deployx_tui.transports.base import CommandSpec, Endpoint, Exited, run
from deployx_tui.transports.kinds import raise_file_limit
from deployx_tui.transports.posix import wrapper
from deployx_tui.transports.posix.process import with_nonce
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.benchmarks.client import Order
from tests.support.bench import engine_on

if TYPE_CHECKING:
    import asyncssh

AT_ONCE = 64
CONNECT = timedelta(seconds=60)
#: open as long as the program, which ends without closing anything
_OPEN = ExitStack()

#: one pass of a script over all hosts; returns how many succeeded and said at least so many bytes
Client = Callable[[str, int], int]


def ssh_transport(order: Order) -> SshTransport:
    raise_file_limit()
    return SshTransport(
        SshSettings(known_hosts=Path(order.folder) / "ours", known_hosts_beside=(Path(order.known_hosts),))
    )


def endpoint(order: Order, host: tuple[str, int]) -> Endpoint:
    return Endpoint(
        device_id=DeviceId(1),
        name=host[0],
        address=host[0],
        port=host[1],
        user=order.user,
        transport=TransportKind.SSH,
        key_file=order.key_file,
        host_key_policy=HostKeyPolicy.STRICT,
    )


def deployx(order: Order) -> Client:
    """Our SSH client alone."""
    transport = ssh_transport(order)

    def one(host: tuple[str, int], script: str, size: int) -> bool:
        said = 0

        def sink(stream: object, data: bytes, at: object) -> None:
            nonlocal said
            said += len(data)

        outcome = run(transport, endpoint(order, host), CommandSpec(script=script), sink, Event(), CONNECT)
        return outcome == Exited(0) and said >= size

    return _by_threads(order, one)


def _by_threads(order: Order, one: Callable[[tuple[str, int], str, int], bool]) -> Client:
    pool = ThreadPoolExecutor(AT_ONCE)
    each = pool.map if len(order.hosts) > 1 else map
    return lambda script, size: sum(each(lambda host: one(host, script, size), order.hosts))


def engine(order: Order) -> Client:
    """All of ours below the faces: planned, claimed, run, its output masked and kept, its results in a database.

    A pass lasts from the commit that asks for it to the one that ends it.
    """
    folder = Path(order.folder)
    (folder / "data").mkdir(mode=0o700)
    database = Database.open(f"sqlite:///{folder / 'data' / 'deployx.db'}")
    settings = EngineSettings(workers=AT_ONCE, connect_timeout=CONNECT)
    bench = _OPEN.enter_context(
        engine_on(database, folder / "output", {TransportKind.SSH: ssh_transport(order)}, settings)
    )
    for number, (address, port) in enumerate(order.hosts):
        bench.add(
            DeviceDraft(
                name=f"web{number}",
                address=address,
                port=port,
                user=order.user,
                key_file=order.key_file,
                host_key_policy=HostKeyPolicy.STRICT,
            )
        )

    def client(script: str, size: int) -> int:
        execution = bench.queue(script)
        bench.until(bench.engine.is_idle)  # asks the database only when nothing runs
        ended = bench.get(execution)
        assert ended.status is ExecutionStatus.SUCCEEDED, ended.error_message
        return sum(target.stdout_bytes >= size for target in bench.targets(ended).values())

    return client


def openssh(order: Order) -> Client:
    """`ssh` under `xargs -P`, with ControlMaster: the cold pass leaves the masters that the warm ones use."""
    # a short path: a socket's may have 104 bytes
    masters = tempfile.mkdtemp(prefix="dxb-", dir="/tmp")
    return _xargs(order, f" -o ControlMaster=auto -o ControlPath={masters}/%C -o ControlPersist=60")


def openssh_alone(order: Order) -> Client:
    """`ssh` under `xargs -P` as most people use it: every pass connects anew."""
    return _xargs(order, "")


def _ssh(order: Order) -> str:
    return (
        f"ssh -F none -i {order.key_file} -o UserKnownHostsFile={order.known_hosts} -o BatchMode=yes"
        " -o IdentitiesOnly=yes"
    )


def _xargs(order: Order, more: str) -> Client:
    lines = "".join(f"{port} {order.user}@{address}\n" for address, port in order.hosts)

    def client(script: str, size: int) -> int:
        # 2>&1 into nothing: a master that stays would hold the pipe open
        one = f"{_ssh(order)}{more} -p $0 $1 '{script}' </dev/null >/dev/null 2>&1 && echo ok"
        command = ["xargs", "-P", str(AT_ONCE), "-L1", "sh", "-c", one]
        return subprocess.run(command, input=lines, capture_output=True, text=True, check=False).stdout.count("ok")

    return client


def openssh_read(order: Order) -> Client:
    """`ssh`, and its output read by a pipe. It connects anew each time."""

    def one(host: tuple[str, int], script: str, size: int) -> bool:
        command = [*_ssh(order).split(), "-p", str(host[1]), f"{order.user}@{host[0]}", script]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert process.stdout is not None
        said = 0
        while data := process.stdout.read1(65536):  # type: ignore[attr-defined]  # Popen's pipe is a BufferedReader
            said += len(data)
        return process.wait() == 0 and said >= size

    return _by_threads(order, one)


def paramiko_read(order: Order) -> Client:
    """paramiko as its manual shows it: `stdout.read()`."""
    import paramiko

    held: dict[tuple[str, int], paramiko.SSHClient] = {}

    def one(host: tuple[str, int], script: str, size: int) -> bool:
        if host not in held:
            held[host] = client = paramiko.SSHClient()
            client.load_host_keys(order.known_hosts)
            client.connect(
                host[0], host[1], order.user, key_filename=order.key_file, allow_agent=False, look_for_keys=False
            )
        _, stdout, _ = held[host].exec_command(script)
        said = len(stdout.read())
        return stdout.channel.recv_exit_status() == 0 and said >= size

    return _by_threads(order, one)


def asyncssh_client(order: Order) -> Client:
    async def one(connection: asyncssh.SSHClientConnection, script: str, size: int) -> bool:
        process = await connection.create_process(script, encoding=None, stdin=-3)
        return await _heard(process) >= size

    return _by_asyncssh(order, one)


def asyncssh_same_text(order: Order) -> Client:
    """asyncssh made to do on the target what ours does there: `exec sh`, and our text on its standard input."""

    async def one(connection: asyncssh.SSHClientConnection, script: str, size: int) -> bool:
        text = wrapper.start_text(with_nonce(CommandSpec(script=script)))
        assert isinstance(text, bytes)
        process = await connection.create_process("exec sh", encoding=None)
        process.stdin.write(text)
        return await _heard(process) >= size

    return _by_asyncssh(order, one)


async def _heard(process: Any) -> int:
    """Bytes that it said; -1: it failed."""
    said = 0
    while data := await process.stdout.read(65536):
        said += len(data)
    return said if (await process.wait()).exit_status == 0 else -1


def _by_asyncssh(order: Order, one: Callable[[asyncssh.SSHClientConnection, str, int], Any]) -> Client:
    import asyncssh

    loop = asyncio.new_event_loop()
    held: dict[tuple[str, int], asyncssh.SSHClientConnection] = {}
    key = asyncssh.read_private_key(order.key_file)
    known_hosts = asyncssh.read_known_hosts(order.known_hosts)

    async def on(host: tuple[str, int], places: asyncio.Semaphore, script: str, size: int) -> bool:
        async with places:
            if host not in held:
                held[host] = await asyncssh.connect(
                    host[0],
                    host[1],
                    username=order.user,
                    client_keys=[key],
                    known_hosts=known_hosts,
                    agent_path=None,
                    config=None,
                )
            return bool(await one(held[host], script, size))

    async def everyone(script: str, size: int) -> int:
        places = asyncio.Semaphore(AT_ONCE)
        return sum(await asyncio.gather(*(on(host, places, script, size) for host in order.hosts)))

    return lambda script, size: loop.run_until_complete(everyone(script, size))


def parallel_ssh(order: Order) -> Client:
    from pssh.clients import ParallelSSHClient
    from pssh.config import HostConfig

    client = ParallelSSHClient(
        [address for address, _ in order.hosts],
        user=order.user,
        pkey=order.key_file,
        pool_size=AT_ONCE,
        allow_agent=False,
        identity_auth=False,
        host_config=[HostConfig(port=port) for _, port in order.hosts],
    )

    def go(script: str, size: int) -> int:
        output = client.run_command(script, stop_on_errors=False)
        client.join(output)
        return sum(1 for host in output if host.exit_code == 0)

    return go


OURS, ENGINE, ASYNCSSH, SAME_TEXT = "deployx", "deployx, engine", "asyncssh", "asyncssh, our text"
MASTER, SSH, PARALLEL, PARAMIKO, READ = "ssh + ControlMaster", "ssh", "parallel-ssh", "paramiko read()", "ssh | read"

CLIENTS: dict[str, Callable[[Order], Client]] = {
    OURS: deployx,
    ENGINE: engine,
    MASTER: openssh,
    SSH: openssh_alone,
    ASYNCSSH: asyncssh_client,
    SAME_TEXT: asyncssh_same_text,
    PARALLEL: parallel_ssh,
    PARAMIKO: paramiko_read,
    READ: openssh_read,
}
