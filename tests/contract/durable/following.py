"""Connections that come and go: what is delivered, and that nothing runs twice."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from threading import Thread

from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import (
    Detached,
    Exited,
    Gone,
    Rebooted,
    Unknown,
)
from tests.contract.durable.site import CHATTER, CHATTER_DIGEST, Durable, Lose, When, chatter, digest
from tests.contract.transport.site import Told, alive, nap


class FollowingContract:
    """Connections that come and go: what is delivered, and that nothing runs twice."""

    def test_a_connection_that_breaks_in_the_middle_is_made_again_by_itself(self, durable: Durable, lose: Lose) -> None:
        spec = durable.spec(CHATTER)
        told = durable.run(spec, When(b"5 line 1000\n", lambda: lose(durable.spool(spec))))
        assert told.outcome == Exited(7)
        assert digest(told) == CHATTER_DIGEST

    def test_a_run_that_was_let_go_is_taken_up_at_the_right_byte(self, durable: Durable) -> None:
        spec = durable.spec(CHATTER)
        first = durable.begin(spec, until=b"3 line 500\n")
        assert first.outcome == Detached()
        rest = durable.attach(spec, len(first.stdout), len(first.stderr))
        assert isinstance(rest, Told)
        assert digest(Told(rest.outcome, first.stdout + rest.stdout, first.stderr + rest.stderr)) == CHATTER_DIGEST
        assert not durable.spool(spec).exists

    def test_it_is_attached_to_twice_and_from_arbitrary_offsets(self, durable: Durable) -> None:
        spec = durable.spec(CHATTER)
        durable.begin(spec)
        out, err = chatter()
        whole = durable.attach(spec, acknowledges=False)
        assert whole == Told(Exited(7), out, err)
        for at in (1, 4095, 4096, 262_145, len(out) - 1, len(out)):
            told = durable.attach(spec, at, len(err) - at if at < len(err) else 0, acknowledges=False)
            assert isinstance(told, Told)
            assert told.stdout == out[at:]
        assert durable.attach(spec, len(out), len(err)) == Told(Exited(7), b"", b"")
        assert isinstance(durable.attach(spec), Gone)

    def test_two_followers_see_the_same(self, durable: Durable) -> None:
        spec = durable.spec(CHATTER)
        durable.begin(spec)
        seen: list[Told | Gone] = []
        other = Thread(target=lambda: seen.append(durable.attach(spec, acknowledges=False)))
        other.start()
        seen.append(durable.attach(spec, acknowledges=False))
        other.join()
        assert seen == [Told(Exited(7), *chatter())] * 2

    def test_a_second_start_runs_nothing(self, durable: Durable, tmp_path: Path) -> None:
        oracle = tmp_path / "oracle"
        spec = durable.spec(f"echo ran >>{oracle}; sleep 0.5")
        durable.begin(spec)
        assert isinstance(durable.run(spec).outcome, Unknown)
        told = durable.attach(spec)
        assert isinstance(told, Told)
        assert told.outcome == Exited(0)
        assert oracle.read_text() == "ran\n"

    def test_many_starts_at_once_run_one(self, durable: Durable, tmp_path: Path) -> None:
        oracle = tmp_path / "oracle"
        other = tmp_path / "other"
        other.mkdir()
        spec = durable.spec(f"echo ran >>{oracle}; sleep 1", bases=(durable.base, other))
        starts = [Thread(target=lambda: durable.run(spec)) for _ in range(6)]
        for each in starts:
            each.start()
        for each in starts:
            each.join()
        assert oracle.read_text() == "ran\n"

    def test_a_spool_that_was_wiped_is_lost_and_not_run_again(self, durable: Durable, tmp_path: Path) -> None:
        oracle = tmp_path / "oracle"
        seconds = nap()
        spec = durable.spec(f"echo ran >>{oracle}; echo ready; sleep {seconds}")
        spool = durable.spool(spec)
        told = durable.run(spec, When(b"ready", lambda: shutil.rmtree(spool.path)))
        try:
            assert isinstance(told.outcome, Unknown)
            assert told.outcome.cause is Cause.LOST
            assert isinstance(durable.attach(spec), Gone)
            assert oracle.read_text() == "ran\n"
        finally:
            for pid in alive(seconds):
                os.kill(pid, signal.SIGKILL)

    def test_another_boot_is_recognised(self, durable: Durable) -> None:
        seconds = nap()
        spec = durable.spec(f"echo ready; sleep {seconds}")
        durable.begin(spec, until=b"ready")
        meta = durable.spool(spec).path / "meta"
        pid, start, boot = meta.read_text().splitlines()[0].split()
        meta.write_text(f"{pid} {start} {boot[::-1]}\n")
        told = durable.attach(spec)
        assert isinstance(told, Told)
        assert isinstance(told.outcome, Rebooted)
        assert told.stdout == b"ready\n"
        for each in alive(seconds):
            os.kill(each, signal.SIGKILL)

    def test_a_supervisor_that_was_killed_is_seen_and_nothing_is_guessed(self, durable: Durable) -> None:
        seconds = nap()
        spec = durable.spec(f"echo ready; sleep {seconds}")
        spool = durable.spool(spec)
        try:
            sink = When(b"ready", lambda: os.kill(spool.supervisor, signal.SIGKILL))
            told = durable.run(spec, sink)
            assert isinstance(told.outcome, Unknown)
            assert told.outcome.cause is Cause.LOST
            assert len(alive(seconds)) >= 1, "what it ran is left alone"
        finally:
            for each in alive(seconds):
                os.kill(each, signal.SIGKILL)
