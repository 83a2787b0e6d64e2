"""An engine whose database was moved away: what runs goes on, nothing starts, and results wait until it is back."""

from __future__ import annotations

from threading import Event

from deployx_tui.model.execution import ExecutionStatus, TargetState
from deployx_tui.transports.base import CommandSpec, Outcome, OutputSink
from tests.support.bench import Bench
from tests.support.scripted_transport import ScriptedTransport, says


def test_a_run_is_followed_and_its_result_is_written_when_the_database_is_back(
    bench: Bench, transport: ScriptedTransport
) -> None:
    bench.add_devices("web1")
    runs, goes_on, cancelled = Event(), Event(), Event()

    def long(spec: CommandSpec, sink: OutputSink, cancel: Event) -> Outcome:
        runs.set()
        assert goes_on.wait(60)
        if cancel.is_set():
            cancelled.set()
        return says(b"kept")(spec, sink, cancel)

    transport.behaviour = long
    execution = bench.queue("x")
    assert runs.wait(60)
    path = bench.database.path
    assert path is not None
    away = path.with_name("elsewhere")
    path.rename(away)
    bench.until(lambda: any("moved away" in each for each in bench.engine.troubles()))
    assert not bench.engine.is_at_rest()
    goes_on.set()
    bench.until(bench.engine.is_at_rest)
    away.rename(path)
    assert bench.ended(execution).status is ExecutionStatus.SUCCEEDED
    target = bench.targets(execution)["web1"]
    assert target.state is TargetState.SUCCEEDED
    assert bench.output_of(target) == b"kept"
    assert not cancelled.is_set()
    bench.until(lambda: bench.engine.troubles() == ())
