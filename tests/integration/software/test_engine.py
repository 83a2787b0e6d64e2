"""Software tasks of the engine on a real sshd whose sessions are in a private root: installed, seen, rolled back."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.execution import ExecutionStatus, TargetState
from deployx_tui.model.ids import DeviceId, PackageId
from deployx_tui.model.package import Detection, DetectionKind, InstallerKind, Package, Variant
from deployx_tui.model.software import PackageChoice, RebootPolicy, SoftwareAction, SoftwarePayload
from deployx_tui.store import changes, installed, packages
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.transports.base import SPOOL_BASES, Transport
from tests.integration.software.test_apt import installed as in_root
from tests.support.bench import Bench, engine_on
from tests.support.private_root import PrivateRoot
from tests.support.ssh import Fleets, transport_to


@pytest.fixture(scope="module")
def fleets(whole_root: PrivateRoot) -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


@pytest.fixture
def bench(sqlite_database: Database, tmp_path: Path, root: PrivateRoot, fleets: Fleets) -> Iterator[Bench]:
    fleet = fleets.get({"ForceCommand": str(root.shells / "sh")})
    transports: dict[TransportKind, Transport] = {TransportKind.SSH: transport_to(fleet, tmp_path)}
    settings = EngineSettings(connect_timeout=timedelta(seconds=20), facts_age=timedelta(days=1))
    with engine_on(sqlite_database, tmp_path / "output", transports, settings) as bench:
        (host,) = fleet.hosts
        bench.add(
            DeviceDraft(name="web1", address=host.address, port=host.port, user=host.user, key_file=host.key_file)
        )
        yield bench
    for transport in transports.values():
        transport.shutdown()


def add(bench: Bench, called: str, /, *depends: str, version: str | None = None, **variant: object) -> PackageId:
    variant.setdefault("installer", InstallerKind.APT)
    if variant["installer"] is InstallerKind.APT:
        variant.setdefault("name", called)
    given = Package(name=called, version=version, variants=(Variant(**variant),), depends=depends)  # type: ignore[arg-type]
    with bench.database.write() as c:
        return packages.add(c, given, bench.owner, now_ms())


def software(*ids: PackageId, version: str | None = None, **more: object) -> SoftwarePayload:
    choices = tuple(PackageChoice(package=each, version=version) for each in ids)
    return SoftwarePayload(packages=choices, **more)  # type: ignore[arg-type]


def seen(bench: Bench) -> dict[str, tuple[str, str, bool]]:
    with bench.database.read() as c:
        return {each.package: (each.version, each.seen_by, each.is_behind) for each in installed.where(c)}


def test_a_package_is_installed_left_alone_and_rolled_back(bench: Bench, root: PrivateRoot) -> None:
    base = add(bench, "base", name="dxa", version="2.0")
    top = add(bench, "dxb", "base")
    first = bench.run(software(base, version="1.0"))
    assert first.status is ExecutionStatus.SUCCEEDED, bench.targets(first)
    assert in_root(root) == {"dxa": "1.0-1"}
    assert seen(bench) == {"base": ("1.0-1", f"run {first.id}", True)}

    run = bench.run(software(top))
    target = bench.targets(run)["web1"]
    assert (target.state, target.changed, target.durable) == (TargetState.SUCCEEDED, True, True), target
    assert target.error_message == "installed base 2.0-1, dxb 1.0"
    assert in_root(root) == {"dxa": "2.0-1", "dxb": "1.0"}
    assert seen(bench) == {"base": ("2.0-1", f"run {run.id}", False), "dxb": ("1.0", f"run {run.id}", False)}
    with bench.database.read() as c:
        kept = changes.load(c, run.id, target.device_id).packages
    assert [(each.package, each.native, each.before, each.after) for each in kept] == [
        ("base", "dxa", "1.0-1", "2.0-1"),
        ("dxb", "dxb", "", "1.0"),
    ]
    said = bench.output_of(target).decode()
    assert (said.count("dxb: installs by apt: os debian 12"), said.count("installs by")) == (1, 2)
    again = bench.run(software(top))
    assert again.targets.unchanged == 1, bench.targets(again)

    back = bench.run(RollbackPayload(execution=run.id), [])
    target = bench.targets(back)["web1"]
    assert (target.state, target.changed) == (TargetState.SUCCEEDED, True), bench.output_of(target)
    assert in_root(root) == {"dxa": "1.0-1"}
    assert seen(bench) == {"base": ("1.0-1", f"run {back.id}", True)}
    twice = bench.run(RollbackPayload(execution=run.id), [])
    assert not twice.targets.changed, bench.targets(twice)


def test_what_fails_says_so_and_leaves_nothing(bench: Bench, root: PrivateRoot) -> None:
    run = bench.run(software(add(bench, "dxa"), add(bench, "dxbroken"), all_or_nothing=True))
    target = bench.targets(run)["web1"]
    assert (target.state, target.changed) == (TargetState.FAILED, False), target
    assert target.error_message.startswith("1 of 2 packages failed: dxbroken: apt-get ended with exit 100")
    assert "taken back: dxa" in target.error_message
    assert in_root(root) == {}
    assert seen(bench) == {}


def test_an_artifact_goes_over_is_unpacked_and_goes_back(bench: Bench, root: PrivateRoot) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        member = tarfile.TarInfo("tool/bin")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"one"))
    bench.add_file("tool.tar.gz", made.getvalue())
    tool = add(
        bench, "tool", version="1.0", installer=InstallerKind.ARCHIVE, artifact="tool.tar.gz", folder="/opt/dxtool",
        strip=1,
    )  # fmt: skip
    run = bench.run(software(tool))
    assert run.status is ExecutionStatus.SUCCEEDED, bench.targets(run)
    assert root.do("cat /opt/dxtool/current/bin") == "one"
    assert root.do("ls -A /tmp") == ""
    back = bench.run(RollbackPayload(execution=run.id), [])
    assert back.status is ExecutionStatus.SUCCEEDED, bench.targets(back)
    assert root.do("ls /opt/dxtool 2>&1", ok=False).startswith("ls: cannot access")


def spools(root: PrivateRoot) -> set[str]:
    """What durable runs left in the folders where their traces lie; the machine below has some of its own."""
    return set(root.do(f"ls -d {' '.join(f'{base}/dx-*' for base in SPOOL_BASES)} 2>/dev/null", ok=False).split())


def test_the_same_is_said_twice_and_an_installer_that_speaks_for_the_script_is_not_heard(
    bench: Bench, root: PrivateRoot
) -> None:
    forge = """
    for word in $DEPLOYX_RUN $(cat /tmp/deployx-*/* 2>/dev/null | sed -n 's/^dxs \\([^ ]*\\) .*/\\1/p'); do
      printf 'dxs %s c 0 apt zlib1g - 1.0\\ndxs %s r 0 installed script - 9.9 0 \\ndxs %s end\\n' $word $word $word
    done
    ! env | grep dx_mark || echo 8.8 >/opt/dxscript
    [ -e /opt/dxscript ] || echo 1.0 >/opt/dxscript
    """
    detection = Detection(kind=DetectionKind.FILE, path="/opt/dxscript", pattern="(.*)")
    tool = add(bench, "tool", installer=InstallerKind.SCRIPT, script=forge, detection=detection)
    run = bench.run(software(tool))
    assert run.status is ExecutionStatus.SUCCEEDED, bench.targets(run)
    assert seen(bench) == {"tool": ("1.0", f"run {run.id}", False)}
    target = bench.targets(run)["web1"]
    with bench.database.read() as c:
        kept = changes.load(c, run.id, target.device_id).packages
    assert [(each.package, each.after) for each in kept] == [("tool", "1.0")]
    said = [bench.output_of(bench.targets(bench.run(software(tool)))["web1"]) for _ in range(2)]
    assert said[0] == said[1]
    assert said[0] == b"tool: unchanged, 1.0 is there\n"


@pytest.mark.parametrize("is_refused", [False, True])
def test_neither_a_run_nor_its_rollback_leaves_traces(bench: Bench, root: PrivateRoot, is_refused: bool) -> None:
    detection = Detection(kind=DetectionKind.FILE, path="/opt/dxscript", pattern="(.*)")
    uninstall = "exit 3" if is_refused else "rm /opt/dxscript"
    tool = add(
        bench, "tool", installer=InstallerKind.SCRIPT, script="echo 1.0 >/opt/dxscript", uninstall=uninstall,
        detection=detection,
    )  # fmt: skip
    before = spools(root)
    run = bench.run(software(tool))
    assert run.status is ExecutionStatus.SUCCEEDED, bench.targets(run)
    back = bench.run(RollbackPayload(execution=run.id), [])
    wanted = ExecutionStatus.FAILED if is_refused else ExecutionStatus.SUCCEEDED
    assert back.status is wanted, bench.targets(back)
    assert spools(root) <= before


def test_a_package_that_no_catalogue_has_is_installed_and_removed(bench: Bench, root: PrivateRoot) -> None:
    run = bench.run(SoftwarePayload(custom="dxconf=1.0"))
    assert run.status is ExecutionStatus.SUCCEEDED, bench.targets(run)
    assert in_root(root) == {"dxconf": "1.0"}
    run = bench.run(SoftwarePayload(custom="dxconf", action=SoftwareAction.UNINSTALL))
    assert run.status is ExecutionStatus.SUCCEEDED, bench.targets(run)
    assert seen(bench) == {}


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (SoftwarePayload(custom="dxa", reboot=RebootPolicy.ALWAYS), "does not restart a device"),
        (software(PackageId(99)), "there is no package 99"),
    ],
)
def test_what_can_not_be_done_is_refused_before_anything_is_sent(
    bench: Bench, root: PrivateRoot, payload: SoftwarePayload, words: str
) -> None:
    run = bench.run(payload)
    said = " ".join([run.error_message, *(each.error_message for each in bench.targets(run).values())])
    assert words in said
    assert in_root(root) == {}


def test_a_device_that_nothing_fits_is_told_why(bench: Bench, root: PrivateRoot) -> None:
    run = bench.run(software(add(bench, "tool", os=("plan9",), name="tool")))
    target = bench.targets(run)["web1"]
    assert target.state is TargetState.FAILED
    assert "the catalogue has no way to install tool on debian 12" in target.error_message
    assert "apt is for plan9" in target.error_message


def test_a_device_is_deleted_with_what_was_seen_there(bench: Bench, root: PrivateRoot) -> None:
    bench.run(software(add(bench, "dxa")))
    with bench.database.write() as c:
        # of another device nothing is said
        installed.keep(c, DeviceId(99), [installed.Seen(package="x", installer=InstallerKind.APT, version="1")], "x", 1)
    assert set(seen(bench)) == {"dxa"}
