"""What nothing costs: the UI that nobody touches and its engine with 1,000 tasks armed, beside an empty app.

pytest -m benchmark -s tests/benchmarks/test_idle.py. CPU of each process by its own clock, in a real terminal; on a
busy machine a wake costs more, so the figures are upper bounds there.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployx_tui.service.sockets import listener_at
from deployx_tui.store.database import Database
from tests.benchmarks.goals import say_goal
from tests.benchmarks.pty import EMPTY_APP, Pty
from tests.benchmarks.tasks import fill
from tests.support.meters import cpu_of
from tests.support.processes import Place, only_place

TASKS = 1_000
#: to come to rest, and that are looked at
SETTLE, SECONDS = 8.0, 20.0
GOAL = 0.5


def percent(terminal: Pty, pids: Sequence[int]) -> tuple[list[float], int]:
    """Of a core, of each process; and bytes that were painted meanwhile."""
    terminal.watch(SETTLE)
    before = [cpu_of(pid) for pid in pids]
    painted = terminal.watch(SECONDS)
    used = [cpu_of(pid) - was for pid, was in zip(pids, before, strict=True)]
    return [each / SECONDS * 100 for each in used], painted


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A short path: a socket's may have 104 bytes."""
    monkeypatch.setenv("TERM", "xterm-256color")
    with (
        tempfile.TemporaryDirectory(prefix="dxb-", dir="/tmp", ignore_cleanup_errors=True) as folder,
        only_place(Path(folder), monkeypatch) as place,
    ):
        yield place


@pytest.mark.benchmark
@pytest.mark.timeout(300)
def test_a_ui_and_an_engine_that_have_nothing_to_do(place: Place) -> None:
    deployx = [sys.executable, "-m", "deployx_tui"]
    # the first change makes the folders, the database and the account
    first = ["device", "add", "here", "--transport", "local"]
    subprocess.run([*deployx, *first], env=place.environment, check=True, capture_output=True)
    database = Database.open(f"sqlite:///{place.folder / 'data' / 'deployx.db'}")
    fill(database, TASKS, datetime.now(UTC).replace(second=0, microsecond=0))
    database.close()
    with Pty([sys.executable, "-c", EMPTY_APP], place.environment) as empty:
        empty.wait_for(b"ready-mark")
        (floor,), _ = percent(empty, [empty.pid])
    with Pty(deployx, place.environment) as ui:
        ui.wait_for(b"task 1")  # the engine tells of it
        engine = listener_at(place.engine_socket)
        assert engine is not None
        (face, behind), painted = percent(ui, [ui.pid, engine.pid])
    print(
        f"\nidle, % of a core over {SECONDS:g} s: empty Textual app {floor:.2f}, our UI {face:.2f} "
        f"({painted} bytes painted), our engine with {TASKS:,} tasks armed {behind:.2f}"
    )
    say_goal("% of a core: the UI", face, at_most=GOAL)
    say_goal("% of a core: the engine", behind, at_most=GOAL)
