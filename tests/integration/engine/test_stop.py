"""The end of an engine: nothing more starts, what runs is waited for, then killed; the rest is the next one's."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from deployx_tui.engine.engine import Engine
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.errors import DatabaseRefused
from deployx_tui.model.device import TransportKind
from deployx_tui.model.execution import (
    ExecutionStatus,
    KillReport,
    KillVerdict,
    TargetState,
)
from deployx_tui.store.database import Database
from tests.support.bench import Bench, engine_on
from tests.support.scripted_transport import Gate, ScriptedTransport


def test_a_stop_starts_nothing_more_waits_and_leaves_the_rest_to_the_next_engine(
    sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport
) -> None:
    gate = Gate()
    transport.behaviour = gate
    settings = EngineSettings(workers=2)
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.LOCAL: transport}, settings) as bench:
        bench.add_devices("a", "b", "c", "d")
        execution = bench.queue("x")
        for _ in range(2):
            gate.entered.acquire()
        stopping = Thread(target=bench.engine.stop, args=(timedelta(seconds=60),))
        stopping.start()
        assert bench.engine._starts._stopping.wait(60)
        gate.open.set()
        stopping.join()
        states = sorted(t.state.value for t in bench.targets(execution).values())
        assert states == ["succeeded", "succeeded", "waiting", "waiting"]
        assert bench.get(execution).status is ExecutionStatus.RUNNING
        assert len(transport.specs) == 2


def test_a_stop_kills_what_runs_when_its_time_is_over(bench: Bench, transport: ScriptedTransport) -> None:
    bench.add_devices("web1")
    gate = Gate()
    transport.behaviour = gate
    execution = bench.queue("x")
    gate.entered.acquire()
    bench.engine.stop(timedelta(0))
    target = bench.targets(execution)["web1"]
    assert target.state is TargetState.CANCELLED
    assert target.kill == KillReport(KillVerdict.KILLED)


def test_a_second_stop_with_less_patience_makes_the_first_one_faster(
    bench: Bench, transport: ScriptedTransport
) -> None:
    bench.add_devices("web1")
    gate = Gate()
    transport.behaviour = gate
    execution = bench.queue("x")
    gate.entered.acquire()
    first = Thread(target=bench.engine.stop, args=(timedelta(days=1),))
    first.start()
    assert bench.engine._stopping.wait(60)
    bench.engine.stop(timedelta(0))
    first.join()
    assert bench.targets(execution)["web1"].state is TargetState.CANCELLED


def test_an_engine_that_could_not_start_can_be_stopped(bench: Bench, tmp_path: Path) -> None:
    second = Engine(bench.database, EngineSettings(), {}, bench.output, bench.vault, bench.contents)
    with pytest.raises(DatabaseRefused):
        second.start()
    second.stop(timedelta(0))
