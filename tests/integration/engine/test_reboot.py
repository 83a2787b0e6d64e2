"""A target that its first command restarts: the rest runs once, in the other boot.

The target is this machine behind a `sh` that sees a boot id of the test's own, and that does not answer while "down".
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.payload import CommandPayload, Commands, Line, Reboot
from tests.integration.engine.test_durable import Site, begun, the_target
from tests.support.require import require, require_program


class Machine:
    def __init__(self, folder: Path) -> None:
        self.boot, self.down, self.oracle = folder / "boot", folder / "down", folder / "oracle"
        self.boot.write_text("first\n")
        self.oracle.touch()
        shells = folder / "shells"
        shells.mkdir()
        sh = shells / "sh"
        mounted = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec /bin/dash "$@"'
        become = f"exec unshare -m /bin/dash -c '{mounted}' {self.boot} \"$@\""
        sh.write_text(f"#!/bin/dash\n[ ! -e {self.down} ] || exit 1\n{become}\n")
        sh.chmod(0o755)
        self.path = f"{shells}:{os.environ['PATH']}"

    @property
    def restarts(self) -> str:
        """Everything of the session dies; it is away for a second, and then there is another boot."""
        come_back = f"sleep 1; echo second >{self.boot}; rm {self.down}"
        return f"touch {self.down}; setsid /bin/dash -c '{come_back}' & sleep 0.3; kill -KILL 0"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    require_program("unshare")
    require(subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0, "the right to mount")
    machine = Machine(tmp_path)
    monkeypatch.setenv("PATH", machine.path)
    return machine


@pytest.fixture
def there(database: object, tmp_path: Path) -> Site:
    (tmp_path / "spools").mkdir()
    return Site(database, tmp_path)  # type: ignore[arg-type]  # the fixture's own type is of another module


def restarting(*commands: str) -> CommandPayload:
    body = Commands(commands) if len(commands) > 1 else Line(*commands)
    return CommandPayload(body=body, durable=True, reboot=Reboot.EXPECTED)


def test_the_rest_runs_once_in_the_other_boot(there: Site, machine: Machine) -> None:
    first = f"echo before | tee -a {machine.oracle}; {machine.restarts}"
    second = f"echo after | tee -a {machine.oracle}; cat /proc/sys/kernel/random/boot_id"
    with there.engine() as bench:
        execution = bench.queue(restarting(first, second), timeout=60)
        target = the_target(bench, execution)
        assert (target.state, target.error_message) == (TargetState.SUCCEEDED, "")
        assert bench.output_of(target) == b"before\nafter\nsecond\n"
    assert machine.oracle.read_text() == "before\nafter\n"
    assert list(there.spools.iterdir()) == []


def test_a_restart_that_comes_after_the_command_is_waited_for(there: Site, machine: Machine) -> None:
    """As `systemctl reboot` does: it returns at once."""
    first = f"setsid /bin/dash -c 'sleep 1; echo second >{machine.boot}' & echo asked"
    with there.engine() as bench:
        execution = bench.queue(restarting(first, "cat /proc/sys/kernel/random/boot_id"), timeout=60)
        target = the_target(bench, execution)
        assert target.state is TargetState.SUCCEEDED
        assert bench.output_of(target) == b"asked\nsecond\n"


def test_the_next_engine_goes_on_waiting_and_does_not_restart_it_again(there: Site, machine: Machine) -> None:
    first = f"echo before | tee -a {machine.oracle}"
    with there.engine() as bench:
        execution = begun(bench, restarting(first, "cat /proc/sys/kernel/random/boot_id"), b"before\n", timeout=60)
        bench.until(lambda: not list(there.spools.iterdir()))
    machine.boot.write_text("second\n")
    with there.engine() as bench:
        target = the_target(bench, execution)
        assert (target.state, target.error_message) == (TargetState.SUCCEEDED, "")
        assert bench.output_of(target) == b"before\nsecond\n"
    assert machine.oracle.read_text() == "before\n"


def test_a_target_that_does_not_come_back_is_timed_out_and_says_so(there: Site, machine: Machine) -> None:
    with there.engine() as bench:
        target = the_target(bench, bench.queue(restarting(f"touch {machine.down}; echo never"), timeout=3))
        assert (target.state, target.cause) == (TargetState.TIMED_OUT, Cause.REBOOT)
        assert "did not answer from another boot" in target.error_message


def test_a_command_that_the_restart_ended_is_no_failure(there: Site, machine: Machine) -> None:
    """A system that goes down tells everything on it to end, also who asked for that."""
    first = f"echo before | tee -a {machine.oracle}; setsid /bin/dash -c 'sleep 1; echo second >{machine.boot}' & "
    with there.engine() as bench:
        for end in ("kill -TERM $$", "exit 143"):
            machine.boot.write_text("first\n")
            machine.oracle.write_text("")
            execution = bench.queue(restarting(first + end, "cat /proc/sys/kernel/random/boot_id"), timeout=60)
            target = the_target(bench, execution)
            assert (target.state, target.error_message) == (TargetState.SUCCEEDED, "")
            assert bench.output_of(target) == b"before\nsecond\n"
            assert machine.oracle.read_text() == "before\n"


def test_a_command_that_was_ended_without_a_restart_is_no_success(there: Site, machine: Machine) -> None:
    with there.engine() as bench:
        target = the_target(bench, bench.queue(restarting("kill -TERM $$", "echo never"), timeout=3))
        assert (target.state, target.cause) == (TargetState.TIMED_OUT, Cause.REBOOT)
        assert bench.output_of(target) == b""


def test_a_spool_that_went_with_the_restart_leaves_nothing_in_doubt_that_is_known(
    there: Site, machine: Machine
) -> None:
    """The disk had not written it yet, or it lay in memory."""
    goes = machine.restarts.replace("sleep 1;", f"sleep 1; rm -rf {there.spools}/dx-*;")
    with there.engine() as bench:
        execution = bench.queue(restarting(f"echo before; {goes}", "cat /proc/sys/kernel/random/boot_id"), timeout=60)
        target = the_target(bench, execution)
        assert (target.state, target.error_message) == (TargetState.SUCCEEDED, "")
        assert bench.output_of(target) == b"before\nsecond\n"
        machine.boot.write_text("first\n")
        payload = CommandPayload(body=Line(f"echo before; {goes}"), durable=True)
        target = the_target(bench, bench.queue(payload, timeout=60))
        assert target.state is TargetState.LOST
        assert "restarted while it ran" in target.error_message


@pytest.mark.parametrize(
    "cut",
    ["echo before >{spools}/dx-*/out", "printf %4096s >{spools}/dx-*/exit"],
    ids=["its output is shorter", "its record is blank"],
)
def test_what_the_disk_had_not_written_yet_is_neither_repeated_nor_believed(
    there: Site, machine: Machine, cut: str
) -> None:
    """As a power cut leaves it: names and sizes of one moment, contents of an earlier one."""
    written = f"for spool in {there.spools}/dx-*; do {cut.replace('{spools}/dx-*', '$spool')}; done"
    goes = machine.restarts.replace("sleep 1;", f"sleep 1; {written};")
    payload = CommandPayload(body=Line(f"echo before; echo go; {goes}"), durable=True)
    with there.engine() as bench:
        target = the_target(bench, bench.queue(payload, timeout=60))
        assert (target.state, target.cause) == (TargetState.LOST, Cause.LOST)
        assert "restarted while it ran" in target.error_message
        assert bench.output_of(target) == b"before\ngo\n"


def test_a_restart_that_nobody_expected_is_lost(there: Site, machine: Machine) -> None:
    payload = CommandPayload(body=Line(f"echo before; {machine.restarts}"), durable=True)
    with there.engine() as bench:
        target = the_target(bench, bench.queue(payload, timeout=60))
        assert (target.state, target.cause) == (TargetState.LOST, Cause.LOST)
        assert "restarted while it ran" in target.error_message
        assert bench.output_of(target) == b"before\n"
