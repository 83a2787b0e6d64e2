"""The engine: each run ends once, as its targets did, and says what is known of each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import sqlalchemy as sa

from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.device import Contact, DeviceDraft, GroupDraft, HostKeyPolicy, TransportKind
from deployx_tui.model.execution import (
    Cause,
    ExecutionStatus,
    KillReport,
    KillVerdict,
    Stream,
    TargetState,
    Trigger,
)
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.parameter import Parameter, ParameterType
from deployx_tui.model.payload import CommandPayload, Commands, Line
from deployx_tui.output.frames import decode
from deployx_tui.store import devices, endings, executions, groups, schema
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.transports.base import (
    CommandSpec,
    Exited,
    Outcome,
    OutputSink,
    Signalled,
    TimedOut,
    Unknown,
    Unreached,
)
from tests.support.bench import Bench, engine_on
from tests.support.scripted_transport import Gate, ScriptedTransport, ends, says


def contact(bench: Bench, device: DeviceId) -> Contact:
    with bench.database.read() as c:
        return devices.get(c, device).contact


def test_every_target_succeeded_is_succeeded(any_bench: Bench, transport: ScriptedTransport) -> None:
    bench = any_bench
    bench.add_devices("web1", "web2", "db1")
    transport.behaviour = says(b"hello\n")
    run = bench.run("uptime", on="web*")
    assert (run.status, run.error_message) == (ExecutionStatus.SUCCEEDED, "")
    assert (run.targets.total, run.targets.succeeded) == (2, 2)
    targets_ = bench.targets(run)
    assert sorted(targets_) == ["web1", "web2"]
    assert all(t.state is TargetState.SUCCEEDED and t.exit_code == 0 and t.stdout_bytes == 6 for t in targets_.values())
    assert bench.output_of(targets_["web1"]) == b"hello\n"
    assert run.plan_sha256 is not None
    assert run.started_at is not None
    assert run.finished_at is not None
    assert transport.released == 2


def test_some_failed_is_partially_succeeded_and_all_failed_is_failed(
    bench: Bench, transport: ScriptedTransport
) -> None:
    bench.add_devices("web1", "web2", "web3")
    transport.by_name["web2"] = ends(Exited(3))
    partly = bench.run("x", on="web*")
    assert partly.status is ExecutionStatus.PARTIALLY_SUCCEEDED
    assert partly.error_message == "1 of 3 targets failed: web2 exit 3"
    transport.behaviour = ends(Signalled("SEGV"))
    assert bench.run("x", on="web1,web2").status is ExecutionStatus.FAILED


def test_each_target_says_what_is_known_of_it(any_bench: Bench, transport: ScriptedTransport) -> None:
    bench = any_bench
    ids = dict(zip("abcdef", bench.add_devices(*"abcdef"), strict=True))
    killed = KillReport(KillVerdict.KILLED)
    transport.unreached["a"] = Unreached(Cause.CONNECT_TIMEOUT, "no answer in 10 s", "is it up?")
    transport.unreached["b"] = Unreached(Cause.HOST_KEY, "its key is unknown", "run deployx device trust b")
    transport.unreached["c"] = Unreached(Cause.AUTH, "no key fits", "")
    transport.by_name["d"] = ends(TimedOut(killed))
    transport.by_name["e"] = ends(Unknown(Cause.LOST, "the connection broke", datetime.now(UTC)))
    transport.by_name["f"] = ends(Signalled("TERM"))
    run = bench.run("x", timeout=5)
    found = bench.targets(run)
    assert {name: (t.state, t.cause) for name, t in found.items()} == {
        "a": (TargetState.UNREACHABLE, Cause.CONNECT_TIMEOUT),
        "b": (TargetState.UNREACHABLE, Cause.HOST_KEY),
        "c": (TargetState.UNREACHABLE, Cause.AUTH),
        "d": (TargetState.TIMED_OUT, Cause.TIMEOUT),
        "e": (TargetState.LOST, Cause.LOST),
        "f": (TargetState.FAILED, Cause.SIGNAL),
    }
    assert found["d"].kill == killed
    assert found["f"].signal == "TERM"
    assert found["b"].error_message == "its key is unknown (run deployx device trust b)"
    assert (found["a"].changed, found["e"].changed) == (False, None)
    assert {name: contact(bench, id_) for name, id_ in ids.items()} == {
        "a": Contact.UNREACHABLE,
        "b": Contact.HOST_KEY,
        "c": Contact.AUTH,
        "d": Contact.OK,
        "e": Contact.OK,
        "f": Contact.OK,
    }
    assert run.status is ExecutionStatus.LOST


def test_a_failing_command_of_a_list_is_named(bench: Bench, transport: ScriptedTransport) -> None:
    bench.add_devices("web1")
    codes = iter([0, 7])
    transport.behaviour = lambda spec, sink, cancel: Exited(next(codes))
    run = bench.run(CommandPayload(body=Commands(("first", "second", "third"))))
    target = bench.targets(run)["web1"]
    assert (target.state, target.exit_code) == (TargetState.FAILED, 7)
    assert target.error_message == "command 2 of 3 (second): exit 7"
    assert [spec.script for spec in transport.specs] == ["first", "second"]


def test_a_selector_that_matches_nothing_is_skipped_and_says_so(bench: Bench) -> None:
    bench.add_devices("web1")
    run = bench.run("x", on="db*")
    assert run.status is ExecutionStatus.SKIPPED
    assert run.error_message == "selector 'db*' matches no device"
    assert run.targets.total == 0


def test_a_name_that_is_gone_fails_a_run_by_hand_and_does_not_hold_up_a_scheduled_one(bench: Bench) -> None:
    bench.add_devices("web1")
    run = bench.run("x", on="web1,web9")
    assert run.status is ExecutionStatus.FAILED
    assert "web9" in run.error_message
    scheduled = bench.ended(bench.queue("x", on="web1,web9", trigger=Trigger.SCHEDULE))
    assert scheduled.status is ExecutionStatus.SUCCEEDED
    assert list(bench.targets(scheduled)) == ["web1"]


def test_a_scheduled_run_takes_defaults_and_fails_by_name_without_one(
    bench: Bench, transport: ScriptedTransport, tmp_path: Path
) -> None:
    bench.add_devices("web1")
    (tmp_path / "note").write_text("as it is now\n")
    note = Parameter(name="NOTE", type=ParameterType.FILE, default=f"{tmp_path}/note")
    level = Parameter(name="LEVEL", default="3")
    run = bench.ended(bench.queue(CommandPayload(body=Line("x"), parameters=(note, level)), trigger=Trigger.SCHEDULE))
    assert run.status is ExecutionStatus.SUCCEEDED
    assert [dict(spec.parameters) for spec in transport.specs] == [{"NOTE": "as it is now\n", "LEVEL": "3"}]
    wanting = CommandPayload(body=Line("x"), parameters=(level, Parameter(name="VERSION", required=True)))
    failed = bench.ended(bench.queue(wanting, trigger=Trigger.SCHEDULE))
    assert failed.status is ExecutionStatus.FAILED
    assert "parameters.VERSION: it has no value" in failed.error_message


def test_the_plan_is_kept_and_says_why_each_target_is_in(bench: Bench) -> None:
    bench.add_devices("web1", "web2")
    run = bench.run("uptime", on="web*")
    with bench.database.read() as c:
        row = executions.load_run(c, run.id)
    assert row is not None
    assert row.plan_json is not None
    plan = json.loads(row.plan_json)
    assert [(t["device_name"], t["why"]) for t in plan["targets"]] == [("web1", "web*"), ("web2", "web*")]


def test_a_run_ends_exactly_once_and_says_so_once(any_bench: Bench, transport: ScriptedTransport) -> None:
    bench = any_bench
    bench.add_devices(*(f"web{n}" for n in range(30)))
    run = bench.run("x")
    types = bench.event_types(run.id)
    assert types.count("execution.started") == 1
    assert types.count("execution.finished") == 1
    assert types[-1] == "execution.finished"
    assert types.count("target.changed") == 60


def test_a_device_that_was_deleted_after_the_plan_was_made_is_skipped(
    bench: Bench, transport: ScriptedTransport
) -> None:
    web1, web2 = bench.add_devices("web1", "web2")
    with bench.database.write() as c:
        execution = bench.insert(c, "x", on=[web1, web2])
        executions.freeze_plan(c, execution, "{}", "0" * 64, [[(web1, "web1"), (web2, "web2")]], now_ms())
        devices.remove(c, web2, None, now_ms())
    bench.engine.wake()
    run = bench.ended(execution)
    assert run.status is ExecutionStatus.PARTIALLY_SUCCEEDED
    assert bench.targets(run)["web2"].state is TargetState.SKIPPED
    assert bench.targets(run)["web2"].error_message == "the device was deleted"


# -- cancel


def test_a_cancel_kills_what_runs_and_starts_nothing_more(
    sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport
) -> None:
    gate = Gate()
    transport.behaviour = gate
    settings = EngineSettings(workers=3)
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.LOCAL: transport}, settings) as bench:
        bench.add_devices(*(f"web{n}" for n in range(8)))
        execution = bench.queue("sleep")
        for _ in range(3):
            gate.entered.acquire()
        bench.cancel(execution)
        run = bench.ended(execution)
        assert run.status is ExecutionStatus.CANCELLED
        found = bench.targets(run).values()
        assert sorted(t.attempts for t in found) == [0] * 5 + [1] * 3
        assert {t.state for t in found} == {TargetState.CANCELLED}
        assert all(t.kill == KillReport(KillVerdict.KILLED) for t in found if t.attempts)
        assert len(transport.specs) == 3
        assert bench.event_types(execution).count("execution.finished") == 1
        bench.until(bench.engine.is_idle)


def test_a_cancel_written_by_another_process_is_seen(any_bench: Bench, transport: ScriptedTransport) -> None:
    bench = any_bench
    bench.add_devices("web1")
    gate = Gate()
    transport.behaviour = gate
    execution = bench.queue("sleep")
    gate.entered.acquire()
    with bench.database.write() as c:
        endings.request_cancel(c, execution, now_ms())
    assert bench.ended(execution).status is ExecutionStatus.CANCELLED


def test_a_cancel_of_what_is_over_or_unknown_changes_nothing(bench: Bench) -> None:
    bench.add_devices("web1")
    run = bench.run("x")
    bench.cancel(run.id)
    assert bench.get(run.id).status is ExecutionStatus.SUCCEEDED


# -- output


def test_output_is_read_while_the_command_runs_and_its_growth_is_told(
    any_bench: Bench, transport: ScriptedTransport
) -> None:
    bench = any_bench
    bench.add_devices("web1")
    gate = Gate()

    def talk(spec: CommandSpec, sink: OutputSink, cancel: Event) -> Outcome:
        sink(Stream.STDOUT, b"working\n", datetime.now(UTC))
        return gate(spec, sink, cancel)

    transport.behaviour = talk
    execution = bench.queue("x")
    gate.entered.acquire()
    target = bench.targets(execution)["web1"]
    assert bench.output_of(target) == b"working\n"
    assert not bench.output.read(execution, target.id).complete
    bench.until(lambda: "output.grew" in bench.event_types(execution))
    bench.until(lambda: bench.targets(execution)["web1"].stdout_bytes == 8)
    # a second later it is on disk, so that a crash would not lose it
    bench.until(lambda: b"working" in stored_inline(bench, target.id))
    gate.open.set()
    bench.ended(execution)
    assert bench.output.read(execution, target.id).complete


def stored_inline(bench: Bench, target: int) -> bytes:
    with bench.database.read() as c:
        frames = c.scalar(sa.select(schema.outputs.c.frames).where(schema.outputs.c.target_id == target)) or b""
    return b"".join(frame.data for frame in decode(frames))


def test_equal_outputs_have_the_same_digest(bench: Bench, transport: ScriptedTransport) -> None:
    bench.add_devices("web1", "web2", "web3")
    transport.behaviour = says(b"same")
    transport.by_name["web3"] = says(b"other")
    run = bench.run("x")
    with bench.database.read() as c:
        digests = dict(
            c.execute(
                sa.select(schema.execution_targets.c.device_name, schema.execution_targets.c.output_sha256)
                .where(schema.execution_targets.c.execution_id == run.id)
            ).all()
        )  # fmt: skip
    assert digests["web1"] == digests["web2"] != digests["web3"]


# -- host keys


def test_the_policy_of_a_device_is_its_own_else_the_strictest_of_its_groups(
    bench: Bench, transport: ScriptedTransport
) -> None:
    a, b, d = bench.add_devices("a", "b", "c")
    bench.add(
        DeviceDraft(
            name="own",
            address="127.0.0.1",
            transport=TransportKind.LOCAL,
            host_key_policy=HostKeyPolicy.ACCEPT_NEW,
        )
    )
    with bench.database.write() as c:
        inner = groups.add(
            c,
            GroupDraft(name="inner", devices=(a,), host_key_policy=HostKeyPolicy.STRICT),
            bench.owner,
            now_ms(),
        )
        groups.add(
            c,
            GroupDraft(name="outer", devices=(b,), groups=(inner,), host_key_policy=HostKeyPolicy.ACCEPT_NEW),
            bench.owner,
            now_ms(),
        )
    bench.run("x")
    found = {endpoint.name: endpoint.host_key_policy for endpoint in transport.endpoints}
    assert found == {
        "a": HostKeyPolicy.STRICT,
        "b": HostKeyPolicy.ACCEPT_NEW,
        "c": HostKeyPolicy.ASK,
        "own": HostKeyPolicy.ACCEPT_NEW,
    }
    assert d
