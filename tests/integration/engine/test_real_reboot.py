"""Durable runs on a machine that is really restarted: by its own command, by an order from outside, by a power cut.

What `test_reboot.py` says of a boot that only seems another, said of another boot. Each takes half a minute and more: a
machine goes down and comes up, and after a power cut the silence has to be noticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.execution import Cause, Stream, TargetResult, TargetState
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.payload import CommandPayload, Commands, Line, Reboot
from deployx_tui.store.database import Database
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.support.bench import Bench, engine_on
from tests.support.machine import Machine, machine

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

#: seconds; an emulated machine on a busy one goes down and comes up in this time
BOOT = 300.0
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("machine")) as made:
        yield made


@pytest.fixture
def bench(sqlite_database: Database, tmp_path: Path, target: Machine) -> Iterator[Bench]:
    ssh = SshTransport(SshSettings(known_hosts=tmp_path / "known_hosts", known_hosts_beside=(target.known_hosts,)))
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.SSH: ssh}) as bench:
        key_file = str(target.key_file)
        bench.add(
            DeviceDraft(name="guest", address=target.address, port=target.port, user=target.user, key_file=key_file)
        )
        yield bench
    ssh.shutdown()


def durable(*commands: str, reboot: Reboot = Reboot.NEVER) -> CommandPayload:
    body = Commands(commands) if len(commands) > 1 else Line(*commands)
    return CommandPayload(body=body, durable=True, reboot=reboot)


def the_target(bench: Bench, execution: ExecutionId) -> TargetResult:
    bench.ended(execution, BOOT)
    return bench.targets(execution)["guest"]


def begun(bench: Bench, payload: CommandPayload, said: bytes) -> ExecutionId:
    """Queue it, and return when this has come of its output."""
    execution = bench.queue(payload, timeout=BOOT)
    bench.until(lambda: bool(bench.targets(execution)))
    bench.until(lambda: bench.targets(execution)["guest"].state is not TargetState.WAITING)
    one, offset, heard = bench.targets(execution)["guest"].id, 0, b""
    while said not in heard:
        assert bench.output.wait(one, offset, timedelta(seconds=60))
        read = bench.output.read(execution, one, Stream.STDOUT, 0)
        heard, offset = b"".join(chunk.data for chunk in read.chunks), read.total
    return execution


@pytest.mark.parametrize(
    "restarts", ["reboot", "reboot; sleep 600", "reboot -f"], ids=["asked", "waited for", "at once"]
)
def test_the_rest_runs_once_in_the_other_boot(bench: Bench, target: Machine, restarts: str) -> None:
    before = target.ask(BOOT_ID)
    target.ask("rm -f /var/tmp/oracle")
    first = f"echo before | tee -a /var/tmp/oracle; sync; {restarts}"
    rest = f"echo after | tee -a /var/tmp/oracle; {BOOT_ID}"
    found = the_target(bench, bench.queue(durable(first, rest, reboot=Reboot.EXPECTED), timeout=BOOT))
    assert (found.state, found.error_message) == (TargetState.SUCCEEDED, "")
    after = target.ask(BOOT_ID)
    assert after != before
    assert bench.output_of(found).decode() == f"before\nafter\n{after}"
    assert target.ask("cat /var/tmp/oracle") == "before\nafter\n"
    assert "dx-" not in target.ask("ls /var/tmp"), "its traces are gone"


@pytest.mark.parametrize("sync", ["true", "sync"], ids=["nothing", "a part"])
def test_what_a_power_cut_ended_is_lost_with_that_reason_whatever_its_disk_had_written(
    bench: Bench, target: Machine, sync: str
) -> None:
    before = target.ask(BOOT_ID)
    execution = begun(bench, durable(f"echo before; {sync}; echo go; sleep 600"), b"go\n")
    target.cut_power()
    found = the_target(bench, execution)
    assert (found.state, found.cause) == (TargetState.LOST, Cause.LOST)
    assert "restarted while it ran" in found.error_message
    assert bench.output_of(found) == b"before\ngo\n"
    assert target.ask(BOOT_ID) != before


def test_what_an_order_from_outside_ended_says_what_ended_it(bench: Bench, target: Machine) -> None:
    """The system told it to end, and it was written down before the machine went."""
    execution = begun(bench, durable("echo before; exec sleep 600"), b"before\n")
    target.ask("(sleep 1; reboot) </dev/null >/dev/null 2>&1 &")
    found = the_target(bench, execution)
    assert (found.state, found.signal) == (TargetState.FAILED, "TERM")
    assert bench.output_of(found) == b"before\n"
