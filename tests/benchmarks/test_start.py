"""Start to the painted screen and to the first data, beside an empty app of the framework and a bare interpreter."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.benchmarks.pty import EMPTY_APP, Pty

ROUNDS = 5


def seconds_until(command: list[str], marks: list[bytes], environment: dict[str, str]) -> list[float]:
    """When each mark had come out of a program in a terminal of 120x36."""
    begin = time.perf_counter()
    found: list[float] = []
    with Pty(command, environment) as program:
        for mark in marks:
            program.wait_for(mark)
            found.append(time.perf_counter() - begin)
    return found


@pytest.mark.benchmark
def test_start_to_screen_and_to_data(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "TERM": "xterm-256color",
        "DEPLOYX_DATA": str(tmp_path / "data"),
        "DEPLOYX_CONFIG_DIR": str(tmp_path / "config"),
        "DEPLOYX_RUNTIME": str(tmp_path / "run"),
    }
    deployx = [sys.executable, "-m", "deployx_tui"]
    subprocess.run(
        [*deployx, "device", "add", "bench01", "--transport", "local"], env=environment, check=True, capture_output=True
    )
    subprocess.run(
        [*deployx, "task", "add", "bench-mark", "--on", "bench01", "--command", "true", "--daily", "03:00"],
        env=environment,
        check=True,
        capture_output=True,
    )
    bare, empty, screen, data = [], [], [], []
    for _ in range(ROUNDS):
        bare += seconds_until([sys.executable, "-c", "print('ready-mark')"], [b"ready-mark"], environment)
        empty += seconds_until([sys.executable, "-c", EMPTY_APP], [b"ready-mark"], environment)
        first, second = seconds_until(deployx, [b"deployx", b"bench-mark"], environment)
        screen.append(first)
        data.append(second)
    medians = [statistics.median(each) for each in (bare, empty, screen, data)]
    print(
        "\nstart, median of {}: interpreter {:.2f} s, empty Textual app {:.2f} s, our screen {:.2f} s ({:.2f}x the "
        "empty app), our first data {:.2f} s ({:.2f}x)".format(
            ROUNDS, *medians[:3], medians[2] / medians[1], medians[3], medians[3] / medians[1]
        )
    )
