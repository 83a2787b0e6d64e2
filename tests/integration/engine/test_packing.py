"""What ended is packed by itself; what runs is not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.engine import packing
from deployx_tui.engine.packing import Packing
from deployx_tui.model.device import TransportKind
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.ids import ExecutionId
from deployx_tui.output.store import OutputStore
from deployx_tui.transports.base import CommandSpec, Outcome, OutputSink, Refused
from tests.support.bench import Bench, engine_on
from tests.support.outputs import pack
from tests.support.scripted_transport import Gate, ScriptedTransport, says


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_an_execution_that_is_over_is_packed_and_read_as_before(
    bench: Bench, transport: ScriptedTransport, tmp_path: Path
) -> None:
    bench.add_devices("web1", "web2")
    transport.behaviour = says(b"a line of text\n" * 5_000)
    run = bench.run("x")
    pack(bench, run.id)
    assert names(tmp_path / "output") == {f"{run.id}.pack"}
    assert bench.output.unpacked() == ()
    assert bench.output.stored() == (run.id,)
    for target in bench.targets(run).values():
        assert bench.output_of(target) == b"a line of text\n" * 5_000
    Packing(bench.database, bench.output).pack_all()
    assert names(tmp_path / "output") == {f"{run.id}.pack"}


def test_what_still_runs_is_left_alone(bench: Bench, transport: ScriptedTransport, tmp_path: Path) -> None:
    bench.add_devices("web1")
    gate, speak = Gate(), says(b"a line of text\n" * 5_000)

    def speak_wait_speak(spec: CommandSpec, sink: OutputSink, cancel: threading.Event) -> Outcome | Refused:
        speak(spec, sink, cancel)
        gate(spec, sink, cancel)
        return speak(spec, sink, cancel)

    transport.behaviour = speak_wait_speak
    execution = bench.queue("x")
    assert gate.entered.acquire(timeout=30)
    Packing(bench.database, bench.output).pack_all()
    assert names(tmp_path / "output") == {f"{execution}.idx", f"{execution}.seg"}
    gate.open.set()
    assert bench.ended(execution).status is ExecutionStatus.SUCCEEDED
    pack(bench, execution)
    assert names(tmp_path / "output") == {f"{execution}.pack"}
    assert bench.output_of(bench.targets(execution)["web1"]) == b"a line of text\n" * 10_000


def test_the_engine_packs_by_itself(
    bench: Bench, transport: ScriptedTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "_LATER", timedelta(0))
    packed = threading.Event()
    pack = OutputStore.pack

    def telling(self: OutputStore, execution: ExecutionId, is_stopped: Callable[[], bool]) -> bool:
        found = pack(self, execution, is_stopped)
        if found:
            packed.set()
        return found

    monkeypatch.setattr(OutputStore, "pack", telling)
    bench.engine.stop(timedelta(0))
    transport.behaviour = says(b"x" * 20_000)
    bench.add_devices("web1")
    with engine_on(bench.database, tmp_path / "again", {TransportKind.LOCAL: transport}, owner=bench.owner) as again:
        run = again.run("x")
        assert packed.wait(30)
        assert names(tmp_path / "again") == {f"{run.id}.pack"}
