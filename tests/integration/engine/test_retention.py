"""What is too old goes, and nothing that is still of use goes with it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from deployx_tui.engine.retention import Retention
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.output.store import OutputStore
from deployx_tui.store import endings, events, executions, history, schema, search
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from tests.support.bench import Bench
from tests.support.outputs import pack
from tests.support.rows import add_run, add_task, add_user
from tests.support.scripted_transport import ScriptedTransport, says

DAY_MS = 86_400_000


def kinds(database: Database) -> list[str]:
    with database.read() as c:
        return list(c.scalars(sa.select(schema.events.c.type).order_by(schema.events.c.number)))


def test_old_events_go_and_growth_goes_sooner_but_the_position_stays(database: Database, tmp_path: Path) -> None:
    now = 100 * DAY_MS
    with database.write() as c:
        for type_, at in (
            ("task.changed", now - 8 * DAY_MS),
            ("output.grew", now - DAY_MS),
            ("task.changed", now - DAY_MS),
            ("output.grew", now - 1000),
            ("output.grew", now - DAY_MS),
        ):
            events.append(c, type_, at_ms=at)
    with database.read() as c:
        newest = events.newest(c)
    retention = Retention(database, OutputStore(database, tmp_path / "output"), EngineSettings())
    retention.sweep(now)
    assert kinds(database) == ["task.changed", "output.grew", "output.grew"]
    with database.read() as c:
        assert events.newest(c) == newest


def test_old_runs_go_with_their_output_where_a_limit_is_set(
    bench: Bench, transport: ScriptedTransport, tmp_path: Path
) -> None:
    bench.add_devices("web1")
    transport.behaviour = says(b"needle " + b"x" * 20_000)
    old = bench.run("x")
    assert {path.stem for path in (tmp_path / "output").iterdir()} == {str(old.id)}
    pack(bench, old.id)
    assert [path.name for path in (tmp_path / "output").iterdir()] == [f"{old.id}.pack"]
    later = now_ms() + 40 * DAY_MS
    Retention(bench.database, bench.output, EngineSettings()).sweep(later)
    assert bench.get(old.id).status is ExecutionStatus.SUCCEEDED  # without a limit everything stays
    Retention(bench.database, bench.output, EngineSettings(history_kept=timedelta(days=30))).sweep(later)
    assert list((tmp_path / "output").iterdir()) == []
    with bench.database.read() as c:
        assert executions.load_run(c, old.id) is None
        for table in ("execution_targets", "execution_batches", "attempts", "outputs"):
            assert c.scalar(sa.select(sa.func.count()).select_from(schema.metadata.tables[table])) == 0, table
        assert list(search.newest(c, search.Words.parse("needle"), None)) == []


def test_the_last_run_of_a_task_and_what_still_runs_stay_however_old(database: Database, tmp_path: Path) -> None:
    with database.write() as c:
        owner = add_user(c)
        task = add_task(c, owner)
        first, last, alive = (add_run(c, owner, task=task, key=f"m:{n}") for n in range(3))
        for run in (first, last):
            endings.fail(c, run, "x", 1)
    settings = EngineSettings(history_kept=timedelta(days=1))
    Retention(database, OutputStore(database, tmp_path / "output"), settings).sweep(2**42)
    with database.read() as c:
        assert executions.exist(c, [first, last, alive]) == {last, alive}
        assert history.get(c, last).status is ExecutionStatus.FAILED


def test_a_file_of_a_run_that_the_database_does_not_know_is_removed(bench: Bench, tmp_path: Path) -> None:
    stray = tmp_path / "output" / "999.idx"
    stray.write_bytes(b"")
    for suffix in (".seg", ".pack", ".packing"):
        stray.with_suffix(suffix).write_bytes(b"old bytes")
    Retention(bench.database, bench.output, EngineSettings()).remove_strays()
    assert list((tmp_path / "output").iterdir()) == []
    assert bench.output.stored() == ()
