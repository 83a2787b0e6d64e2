"""The engine on what it is for: real shells on this machine and real sshd processes."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from deployx_tui.demo.fleet import Fleet, FleetHost
from deployx_tui.engine.kept_keys import KeptKeys
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.device import Contact, DeviceDraft, HostKeyPolicy, TransportKind
from deployx_tui.model.execution import Cause, Execution, ExecutionStatus, KillVerdict, Stream, TargetState
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.payload import CommandPayload, Commands, Line, Script, Shell
from deployx_tui.store import devices, schema
from deployx_tui.store.database import Database
from deployx_tui.transports.base import Transport
from deployx_tui.transports.kinds import raise_file_limit
from deployx_tui.transports.local import LocalTransport
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.support.bench import Bench, engine_on
from tests.support.meters import resident
from tests.support.ssh import Fleets


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleets() as fleets:
        yield fleets.get(count=20)


@pytest.fixture
def bench(sqlite_database: Database, tmp_path: Path, fleet: Fleet) -> Iterator[Bench]:
    kept = KeptKeys(sqlite_database)
    ssh = SshTransport(
        SshSettings(known_hosts=tmp_path / "known_hosts", known_hosts_beside=(fleet.known_hosts,), key_kept=kept)
    )
    transports: dict[TransportKind, Transport] = {TransportKind.SSH: ssh, TransportKind.LOCAL: LocalTransport()}
    settings = EngineSettings(connect_timeout=timedelta(seconds=20))
    with engine_on(sqlite_database, tmp_path / "output", transports, settings) as bench:
        kept.engine_id = bench.engine.id
        yield bench
    for transport in transports.values():
        transport.shutdown()


def draft_of(host: FleetHost, name: str = "") -> DeviceDraft:
    return DeviceDraft(
        name=name or host.name, address=host.address, port=host.port, user=host.user, key_file=host.key_file
    )


def add_fleet(bench: Bench, fleet: Fleet, count: int) -> tuple[DeviceId, ...]:
    return tuple(bench.add(draft_of(host, f"web{n}")) for n, host in enumerate(fleet.hosts[:count], start=1))


def test_a_command_runs_on_real_hosts_with_its_streams_and_codes_apart(bench: Bench, fleet: Fleet) -> None:
    add_fleet(bench, fleet, 4)
    payload = CommandPayload(
        body=Script('echo "out $NAME"\necho err >&2\nexit 3'),
        environment=(("NAME", "it's"),),
        success_codes=frozenset({0, 3}),
    )
    run = bench.run(payload)
    assert run.status is ExecutionStatus.SUCCEEDED
    for target in bench.targets(run).values():
        assert target.exit_code == 3
        assert bench.output_of(target) == b"out it's\n"
        assert bench.output_of(target, Stream.STDERR) == b"err\n"


def test_one_host_that_is_down_is_unreachable_and_the_run_partly_succeeds(bench: Bench, fleet: Fleet) -> None:
    add_fleet(bench, fleet, 2)
    dead = bench.add(DeviceDraft(name="web9", address="127.0.0.1", port=1))
    run = bench.run("true")
    assert run.status is ExecutionStatus.PARTIALLY_SUCCEEDED
    target = bench.targets(run)["web9"]
    assert (target.state, target.cause, target.changed) == (TargetState.UNREACHABLE, Cause.REFUSED, False)
    with bench.database.read() as c:
        assert devices.get(c, dead).contact is Contact.UNREACHABLE


def test_all_failed_is_failed(bench: Bench, fleet: Fleet) -> None:
    add_fleet(bench, fleet, 2)
    run = bench.run("exit 4")
    assert run.status is ExecutionStatus.FAILED
    assert run.error_message == "exit 4 on all 2 targets"


def test_a_missing_shell_is_a_failed_target(bench: Bench, fleet: Fleet) -> None:
    add_fleet(bench, fleet, 1)
    run = bench.run(CommandPayload(body=Line("x"), shell=Shell.PWSH))
    target = bench.targets(run)["web1"]
    assert (target.state, target.cause) == (TargetState.FAILED, Cause.SHELL)


def test_commands_stop_at_the_first_that_fails(bench: Bench, fleet: Fleet) -> None:
    add_fleet(bench, fleet, 1)
    run = bench.run(CommandPayload(body=Commands(("echo one", "exit 5", "echo three"))))
    target = bench.targets(run)["web1"]
    assert target.error_message == "command 2 of 3 (exit 5): exit 5"
    assert bench.output_of(target) == b"one\n"


def test_a_command_that_takes_too_long_is_killed_and_looked_at(bench: Bench, fleet: Fleet) -> None:
    add_fleet(bench, fleet, 2)
    run = bench.run("sleep 1000", timeout=1)
    assert run.status is ExecutionStatus.FAILED
    for target in bench.targets(run).values():
        assert (target.state, target.cause) == (TargetState.TIMED_OUT, Cause.TIMEOUT)
        assert target.kill is not None
        assert target.kill.verdict is KillVerdict.KILLED


def test_a_cancel_kills_the_remote_processes(bench: Bench, fleet: Fleet) -> None:
    add_fleet(bench, fleet, 3)
    execution = bench.queue("echo begun; sleep 1000")
    bench.until(lambda: sum(t.stdout_bytes for t in bench.targets(execution).values()) == 18)
    bench.cancel(execution)
    run = bench.ended(execution)
    assert run.status is ExecutionStatus.CANCELLED
    for target in bench.targets(run).values():
        assert target.state is TargetState.CANCELLED
        assert target.kill is not None
        assert target.kill.verdict is KillVerdict.KILLED


def test_output_is_read_while_the_remote_command_runs(bench: Bench, fleet: Fleet, tmp_path: Path) -> None:
    add_fleet(bench, fleet, 1)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    execution = bench.queue(f"echo working; read x < {gate}; echo done")
    bench.until(lambda: bool(bench.targets(execution)))
    target = bench.targets(execution)["web1"]
    bench.until(lambda: bench.output_of(target) == b"working\n")
    assert bench.get(execution).status is ExecutionStatus.RUNNING
    gate.write_text("go\n")
    bench.ended(execution)
    assert bench.output_of(target) == b"working\ndone\n"


def test_an_unknown_host_key_is_refused_unattended_with_the_remedy_and_kept_where_a_group_says_so(
    bench: Bench, fleet: Fleet, tmp_path: Path
) -> None:
    host = fleet.hosts[0]
    # the fleet's keys are known for its addresses; by another port's name nothing is known of it
    with _forwarder(host) as port:
        draft = replace(draft_of(host, "new"), address="127.0.0.1", port=port)
        device = bench.add(draft)
        run = bench.run("true", on="new")
        target = bench.targets(run)["new"]
        assert (target.state, target.cause) == (TargetState.UNREACHABLE, Cause.HOST_KEY)
        assert "deployx device trust new" in target.error_message
        with bench.database.write() as c:
            assert devices.get(c, device).contact is Contact.HOST_KEY
            devices.change(c, device, replace(draft, host_key_policy=HostKeyPolicy.ACCEPT_NEW), None, 1)
        assert bench.run("true", on="new").status is ExecutionStatus.SUCCEEDED
        with bench.database.read() as c:
            assert devices.get(c, device).contact is Contact.OK
            entry = c.execute(sa.select(schema.audit)).one()
    assert (entry.action, entry.noun, entry.object_id) == ("device.trust", "device", device)
    assert entry.engine_id == bench.engine.id
    assert "SHA256:" in entry.detail


class _forwarder:  # noqa: N801 - used as a context manager
    """A port of 127.0.0.1 that leads to a host, so that it has a name which known_hosts does not hold."""

    def __init__(self, host: FleetHost) -> None:
        self._host = host

    def __enter__(self) -> int:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        port: int = self._listener.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection((self._host.address, self._host.port))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(a, b), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(1)
    except OSError:
        return


def test_local_commands_run_beside_remote_ones(bench: Bench, fleet: Fleet) -> None:
    add_fleet(bench, fleet, 1)
    bench.add_devices("here")
    run = bench.run("echo $((6 * 7))")
    assert run.status is ExecutionStatus.SUCCEEDED
    assert {bench.output_of(target) for target in bench.targets(run).values()} == {b"42\n"}


def test_every_byte_of_twenty_hosts_arrives(bench: Bench, fleet: Fleet) -> None:
    add_fleet(bench, fleet, 20)
    run = bench.run(CommandPayload(body=Script(speak(1 << 20))))
    assert run.status is ExecutionStatus.SUCCEEDED
    check_bytes(bench, fleet, run, 1 << 20)


def speak(size: int) -> str:
    """A script that writes `size` bytes to stdout and half as many to stderr, at once: each host its own."""
    return (
        'speak() { awk -v n=$1 -v s="$2" \'BEGIN { while (n > 0) { '
        'l = s "-" n "-0123456789abcdefghijklmnopqrstuvwxyz\\n"; if (length(l) > n) l = substr(l, 1, n); '
        'printf "%s", l; n -= length(l) } }\'; }\n'
        "me=${SSH_CONNECTION#* * }; me=${me%% *}\n"
        f"speak {size} out-$me & speak {size // 2} err-$me >&2; wait"
    )


def check_bytes(bench: Bench, fleet: Fleet, run: Execution, size: int) -> None:
    by_name = bench.targets(run)
    for number, host in enumerate(fleet.hosts[: len(by_name)], start=1):
        target = by_name[f"web{number}"]
        assert (target.stdout_bytes, target.stderr_bytes) == (size, size // 2)
        out, err = said(f"out-{host.address}", size), said(f"err-{host.address}", size // 2)
        assert hashlib.sha256(bench.output_of(target)).digest() == hashlib.sha256(out).digest()
        assert hashlib.sha256(bench.output_of(target, Stream.STDERR)).digest() == hashlib.sha256(err).digest()


def said(mark: str, size: int) -> bytes:
    """What `speak` of the script writes."""
    lines = []
    left = size
    while left > 0:
        line = f"{mark}-{left}-0123456789abcdefghijklmnopqrstuvwxyz\n".encode()[:left]
        lines.append(line)
        left -= len(line)
    return b"".join(lines)


@pytest.mark.long
def test_three_hundred_hosts_say_five_megabytes_each_and_the_engine_grows_by_less_than_64_mb(
    sqlite_database: Database, tmp_path: Path
) -> None:
    with Fleet.start(300, tmp_path / "fleet", "sshd") as fleet:
        raise_file_limit()
        ssh = SshTransport(SshSettings(known_hosts=tmp_path / "known_hosts", known_hosts_beside=(fleet.known_hosts,)))
        settings = EngineSettings(connect_timeout=timedelta(seconds=60))
        with engine_on(sqlite_database, tmp_path / "output", {TransportKind.SSH: ssh}, settings) as bench:
            before, watch = resident(), PeakWatch()
            with watch:
                script = speak(5_000_000 * 2 // 3)
                add_fleet(bench, fleet, 300)
                run = bench.ended(bench.queue(CommandPayload(body=Script(script))), patience=280)
            grown = watch.peak - before
            assert run.status is ExecutionStatus.SUCCEEDED, run.error_message
            check_bytes(bench, fleet, run, 5_000_000 * 2 // 3)
        ssh.shutdown()
    print(f"\n300 hosts, 5 MB each: resident memory grew by {grown / (1 << 20):.1f} MiB")
    assert grown < 64 << 20


class PeakWatch:
    """The largest `resident` while it is open, looked at 20 times a second."""

    def __init__(self) -> None:
        self.peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._done.wait(0.05):
            self.peak = max(self.peak, resident())

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
