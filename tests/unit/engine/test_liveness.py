"""Who lives: by pid, boot and start on this machine, by beats elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from deployx_tui.engine.liveness import BeatWatch, is_alive, this_process
from deployx_tui.model.ids import EngineId

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only beats are used")

A, B = EngineId("a"), EngineId("b")


def test_a_running_process_is_alive() -> None:
    assert is_alive(this_process(A, 0)) is True


def test_an_ended_process_is_dead() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert is_alive(replace(this_process(A, 0), pid=process.pid)) is False


def test_a_later_process_with_the_same_pid_is_not_it() -> None:
    own = this_process(A, 0)
    assert own.process_start is not None
    assert is_alive(replace(own, process_start=own.process_start - 1)) is False


def test_another_boot_or_machine_cannot_be_told_by_its_pid() -> None:
    assert is_alive(replace(this_process(A, 0), boot_id="elsewhere")) is None


def test_a_process_whose_start_is_hidden_cannot_be_told() -> None:
    assert is_alive(replace(this_process(A, 0), process_start=None)) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a process of another account")
def test_a_process_of_another_account_is_not_taken_for_dead() -> None:
    other = subprocess.Popen(["cat"], stdin=subprocess.PIPE, user=65534)
    probe = (
        "import sys; from dataclasses import replace; from deployx_tui.engine.liveness import *; "
        f"print(is_alive(replace(this_process('a', 0), pid={other.pid}, process_start=None)))"
    )
    answer = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    other.communicate()
    assert answer.stdout.strip() == "None"


def test_a_beat_that_stands_still_for_ten_seconds_of_watching_is_dead() -> None:
    watch = BeatWatch()
    found = [watch.silent({A: 1, B: second}, float(second)) for second in range(0, 12, 2)]
    assert found == [frozenset()] * 5 + [{A}]


def test_after_looking_away_the_watch_begins_anew() -> None:
    watch = BeatWatch()
    assert watch.silent({A: 1}, 0) == frozenset()
    assert watch.silent({A: 1}, 100) == frozenset()  # suspended: perhaps it was, too
    for second in (102, 104, 106, 108):
        assert watch.silent({A: 1}, second) == frozenset()
    assert watch.silent({A: 1}, 110) == {A}


def test_an_engine_that_beats_is_never_dead() -> None:
    watch = BeatWatch()
    assert all(watch.silent({A: second}, float(second)) == frozenset() for second in range(60))
