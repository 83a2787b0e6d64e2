"""Durable targets outlive their engine: the next one takes them up, with every byte and without a second start."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.engine.settings import EngineSettings
from deployx_tui.engine.starts import EngineEnds
from deployx_tui.model.device import TransportKind
from deployx_tui.model.execution import Cause, ExecutionStatus, KillVerdict, Stream, TargetResult, TargetState
from deployx_tui.model.ids import ExecutionId, UserId
from deployx_tui.model.payload import CommandPayload, Commands, Line
from deployx_tui.output.writer import Caps
from deployx_tui.store import endings
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.transports.base import Endpoint, Unreached
from deployx_tui.transports.local import LocalTransport
from tests.contract.durable.site import CHATTER, chatter
from tests.contract.transport.site import alive, nap
from tests.support.bench import Bench, engine_on


@dataclass
class Site:
    """One database, and one engine after the other on it."""

    database: Database
    folder: Path
    owner: UserId | None = None
    caps: Caps = Caps()  # noqa: RUF009 - frozen
    workers: int = 8

    @property
    def spools(self) -> Path:
        return self.folder / "spools"

    @contextmanager
    def engine(self) -> Iterator[Bench]:
        settings = EngineSettings(spool_bases=(str(self.spools),), caps=self.caps, workers=self.workers)
        transports = {TransportKind.LOCAL: LocalTransport()}
        with engine_on(self.database, self.folder / "output", transports, settings, self.owner) as bench:
            if self.owner is None:
                self.owner = bench.owner
                bench.add_devices("web1")
            yield bench


@pytest.fixture
def there(database: Database, tmp_path: Path) -> Site:
    (tmp_path / "spools").mkdir()
    return Site(database, tmp_path)


def durable(command: str) -> CommandPayload:
    return CommandPayload(body=Line(command), durable=True)


def begun(bench: Bench, payload: CommandPayload, said: bytes, timeout: float | None = None) -> ExecutionId:
    """Queue it, and return when so much of its output has come."""
    execution = bench.queue(payload, timeout=timeout)
    bench.until(lambda: bool(bench.targets(execution)))
    bench.until(lambda: bench.targets(execution)["web1"].state is not TargetState.WAITING)
    target = bench.targets(execution)["web1"].id
    offset = 0
    heard = b""
    while said not in heard:
        assert bench.output.wait(target, offset, timedelta(seconds=60))
        read = bench.output.read(execution, target, Stream.STDOUT, 0)
        heard, offset = b"".join(chunk.data for chunk in read.chunks), read.total
    return execution


def the_target(bench: Bench, execution: ExecutionId) -> TargetResult:
    bench.ended(execution)
    return bench.targets(execution)["web1"]


def sha256(out: bytes, err: bytes) -> str:
    """As the engine computes it."""
    return hashlib.sha256(hashlib.sha256(out).digest() + hashlib.sha256(err).digest()).hexdigest()


def digest_of(bench: Bench, execution: ExecutionId) -> str:
    from deployx_tui.store import results

    with bench.database.read() as c:
        ((_, found),) = results.digests(c, execution)
    return found


def test_a_durable_run_ends_like_any_other_and_leaves_nothing_on_the_target(there: Site) -> None:
    with there.engine() as bench:
        execution = bench.queue(durable("echo out; echo err >&2; exit 3"))
        target = the_target(bench, execution)
        assert (target.state, target.exit_code) == (TargetState.FAILED, 3)
        assert bench.output_of(target) == b"out\n"
        assert bench.output_of(target, Stream.STDERR) == b"err\n"
    assert list(there.spools.iterdir()) == []


def test_a_stop_leaves_it_running_and_the_next_engine_goes_on_at_the_right_byte(there: Site) -> None:
    with there.engine() as bench:
        execution = begun(bench, durable(CHATTER), b"3 line 500\n")
    assert len(list(there.spools.iterdir())) == 1
    with there.engine() as bench:
        target = the_target(bench, execution)
        assert (target.state, target.exit_code, target.attempts) == (TargetState.FAILED, 7, 1)
        out, err = chatter()
        assert bench.output_of(target) == out
        assert bench.output_of(target, Stream.STDERR) == err
        assert digest_of(bench, execution) == sha256(out, err)
        assert bench.get(execution).status is ExecutionStatus.FAILED
    assert list(there.spools.iterdir()) == []


def test_what_was_claimed_and_never_sent_begins_under_the_next_engine(
    there: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine ends while it connects: nothing was sent, and that stands in the database."""
    oracle = tmp_path / "oracle"
    with there.engine() as bench:
        connecting = Event()

        def never(self: LocalTransport, endpoint: Endpoint, deadline: timedelta, cancel: Event) -> Unreached:
            connecting.set()
            raise EngineEnds("as a kill would")

        with monkeypatch.context() as patched:
            patched.setattr(LocalTransport, "connect", never)
            execution = bench.queue(durable(f"echo ran | tee -a {oracle}"))
            assert connecting.wait(60)
            bench.engine.stop(timedelta(0))
        assert bench.targets(execution)["web1"].state is TargetState.RUNNING
    with there.engine() as bench:
        target = the_target(bench, execution)
        assert (target.state, target.attempts) == (TargetState.SUCCEEDED, 1)
    assert oracle.read_text() == "ran\n"


def test_a_small_output_goes_on_too(there: Site, tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    with there.engine() as bench:
        execution = begun(bench, durable(f"echo first; cat {go}; echo last >&2"), b"first\n")
    for _ in range(2):  # two engines that only look
        with there.engine() as bench:
            bench.until(lambda: bench.get(execution).status is ExecutionStatus.RUNNING)
    with there.engine() as bench:
        go.write_text("second\n")
        target = the_target(bench, execution)
        assert target.state is TargetState.SUCCEEDED
        assert bench.output_of(target) == b"first\nsecond\n"
        assert bench.output_of(target, Stream.STDERR) == b"last\n"
        assert digest_of(bench, execution) == sha256(b"first\nsecond\n", b"last\n")


def test_what_ended_while_no_engine_ran_is_collected(there: Site, tmp_path: Path) -> None:
    done = tmp_path / "done"
    os.mkfifo(done)
    with there.engine() as bench:
        execution = begun(bench, durable(f"echo first; seq 100000; echo x >{done}"), b"first\n")
    done.read_text()
    with there.engine() as bench:
        target = the_target(bench, execution)
        assert target.state is TargetState.SUCCEEDED
        assert bench.output_of(target) == b"first\n" + b"".join(b"%d\n" % n for n in range(1, 100_001))


def test_a_cancel_between_two_engines_ends_it(there: Site) -> None:
    seconds = nap()
    with there.engine() as bench:
        execution = begun(bench, durable(f"echo ready; sleep {seconds}"), b"ready\n")
    assert len(alive(seconds)) == 1
    with there.database.write() as c:
        endings.request_cancel(c, execution, now_ms())
    with there.engine() as bench:
        target = the_target(bench, execution)
        assert target.state is TargetState.CANCELLED
        assert target.kill is not None
        assert target.kill.verdict is KillVerdict.KILLED
        assert bench.get(execution).status is ExecutionStatus.CANCELLED
    assert alive(seconds) == []
    assert list(there.spools.iterdir()) == []


def test_a_cancel_reaches_those_that_no_worker_has_taken_up_yet(there: Site) -> None:
    seconds = nap()
    with there.engine() as bench:
        bench.add_devices("web2", "web3")
        execution = bench.queue(durable(f"echo ready; sleep {seconds}"))
        bench.until(lambda: len(bench.targets(execution)) == 3)
        bench.until(lambda: all(t.stdout_bytes for t in bench.targets(execution).values()))
    there.workers = 1
    with there.engine() as bench:
        bench.until(lambda: bench.engine._workers._idle == 0 and bool(bench.engine._present_runs()))
        bench.cancel(execution)
        bench.ended(execution)
        for target in bench.targets(execution).values():
            assert target.state is TargetState.CANCELLED
            assert target.kill is not None
            assert target.kill.verdict is KillVerdict.KILLED
    assert alive(seconds) == []
    assert list(there.spools.iterdir()) == []


def test_a_cancel_and_a_deadline_of_a_durable_run_are_verified(there: Site) -> None:
    seconds = nap()
    with there.engine() as bench:
        execution = begun(bench, durable(f"echo ready; sleep {seconds} | cat & wait"), b"ready\n")
        bench.cancel(execution)
        target = the_target(bench, execution)
        assert target.state is TargetState.CANCELLED
        assert target.kill is not None
        assert target.kill.verdict is KillVerdict.KILLED
        late = bench.queue(durable(f"echo ready; sleep {seconds}"), timeout=1)
        target = the_target(bench, late)
        assert target.state is TargetState.TIMED_OUT
        assert target.kill is not None
        assert target.kill.verdict is KillVerdict.KILLED
    assert alive(seconds) == []
    assert list(there.spools.iterdir()) == []


def test_the_deadline_counts_from_the_start_not_from_the_next_engine(there: Site) -> None:
    seconds = nap()
    with there.engine() as bench:
        execution = begun(bench, durable(f"echo ready; sleep {seconds}"), b"ready\n", timeout=3600)
        with bench.database.write() as c:
            c.exec_driver_sql(
                f"UPDATE execution_targets SET started_at = started_at - 3600000 WHERE execution_id = {execution}"
            )
    with there.engine() as bench:
        assert the_target(bench, execution).state is TargetState.TIMED_OUT
    assert alive(seconds) == []


def test_several_commands_run_each_once_across_engines(there: Site, tmp_path: Path) -> None:
    go, oracle = tmp_path / "go", tmp_path / "oracle"
    os.mkfifo(go)
    commands = (
        f"echo one | tee -a {oracle}; exit 4",
        f"echo two | tee -a {oracle}; cat {go} >&2",
        f"echo three | tee -a {oracle}",
    )
    payload = CommandPayload(body=Commands(commands, stop_on_failure=False), durable=True)
    with there.engine() as bench:
        execution = begun(bench, payload, b"two\n")
        assert len(list(there.spools.iterdir())) == 1, "the first command's spool was removed"
    with there.engine() as bench:
        go.write_text("said\n")
        target = the_target(bench, execution)
        assert (target.state, target.exit_code) == (TargetState.FAILED, 4)
        assert "command 1 of 3" in target.error_message
        assert bench.output_of(target) == b"one\ntwo\nthree\n"
        assert bench.output_of(target, Stream.STDERR) == b"said\n"
    assert oracle.read_text() == "one\ntwo\nthree\n"
    assert list(there.spools.iterdir()) == []


def test_a_wiped_spool_is_lost_and_says_so(there: Site) -> None:
    seconds = nap()
    with there.engine() as bench:
        execution = begun(bench, durable(f"echo ready; sleep {seconds}"), b"ready\n")
    (spool,) = there.spools.iterdir()
    spool.rename(there.folder / "elsewhere")
    with there.engine() as bench:
        target = the_target(bench, execution)
        assert (target.state, target.cause) == (TargetState.LOST, Cause.LOST)
        assert "no trace" in target.error_message
        assert bench.output_of(target) == b"ready\n"
        assert target.attempts == 1
    for pid in alive(seconds):
        os.kill(pid, 9)


def test_an_output_above_its_cap_is_whole_up_to_head_and_tail(there: Site) -> None:
    there.caps = replace(there.caps, target=600_000, tail=200_000)
    with there.engine() as bench:
        execution = begun(bench, durable(CHATTER), b"3 line 500\n")
    with there.engine() as bench:
        target = the_target(bench, execution)
        out, err = chatter()
        assert target.output_cut
        assert (target.stdout_bytes, target.stderr_bytes) == (len(out), len(err))
        assert digest_of(bench, execution) == sha256(out, err)
        kept = bench.output_of(target)
        assert out.startswith(kept[:100_000])
        assert out.endswith(kept[-50_000:])


def test_plain_runs_are_cancelled_by_the_same_stop(there: Site) -> None:
    seconds = nap()
    with there.engine() as bench:
        execution = begun(bench, CommandPayload(body=Line(f"echo ready; sleep {seconds}")), b"ready\n")
        bench.engine.stop(timedelta(0))
        assert bench.targets(execution)["web1"].state is TargetState.CANCELLED
    assert alive(seconds) == []
