"""File tasks of the engine on real sshd: put, left alone, replaced, taken back, on 20 hosts at once."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet, FleetHost
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.changes import ChangeKind, RollbackPayload
from deployx_tui.model.device import DeviceDraft, HostKeyPolicy, TransportKind
from deployx_tui.model.execution import Cause, ExecutionStatus, TargetState
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId, DeviceId, ExecutionId
from deployx_tui.planning.plan import pinned_artifacts
from deployx_tui.store import artifacts, changes, executions
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.transports.base import Transport
from tests.support.bench import Bench, engine_on
from tests.support.proxy import Proxy
from tests.support.ssh import Fleets, transport_to

HOSTS = 20
#: below the home of each host, which are all this machine
FOLDER = "srv"


@pytest.fixture(scope="module")
def running() -> Iterator[Fleet]:
    with Fleets() as fleets:
        yield fleets.get(count=HOSTS)


@pytest.fixture
def fleet(running: Fleet) -> Fleet:
    """With empty homes."""
    for home in homes(running):
        shutil.rmtree(home)
        home.mkdir(mode=0o700)
    return running


@pytest.fixture
def bench(sqlite_database: Database, tmp_path: Path, fleet: Fleet) -> Iterator[Bench]:
    transports: dict[TransportKind, Transport] = {TransportKind.SSH: transport_to(fleet, tmp_path)}
    settings = EngineSettings(connect_timeout=timedelta(seconds=20))
    with engine_on(sqlite_database, tmp_path / "output", transports, settings) as bench:
        yield bench
    for transport in transports.values():
        transport.shutdown()


def homes(fleet: Fleet, count: int = HOSTS) -> list[Path]:
    return [Path(host.home) for host in fleet.hosts[:count]]


def draft_of(host: FleetHost, name: str) -> DeviceDraft:
    return DeviceDraft(name=name, address=host.address, port=host.port, user=host.user, key_file=host.key_file)


def add_hosts(bench: Bench, fleet: Fleet, count: int) -> tuple[DeviceId, ...]:
    return tuple(bench.add(draft_of(host, f"web{n}")) for n, host in enumerate(fleet.hosts[:count], start=1))


def put(artifact: ArtifactId, path: str = f"~/{FOLDER}/motd", **more: object) -> FilePayload:
    return FilePayload(items=(FileItem(artifact=artifact),), target_path=path, **more)  # type: ignore[arg-type]


def seen(places: Sequence[Path]) -> list[dict[str, tuple[int, int, bytes]]]:
    """All that lies in the folder on each host: inode, time of change and content, by path."""
    found = []
    for place in places:
        here = {}
        for path in sorted((place / FOLDER).rglob("*")):
            facts = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            here[str(path.relative_to(place))] = (facts.st_ino, facts.st_mtime_ns, content)
        found.append(here)
    return found


def contents(place: Path) -> dict[str, bytes]:
    (here,) = seen([place])
    return {path: content for path, (_, _, content) in here.items()}


def test_twenty_hosts_get_a_file_and_a_second_run_changes_nothing_not_even_a_time(bench: Bench, fleet: Fleet) -> None:
    add_hosts(bench, fleet, HOSTS)
    motd = bench.add_file("motd", b"welcome\n")
    run = bench.run(put(motd))
    assert run.status is ExecutionStatus.SUCCEEDED, bench.targets(run)
    assert (run.targets.changed, run.targets.unchanged) == (HOSTS, 0)
    places = homes(fleet)
    assert [contents(place) for place in places] == [{"srv/motd": b"welcome\n"}] * HOSTS
    with bench.database.read() as c:
        # the folder too
        assert {each.count for each in changes.of_execution(c, run.id)} == {2}
        made = changes.load(c, run.id, bench.targets(run)["web1"].device_id)
    (change,) = [each for each in made.files if each.kind is ChangeKind.CREATED]
    assert change.path == str(places[0] / "srv/motd")
    assert change.after == hashlib.sha256(b"welcome\n").hexdigest()
    before = seen(places)
    again = bench.run(put(motd))
    assert again.status is ExecutionStatus.SUCCEEDED
    assert (again.targets.changed, again.targets.unchanged) == (0, HOSTS)
    assert {target.changed for target in bench.targets(again).values()} == {False}
    assert seen(places) == before
    with bench.database.read() as c:
        assert changes.of_execution(c, again.id) == ()


def test_what_was_replaced_on_some_hosts_is_taken_back_there_and_nowhere_else(bench: Bench, fleet: Fleet) -> None:
    add_hosts(bench, fleet, 4)
    places = homes(fleet, 4)
    for place, content in zip(places, (b"old\n", b"other\n", None, b"new\n"), strict=True):
        (place / FOLDER).mkdir()
        if content is not None:
            (place / "srv/motd").write_bytes(content)
    run = bench.run(put(bench.add_file("motd", b"new\n")))
    assert run.status is ExecutionStatus.SUCCEEDED, bench.targets(run)
    assert (run.targets.changed, run.targets.unchanged) == (3, 1)
    assert [(place / "srv/motd").read_bytes() for place in places] == [b"new\n"] * 4
    untouched = seen(places[3:])
    back = bench.run(RollbackPayload(execution=run.id), on=())
    assert back.status is ExecutionStatus.SUCCEEDED, bench.targets(back)
    assert bench.targets(back).keys() == {"web1", "web2", "web3"}
    assert [contents(place).get("srv/motd") for place in places] == [b"old\n", b"other\n", None, b"new\n"]
    assert seen(places[3:]) == untouched
    refused = bench.run(RollbackPayload(execution=run.id), on=())
    assert f"rolled back by execution {back.id}" in refused.error_message
    forth = bench.run(RollbackPayload(execution=back.id), on=())
    assert forth.status is ExecutionStatus.SUCCEEDED, bench.targets(forth)
    assert [(place / "srv/motd").read_bytes() for place in places] == [b"new\n"] * 4


def test_a_check_tells_who_differs_and_changes_nothing(bench: Bench, fleet: Fleet) -> None:
    add_hosts(bench, fleet, 3)
    places = homes(fleet, 3)
    motd = bench.add_file("motd", b"new\n")
    assert bench.run(put(motd)).status is ExecutionStatus.SUCCEEDED
    (places[1] / "srv/motd").write_bytes(b"drifted\n")
    (places[2] / "srv/motd").unlink()
    before = seen(places)
    run = bench.run(put(motd, check=True))
    assert run.status is ExecutionStatus.PARTIALLY_SUCCEEDED
    found = {name: (target.state, target.cause, target.changed) for name, target in bench.targets(run).items()}
    differs = (TargetState.FAILED, Cause.VERIFY, False)
    assert found == {"web1": (TargetState.SUCCEEDED, None, False), "web2": differs, "web3": differs}
    assert seen(places) == before
    with bench.database.read() as c:
        assert changes.of_execution(c, run.id) == ()


def test_the_newest_version_is_pinned_when_it_is_planned(bench: Bench, fleet: Fleet) -> None:
    add_hosts(bench, fleet, 1)
    (place,) = homes(fleet, 1)
    first = bench.add_file("motd", b"one\n")
    bench.add_file("motd", b"two\n")
    payload = put(first)
    payload = replace(payload, items=(replace(payload.items[0], newest=True),))
    run = bench.run(payload)
    assert run.status is ExecutionStatus.SUCCEEDED, (run, bench.targets(run))
    assert (place / "srv/motd").read_bytes() == b"two\n"
    assert run.summary.startswith("motd to ")
    with bench.database.read() as c:
        row = executions.load_run(c, run.id)
    assert row is not None
    assert row.plan_json is not None
    (pinned,) = pinned_artifacts(row.plan_json)
    assert (pinned.name, pinned.version, pinned.sha256) == ("motd", 2, hashlib.sha256(b"two\n").hexdigest())
    assert bench.run(put(first)).targets.changed == 1, "without it, the version that was named"
    assert (place / "srv/motd").read_bytes() == b"one\n"


def test_an_artifact_that_is_gone_ends_the_run_with_the_reason(bench: Bench, fleet: Fleet) -> None:
    add_hosts(bench, fleet, 1)
    motd = bench.add_file("motd", b"one\n")
    with bench.database.write() as c:
        artifacts.remove(c, motd, now_ms())
    run = bench.run(put(motd))
    assert run.status is ExecutionStatus.FAILED
    assert str(motd) in run.error_message
    assert not bench.targets(run)


def test_an_artifact_that_was_changed_on_disk_is_found_before_it_is_sent(bench: Bench, fleet: Fleet) -> None:
    add_hosts(bench, fleet, 2)
    motd = bench.add_file("motd", b"one\n")
    path = bench.contents.folder.path(hashlib.sha256(b"one\n").hexdigest())
    path.chmod(0o600)
    path.write_bytes(b"two\n")
    run = bench.run(put(motd))
    assert run.status is ExecutionStatus.FAILED
    for target in bench.targets(run).values():
        assert (target.state, target.changed) == (TargetState.FAILED, False)
        assert "motd" in target.error_message
    assert seen(homes(fleet, 2)) == [{}, {}]


def test_a_break_in_the_middle_of_a_large_file_is_gone_on_with(bench: Bench, fleet: Fleet) -> None:
    host, (place,) = fleet.hosts[0], homes(fleet, 1)
    size = 24 << 20
    content = hashlib.shake_256(b"large").digest(size)
    with Proxy(host.address, host.port, cut_after=size * 2 // 3, cuts_once=True) as proxy:
        near = replace(draft_of(host, "far"), address=proxy.address, port=proxy.port)
        bench.add(replace(near, host_key_policy=HostKeyPolicy.ACCEPT_NEW))
        run = bench.run(put(bench.add_file("large", content), f"~/{FOLDER}/large"))
        assert run.status is ExecutionStatus.SUCCEEDED, bench.targets(run)
        assert proxy.accepted >= 2
        assert proxy.sent < size * 4 // 3, "it went on, and did not begin again"
    assert contents(place) == {"srv/large": content}


def test_a_cancel_in_the_middle_leaves_nothing(bench: Bench, fleet: Fleet) -> None:
    host, (place,) = fleet.hosts[0], homes(fleet, 1)
    (place / FOLDER).mkdir()
    content = hashlib.shake_256(b"large").digest(32 << 20)
    with Proxy(host.address, host.port, halt_after=8 << 20) as proxy:
        near = replace(draft_of(host, "far"), address=proxy.address, port=proxy.port)
        bench.add(replace(near, host_key_policy=HostKeyPolicy.ACCEPT_NEW))
        execution = bench.queue(put(bench.add_file("large", content), f"~/{FOLDER}/large"))
        assert proxy.halted.wait(60)
        assert list((place / FOLDER).iterdir()) != [], "a part of it is there"
        bench.cancel(execution)
        proxy.go_on()
        run = bench.ended(execution)
    assert run.status is ExecutionStatus.CANCELLED
    assert bench.targets(run)["far"].state is TargetState.CANCELLED
    assert list((place / FOLDER).iterdir()) == []


def test_a_tree_goes_whole_and_is_taken_back_whole(bench: Bench, fleet: Fleet) -> None:
    add_hosts(bench, fleet, 2)
    places = homes(fleet, 2)
    tree = bench.add_tree("site", {"index.html": b"<p>", "css/site.css": b"p {}", "js/app.js": b"1"})
    run = bench.run(put(tree, f"~/{FOLDER}/"))
    assert run.status is ExecutionStatus.SUCCEEDED, bench.targets(run)
    for place in places:
        assert contents(place)["srv/css/site.css"] == b"p {}"
        assert contents(place)["srv/index.html"] == b"<p>"
    before = seen(places)
    assert bench.run(put(tree, f"~/{FOLDER}/")).targets.unchanged == 2
    assert seen(places) == before
    back = bench.run(RollbackPayload(execution=run.id), on=())
    assert back.status is ExecutionStatus.SUCCEEDED, bench.targets(back)
    assert [contents(place) for place in places] == [{}, {}]


def test_the_history_of_a_run_that_is_forgotten_is_said_when_it_is_to_be_taken_back(bench: Bench, fleet: Fleet) -> None:
    add_hosts(bench, fleet, 1)
    refused = bench.run(RollbackPayload(execution=ExecutionId(4711)), on=())
    assert refused.status is ExecutionStatus.FAILED
    assert "there is no execution 4711" in refused.error_message
