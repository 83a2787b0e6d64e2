"""An engine that is killed with work in hand: what ran is lost, what waited goes on, what was said is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from deployx_tui.model.device import TransportKind
from deployx_tui.model.execution import Cause, ExecutionStatus, TargetState
from deployx_tui.model.ids import EngineId
from deployx_tui.output.store import OutputStore
from deployx_tui.store.database import Database
from deployx_tui.transports.local import LocalTransport
from tests.support.bench import Bench, engine_on
from tests.support.rows import add_user
from tests.support.vaults import vault_in


def test_after_a_kill_the_running_target_is_lost_the_waiting_one_runs_and_the_output_is_kept(
    sqlite_url: str, tmp_path: Path
) -> None:
    gate, folder = tmp_path / "gate", tmp_path / "output"
    database = Database.open(sqlite_url)
    with database.write() as c:
        owner = add_user(c)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.support.engine_process", sqlite_url, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    try:
        assert child.stdout is not None
        word, _, engine_id = child.stdout.readline().strip().partition(" ")
        assert word == "ready"
        elsewhere: Any = EngineElsewhere(EngineId(engine_id))  # as far as it is used
        here = Bench(database, elsewhere, OutputStore(database, folder), owner, vault_in(database, folder))
        here.add_devices("one", "two")
        execution = here.queue(f"echo begun; while [ ! -e {gate} ]; do sleep 0.1; done; echo done")
        # the child says it and saves it; nothing of this process tells us
        here.until(
            lambda: "one" in here.targets(execution) and b"begun" in here.output_of(here.targets(execution)["one"])
        )
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with engine_on(database, folder, {TransportKind.LOCAL: LocalTransport()}, owner=owner) as bench:
        bench.until(lambda: bench.targets(execution)["two"].state is TargetState.RUNNING)
        lost = bench.targets(execution)["one"]
        assert (lost.state, lost.cause, lost.attempts) == (TargetState.LOST, Cause.LOST, 1)
        bench.until(lambda: bench.output_of(bench.targets(execution)["two"]) == b"begun\n")
        gate.touch()  # also for the shell that the dead engine left behind
        run = bench.ended(execution)
        assert run.status is ExecutionStatus.PARTIALLY_SUCCEEDED
        found = bench.targets(run)
        assert found["two"].state is TargetState.SUCCEEDED
        assert bench.output_of(found["one"]) == b"begun\n"
        assert bench.output.read(execution, found["one"].id).complete
        assert bench.output_of(found["two"]) == b"begun\ndone\n"
    database.close()


class EngineElsewhere:
    """Stands for the engine of the other process, which polls."""

    def __init__(self, id_: EngineId) -> None:
        self.id = id_

    def wake(self) -> None: ...
