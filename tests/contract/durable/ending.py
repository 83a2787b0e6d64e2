"""How durable runs are ended, disks that are full, and what is swept."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.model.execution import KillReport, KillVerdict
from deployx_tui.transports.base import (
    Exited,
    Killed,
    OutputLimit,
    Refused,
    TimedOut,
    Unknown,
)
from tests.contract.durable.site import Durable, When
from tests.contract.transport.site import LONG, Told, alive, nap
from tests.support.disks import small_disk


def make_old(folder: Path) -> None:
    """As nobody touched for more than a week."""
    long_ago = time.time() - 20 * 86_400
    os.utime(folder, (long_ago, long_ago))


def swept_after_a_run(durable: Durable) -> None:
    """Leave an empty spool, as a start does that is killed at once; a run, behind whose end it is removed."""
    left = durable.base / f"dx-{secrets.token_hex(16)}"
    left.mkdir(0o700)
    make_old(left)
    durable.run(durable.spec("true"))
    until = time.monotonic() + 30
    while left.exists() and time.monotonic() < until:
        Event().wait(0.05)
    assert not left.exists()


class EndingContract:
    """How durable runs are ended, disks that are full, and what is swept."""

    @pytest.mark.parametrize(
        "script",
        [
            "echo ready; sleep {0}",
            "sleep {0} | cat | cat & echo ready; wait",
            "sleep {0} & sleep {0} & (sleep {0} & sleep {0}) & echo ready; wait",
            "setsid sleep {0} & echo ready; sleep {0}",
            "(setsid sh -c 'sleep {0} & sleep {0} & wait' &) ; echo ready; sleep {0}",
            "trap 'echo cleaning; exit 0' TERM; echo ready; sleep {0} & wait",
            "trap '' TERM HUP; echo ready; sleep {0}; sleep {0}",
        ],
        ids=["plain", "pipeline", "background", "setsid", "daemon", "handler", "ignores TERM"],
    )
    def test_a_cancel_ends_everything_and_the_record_is_read(self, durable: Durable, script: str) -> None:
        seconds = nap()
        stop = Event()
        spec = durable.spec(script.format(seconds), grace=timedelta(seconds=2))
        with durable.connected() as connection:
            process = connection.start(spec)
            assert not isinstance(process, Refused | Unknown)
            outcome = process.stream(When(b"ready", stop.set), stop)
            assert isinstance(outcome, Killed)
            assert outcome.kill.verdict is KillVerdict.KILLED
            assert alive(seconds) == []
            assert process.acknowledge()
        assert list(durable.base.iterdir()) == []

    def test_a_command_that_ends_by_itself_when_it_is_told_to_says_with_which_code(self, durable: Durable) -> None:
        stop = Event()
        spec = durable.spec("trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done")
        with durable.connected() as connection:
            process = connection.start(spec)
            assert not isinstance(process, Refused | Unknown)
            outcome = process.stream(When(b"ready", stop.set), stop)
            assert outcome == Killed(KillReport(KillVerdict.KILLED), 3)
            assert process.acknowledge()

    def test_a_cancel_after_an_attach_finds_the_run_by_its_nonce(self, durable: Durable) -> None:
        seconds = nap()
        spec = durable.spec(f"echo ready; sleep {seconds}")
        durable.begin(spec, until=b"ready")
        stop = Event()
        stop.set()
        told = durable.attach(spec, cancel=stop)
        assert isinstance(told, Told)
        assert isinstance(told.outcome, Killed)
        assert told.outcome.kill.verdict is KillVerdict.KILLED
        assert alive(seconds) == []

    def test_a_deadline_ends_it(self, durable: Durable) -> None:
        seconds = nap()
        told = durable.run(durable.spec(f"echo begun; sleep {seconds} | cat", timeout=timedelta(seconds=1)))
        assert isinstance(told.outcome, TimedOut)
        assert told.outcome.kill.verdict is KillVerdict.KILLED
        assert told.stdout == b"begun\n"
        assert alive(seconds) == []

    @pytest.mark.long
    def test_the_deadline_holds_on_the_target_when_nobody_is_connected(self, durable: Durable) -> None:
        seconds = nap()
        spec = durable.spec(f"echo begun; sleep {seconds}", timeout=timedelta(seconds=1))
        durable.begin(spec, until=b"begun")
        spool = durable.spool(spec)
        until = time.monotonic() + 60
        while not (spool.path / "exit").exists() and time.monotonic() < until:
            Event().wait(0.2)
        assert alive(seconds) == []
        told = durable.attach(durable.spec("", nonce=spec.nonce))
        assert isinstance(told, Told)
        assert isinstance(told.outcome, TimedOut)
        assert told.outcome.kill.verdict is KillVerdict.KILLED

    def test_output_above_the_limit_ends_the_run_on_the_target(self, durable: Durable) -> None:
        script = "while :; do echo 0123456789012345678901234567890123456789; sleep 0.001; done"
        told = durable.run(durable.spec(script, limit=2000))
        assert isinstance(told.outcome, OutputLimit)
        assert told.outcome.kill.verdict is KillVerdict.KILLED
        assert len(told.stdout) > 2000

    def test_a_base_that_forbids_programs_will_do(self, durable: Durable, tmp_path: Path) -> None:
        with small_disk(tmp_path / "noexec", "size=1m,noexec") as disk:
            assert durable.run(durable.spec("echo fine; exit 4", bases=(disk,))) == Told(Exited(4), b"fine\n", b"")

    def test_a_full_base_is_passed_over_and_none_left_runs_nothing(self, durable: Durable, tmp_path: Path) -> None:
        with small_disk(tmp_path / "full", "size=64k") as disk:
            with contextlib.suppress(OSError):
                (disk / "filler").write_bytes(b"x" * 200_000)
            oracle = tmp_path / "oracle"
            told = durable.run(durable.spec(f"echo ran >>{oracle}", bases=(disk,)))
            assert isinstance(told.outcome, Refused)
            assert "no room" in told.outcome.message
            assert not oracle.exists()
            assert [each.name for each in disk.iterdir()] == ["filler"]
            told = durable.run(durable.spec("echo fine", bases=(disk, durable.base)))
            assert told == Told(Exited(0), b"fine\n", b"")

    def test_a_disk_that_fills_midway_keeps_the_end_and_says_so(self, durable: Durable, tmp_path: Path) -> None:
        with small_disk(tmp_path / "full", "size=256k") as disk:
            told = durable.run(durable.spec("head -c 1000000 /dev/zero; exit 9", bases=(disk,)))
            assert told.outcome == Exited(9, incomplete=True)
            assert 100_000 < len(told.stdout) < 262_144
            assert b"No space left" in told.stderr or told.stderr == b""

    def test_old_spools_are_swept_but_those_of_living_runs(self, durable: Durable) -> None:
        seconds = nap()
        living = durable.spec(f"echo ready; sleep {seconds}")
        durable.begin(living, until=b"ready")
        dead = durable.spec("true")
        durable.begin(dead)
        assert isinstance(durable.attach(dead, acknowledges=False), Told)
        long_ago = time.time() - 8 * 86_400
        for spec in (living, dead):
            os.utime(durable.spool(spec).path, (long_ago, long_ago))
        durable.run(durable.spec("echo contact"))
        until = time.monotonic() + 30
        while durable.spool(dead).exists and time.monotonic() < until:
            Event().wait(0.05)
        assert not durable.spool(dead).exists
        assert durable.spool(living).exists
        for each in alive(seconds):
            os.kill(each, signal.SIGKILL)
        durable.attach(living)

    @pytest.mark.parametrize(
        "planted", ["dx-a {0}", "dx-{0}", "dx-*", "dx-$(touch {0}2)", "dx-a\n{0}", "dx-" + "0" * 31]
    )
    def test_a_name_that_others_put_beside_the_spools_is_left_alone_and_reaches_nothing_else(
        self, durable: Durable, planted: str
    ) -> None:
        # where a command starts, and so where a name that were split would be looked for
        home = Path(durable.run(durable.spec("pwd")).stdout.decode().strip())
        victim = home / f"victim-{secrets.token_hex(8)}"
        (victim / "deep").mkdir(parents=True)
        (victim / "deep" / "file").write_text("kept")
        bait = durable.base / planted.format(victim.name)
        bait.mkdir()
        for folder in (victim, bait):
            make_old(folder)
        try:
            # the second one begins when the first has looked at everything
            swept_after_a_run(durable)
            swept_after_a_run(durable)
            assert (victim / "deep" / "file").read_text() == "kept"
            assert not victim.with_name(f"{victim.name}2").exists()
            assert bait.is_dir()
        finally:
            shutil.rmtree(victim)

    def test_an_old_spool_without_a_record_is_swept(self, durable: Durable) -> None:
        swept_after_a_run(durable)

    def test_a_run_with_a_deadline_that_ends_early_leaves_no_guard(self, durable: Durable) -> None:
        spec = durable.spec("echo fine", timeout=LONG)
        assert durable.run(spec).outcome == Exited(0)
        until = time.monotonic() + 20
        while _marked(spec.nonce) and time.monotonic() < until:
            Event().wait(0.05)
        assert _marked(spec.nonce) == []


def _marked(nonce: str) -> list[str]:
    found = subprocess.run(["pgrep", "-f", nonce], capture_output=True, text=True, check=False).stdout
    return found.split()
