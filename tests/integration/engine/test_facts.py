"""Devices tell what they are beside their runs: once per process and account, and again when the answer is old."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.engine.facts import Asking
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.execution import Cause, ExecutionStatus, TargetState
from deployx_tui.model.facts import Facts, KnownFacts
from deployx_tui.model.ids import DeviceId
from deployx_tui.store import devices
from deployx_tui.store.database import Database
from deployx_tui.transports.base import CommandSpec, Endpoint, Gone, Process, Refused, RemoteHandle, Transport, Unknown
from deployx_tui.transports.facts import NoFacts
from deployx_tui.transports.local import LocalTransport
from tests.support.bench import Bench, engine_on
from tests.support.rows import add_user
from tests.support.ssh import Fleets, endpoint_of, transport_to


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


def known(bench: Bench, device: DeviceId) -> KnownFacts | None:
    with bench.database.read() as c:
        return devices.get(c, device).facts


@pytest.mark.parametrize("options", [{}, {"MaxSessions": "1"}], ids=["sshd", "one session"])
def test_the_first_run_on_a_real_host_brings_its_facts(
    sqlite_database: Database, tmp_path: Path, fleets: Fleets, options: dict[str, str]
) -> None:
    fleet = fleets.get(options)
    host, ssh = fleet.hosts[0], transport_to(fleet, tmp_path)
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.SSH: ssh}) as bench:
        device = bench.add(
            DeviceDraft(name="web01", address=host.address, port=host.port, user=host.user, key_file=host.key_file)
        )
        run = bench.run("echo hello")
        assert run.status is ExecutionStatus.SUCCEEDED
        assert bench.output_of(bench.targets(run)["web01"]) == b"hello\n"
        bench.until(lambda: known(bench, device) is not None)
        told = known(bench, device)
        assert told is not None
        assert told.seen_by == f"run {run.id}"
        assert (told.facts.kernel, told.facts.arch) == (platform.system(), platform.machine())
        assert told.facts.os_id == platform.freedesktop_os_release()["ID"]
        assert told.facts.root is not None
        assert run.finished_at is not None
        # the run did not wait for it
        assert told.seen_at >= run.finished_at
        # what it brought can be meant by the next run
        assert bench.run("true", f"os:{told.facts.os_id}").targets.succeeded == 1
        assert known(bench, device) == told
    ssh.shutdown()


def test_a_run_on_this_machine_brings_its_facts_unless_nobody_wants_them(
    sqlite_database: Database, tmp_path: Path
) -> None:
    transports: dict[TransportKind, Transport] = {TransportKind.LOCAL: LocalTransport()}
    with engine_on(sqlite_database, tmp_path / "one", transports, EngineSettings(facts_age=None)) as bench:
        (device,) = bench.add_devices("here")
        bench.run("true")
    # the engine has ended and waited for whatever it had asked
    assert known(bench, device) is None


def test_a_target_that_was_stopped_is_asked_another_time(sqlite_database: Database, tmp_path: Path) -> None:
    with engine_on(sqlite_database, tmp_path / "one", {TransportKind.LOCAL: LocalTransport()}) as bench:
        (device,) = bench.add_devices("here")
        execution = bench.queue("echo begun; sleep 1000")
        bench.until(lambda: any(each.state is TargetState.RUNNING for each in bench.targets(execution).values()))
        bench.cancel(execution)
        assert bench.ended(execution).status is ExecutionStatus.CANCELLED
    # the engine has ended and waited for whatever it had asked
    assert known(bench, device) is None


class Speaker:
    """A connection that answers as a test says."""

    def __init__(self, answer: Callable[[], Facts | NoFacts]) -> None:
        self.answer = answer
        self.asked = 0
        self.changed = threading.Condition()

    def facts(self, cancel: Event) -> Facts | NoFacts:
        found = self.answer()
        with self.changed:
            self.asked += 1
            self.changed.notify_all()
        return found

    def attach(
        self, handle: RemoteHandle, stdout_offset: int, stderr_offset: int, spec: CommandSpec
    ) -> Process | Refused | Unknown | Gone:
        raise NotImplementedError

    def await_asked(self, times: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.asked == times, 60)

    def start(self, spec: CommandSpec) -> Process | Refused | Unknown:
        raise NotImplementedError

    def close(self) -> None:
        return


class Silent:
    """One that can't be asked."""

    def start(self, spec: CommandSpec) -> Process | Refused | Unknown:
        raise NotImplementedError

    def attach(
        self, handle: RemoteHandle, stdout_offset: int, stderr_offset: int, spec: CommandSpec
    ) -> Process | Refused | Unknown | Gone:
        raise NotImplementedError

    def close(self) -> None:
        return


@pytest.fixture
def endpoint(sqlite_database: Database, fleets: Fleets) -> Endpoint:
    host = endpoint_of(fleets.get().hosts[0])
    with sqlite_database.write() as c:
        draft = DeviceDraft(name=host.name, address=host.address, port=host.port, user=host.user)
        return replace(host, device_id=devices.add(c, draft, add_user(c), 1000))


def test_an_account_is_asked_once_while_its_answer_is_young(sqlite_database: Database, endpoint: Endpoint) -> None:
    speaker = Speaker(lambda: Facts(kernel="Linux"))
    asking = Asking(sqlite_database, timedelta(days=1))
    for _ in range(3):
        asking.after_run(endpoint, speaker, "run 1")
    # who was asked may answer, also when the engine ends
    asking.stop(60)
    assert speaker.asked == 1
    with sqlite_database.read() as c:
        told = devices.get(c, endpoint.device_id).facts
    assert told is not None
    assert told.facts == Facts(kernel="Linux")


def test_another_account_and_an_old_answer_are_asked_for(sqlite_database: Database, endpoint: Endpoint) -> None:
    speaker = Speaker(lambda: Facts(kernel="Linux"))
    asking = Asking(sqlite_database, timedelta())
    for count, each in enumerate((endpoint, endpoint, replace(endpoint, user="other")), start=1):
        asking.after_run(each, speaker, "run 1")
        speaker.await_asked(count)
    asking.stop(60)


def test_one_that_fails_is_no_reason_not_to_ask_the_next(sqlite_database: Database, endpoint: Endpoint) -> None:
    def breaks() -> Facts:
        raise RuntimeError("a bug of ours")

    answers: list[Callable[[], Facts | NoFacts]] = [
        breaks,
        lambda: NoFacts(Cause.LOST, "gone"),
        lambda: Facts(kernel="Linux"),
    ]
    asking = Asking(sqlite_database, timedelta(days=1))
    last = Speaker(answers[-1])
    for number, answer in enumerate(answers):
        connection = last if answer is answers[-1] else Speaker(answer)
        asking.after_run(replace(endpoint, user=f"user{number}"), connection, "run 1")
    asking.after_run(replace(endpoint, user="silent"), Silent(), "run 1")
    last.await_asked(1)
    asking.stop(60)


def test_nobody_is_asked_any_more_after_the_end(sqlite_database: Database, endpoint: Endpoint) -> None:
    asking, speaker = Asking(sqlite_database, timedelta(days=1)), Speaker(Facts)
    asking.stop(60)
    asking.after_run(endpoint, speaker, "run 1")
    assert speaker.asked == 0
