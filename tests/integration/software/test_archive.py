"""Archives and scripts, on this machine, in folders of the test's own."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.package import Detection, DetectionKind, InstallerKind, Requirements
from deployx_tui.model.software import SoftwareAction, SoftwarePayload
from deployx_tui.planning.software import SoftwareStep
from deployx_tui.runners.software.compile import Restore
from deployx_tui.runners.software.parse import StepState
from tests.contract.transport.site import Site
from tests.integration.test_local_transport import here
from tests.support.software import Did, restore, run, step

Members = Callable[[tarfile.TarFile], None]
REMOVE = SoftwarePayload(action=SoftwareAction.UNINSTALL)


@pytest.fixture
def site() -> Site:
    return here()


def put(tar: tarfile.TarFile, name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, link, 0o4755
    member.size = len(content) if kind == tarfile.REGTYPE else 0
    member.uid = member.gid = 12345
    tar.addfile(member, io.BytesIO(content) if kind == tarfile.REGTYPE else None)


class Shelf:
    """Where archives lie, and where they are unpacked to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = folder / "opt/tool"
        self.files: dict[str, str] = {}

    def step(self, version: str, fill: Members | str, strip: int = 0, name: str = "tool") -> SoftwareStep:
        (self.folder / "sent").mkdir(exist_ok=True)
        made = self.folder / "sent" / f"{len(self.files)}.tar.gz"
        with tarfile.open(made, "w:gz") as tar:
            if isinstance(fill, str):
                put(tar, "tool-x/bin/tool", fill.encode())
                put(tar, "tool-x/lib", kind=tarfile.SYMTYPE, link="bin")
            else:
                fill(tar)
        digest = hashlib.sha256(made.read_bytes()).hexdigest()
        self.files[digest] = str(made)
        return step(
            name, InstallerKind.ARCHIVE, version, artifact="t", sha256=digest, folder=str(self.place), strip=strip
        )

    def run(self, site: Site, *steps: SoftwareStep, payload: SoftwarePayload | None = None) -> Did:
        there = {key: path for key, path in self.files.items() if Path(path).exists()}
        return run(site, *steps, files=there, payload=payload)

    def there(self) -> list[str]:
        return sorted(each.name for each in self.place.iterdir()) if self.place.exists() else []


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_versions_lie_beside_each_other_and_the_link_turns(site: Site, shelf: Shelf) -> None:
    one = shelf.step("1.0", "one", strip=1)
    did = shelf.run(site, one)
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert (shelf.place / "current").readlink() == Path("1.0")
    program = shelf.place / "current/bin/tool"
    assert program.read_text() == "one"
    assert program.stat().st_uid == shelf.folder.stat().st_uid
    assert program.stat().st_mode & 0o7000 == 0
    two = shelf.run(site, shelf.step("2.0", "two", strip=1))
    assert program.read_text() == "two", two
    assert [(each.before, each.after) for each in two.result.changes.packages] == [("1.0", "2.0")]
    back = restore(site, Restore(package="tool", variant=one.variant, changes=two.result.changes.packages))
    assert back.result.facts.state is TargetState.SUCCEEDED, back
    assert program.read_text() == "one"
    first = restore(site, Restore(package="tool", variant=one.variant, changes=did.result.changes.packages))
    assert first.result.facts.state is TargetState.SUCCEEDED, first
    assert "current" not in shelf.there()


def test_the_files_that_were_sent_are_gone_afterwards(site: Site, shelf: Shelf) -> None:
    shelf.run(site, shelf.step("1.0", "one"))
    assert not any(Path(path).exists() for path in shelf.files.values())


def test_a_second_run_changes_nothing(site: Site, shelf: Shelf) -> None:
    one = shelf.step("1.0", "one")
    shelf.run(site, one)
    before = [each.stat().st_mtime_ns for each in (shelf.place, shelf.place / "1.0")]
    shelf.files.clear()
    did = shelf.run(site, one)
    assert [each.state for each in did.result.steps] == [StepState.UNCHANGED], did
    assert [each.stat().st_mtime_ns for each in (shelf.place, shelf.place / "1.0")] == before


def test_a_version_never_changes_its_content(site: Site, shelf: Shelf) -> None:
    shelf.run(site, shelf.step("1.0", "one"))
    did = shelf.run(site, shelf.step("1.0", "another"))
    assert "is there with another content" in did.result.facts.message, did
    assert (shelf.place / "current/tool-x/bin/tool").read_text() == "one"


def _hard(tar: tarfile.TarFile) -> None:
    put(tar, "a")
    put(tar, "b", kind=tarfile.LNKTYPE, link="../../etc/passwd")


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        (lambda tar: put(tar, "/etc/dx-evil"), "absolute path /etc/dx-evil"),
        (lambda tar: put(tar, "a/../../dx-evil"), "a path with .. : a/../../dx-evil"),
        (lambda tar: put(tar, "out", kind=tarfile.SYMTYPE, link="/etc"), "a link out of itself: out to /etc"),
        (lambda tar: put(tar, "a/out", kind=tarfile.SYMTYPE, link="../../x"), "a link out of itself: a/out to ../../x"),
        (lambda tar: put(tar, "a -> b", kind=tarfile.SYMTYPE, link="/etc"), "a link out of itself: a -> b to /etc"),
        # GNU tar cuts such a target down to one within, which is not there
        (_hard, "tool: "),
        (lambda tar: put(tar, "null", kind=tarfile.CHRTYPE), "a device or another special file: null"),
        (lambda tar: put(tar, "pipe", kind=tarfile.FIFOTYPE), "a device or another special file: pipe"),
        (lambda tar: None, "the archive is empty"),
    ],
)
def test_an_archive_that_reaches_out_is_refused_before_a_byte_is_unpacked(
    site: Site, shelf: Shelf, fill: Members, words: str
) -> None:
    did = shelf.run(site, shelf.step("1.0", fill))
    assert did.result.facts.state is TargetState.FAILED
    assert words in did.result.facts.message, did
    assert shelf.there() == []
    assert did.result.facts.changed is False


def test_links_within_are_kept(site: Site, shelf: Shelf) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        put(tar, "a/b")
        put(tar, "a/c/d", kind=tarfile.SYMTYPE, link="../b")
        put(tar, "e", kind=tarfile.LNKTYPE, link="a/b")
        put(tar, "with space -> arrow", kind=tarfile.SYMTYPE, link="a/b")

    did = shelf.run(site, shelf.step("1.0", fill))
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert (shelf.place / "current/a/c/d").read_text() == "x"
    assert (shelf.place / "current/e").read_text() == "x"


def test_what_is_no_archive_and_what_is_not_what_was_sent(site: Site, shelf: Shelf) -> None:
    wrong = shelf.step("1.0", "one")
    path = Path(next(iter(shelf.files.values())))
    path.write_bytes(b"no tar at all")
    did = shelf.run(site, wrong)
    assert "the file is not what it must be" in did.result.facts.message, did
    path.parent.mkdir()
    path.write_bytes(b"no tar at all")
    plain = step("t", InstallerKind.ARCHIVE, "1", artifact="t", sha256="", folder=str(shelf.place))
    did = run(site, plain, files={"": str(path)})
    assert "no archive that tar can read" in did.result.facts.message, did


def test_a_folder_that_is_not_ours_to_turn_stays(site: Site, shelf: Shelf) -> None:
    (shelf.place / "current").mkdir(parents=True)
    did = shelf.run(site, shelf.step("1.0", "one"))
    assert "current is there and is no link" in did.result.facts.message, did


def test_it_is_taken_away(site: Site, shelf: Shelf) -> None:
    one = shelf.step("1.0", "one")
    shelf.run(site, one)
    did = shelf.run(site, one, payload=REMOVE)
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert shelf.there() == []


def test_all_or_nothing_over_two_kinds(site: Site, shelf: Shelf, tmp_path: Path) -> None:
    shelf.run(site, shelf.step("1.0", "one"))
    bad = step("bad", InstallerKind.SCRIPT, script="exit 4", detection=at(tmp_path / "no"))
    did = shelf.run(site, shelf.step("2.0", "two"), bad, payload=SoftwarePayload(all_or_nothing=True))
    assert [each.state for each in did.result.steps] == [StepState.UNDONE, StepState.FAILED], did
    assert did.result.facts.changed is False
    assert (shelf.place / "current").readlink() == Path("1.0")
    assert "2.0" not in shelf.there()


# ---- scripts


def at(path: Path, pattern: str = "") -> Detection:
    return Detection(kind=DetectionKind.FILE, path=str(path), pattern=pattern)


def test_a_script_installs_and_detection_says_what(site: Site, tmp_path: Path) -> None:
    mark = tmp_path / "version"
    wanted = step(
        "tool", InstallerKind.SCRIPT, "3.1", script=f"echo 'tool version 3.1 of May' >{mark}", uninstall=f"rm {mark}",
        detection=at(mark, "version ([0-9.]+)"),
    )  # fmt: skip
    did = run(site, wanted)
    assert did.result.facts.state is TargetState.SUCCEEDED, did
    assert [(each.package, each.before, each.after) for each in did.result.changes.packages] == [("tool", "", "3.1")]
    assert run(site, wanted).result.facts.changed is False
    gone = run(site, wanted, payload=REMOVE)
    assert gone.result.facts.state is TargetState.SUCCEEDED, gone
    assert not mark.exists()


def test_a_script_that_says_all_is_well_is_not_believed(site: Site, tmp_path: Path) -> None:
    did = run(site, step("tool", InstallerKind.SCRIPT, script="true", detection=at(tmp_path / "version")))
    assert did.result.facts.cause is Cause.VERIFY, did


def test_its_exit_codes_mean_what_the_catalogue_says(site: Site, tmp_path: Path) -> None:
    def wanted(code: int) -> SoftwareStep:
        return step(
            "tool", InstallerKind.SCRIPT, script=f"echo 1 >{tmp_path}/v{code}; exit {code}",
            detection=at(tmp_path / f"v{code}"), success_codes=frozenset({0, 5}), reboot_codes=frozenset({6}),
            uninstall=f"rm {tmp_path}/v{code}",
        )  # fmt: skip

    assert run(site, wanted(5)).result.facts.state is TargetState.SUCCEEDED
    restart = run(site, wanted(6))
    assert (restart.result.facts.state, restart.result.needs_reboot) == (TargetState.SUCCEEDED, True), restart
    failed = run(site, wanted(7))
    assert (failed.result.facts.state, failed.result.steps[0].exit_code) == (TargetState.FAILED, 7), failed
    assert not (tmp_path / "v7").exists()


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        (Requirements(os=("plan9",)), "it needs plan9"),
        (Requirements(os_version="999"), "it needs version 999 of the system"),
        (Requirements(arch=("vax",)), "it needs vax"),
        (Requirements(free_disk=1 << 55), "KiB of free disk"),
        (Requirements(free_memory=1 << 55), "KiB of free memory"),
    ],
)
def test_what_it_needs_is_asked_again_on_the_target(
    site: Site, tmp_path: Path, needs: Requirements, words: str
) -> None:
    mark = tmp_path / "version"
    wanted = step("tool", InstallerKind.SCRIPT, script=f"echo 1 >{mark}", detection=at(mark), requirements=needs)
    did = run(site, wanted)
    assert words in did.result.facts.message, did
    assert not mark.exists()


def test_the_texts_of_detection_are_versions_or_nothing(site: Site, tmp_path: Path) -> None:
    mark = tmp_path / "version"
    mark.write_text("$(reboot) `x`; 1\n")
    did = run(site, step("tool", InstallerKind.SCRIPT, script="true", detection=at(mark)))
    assert "what detection found is no version" in did.result.facts.message, did


@pytest.mark.parametrize(
    ("uninstall", "before", "says", "is_left"),
    [
        ("rm {left}", "", "exit 3", False),
        ("exit 5", "", "exit 3; its uninstall failed too: the script ended with exit 5", True),
        ("", "", "exit 3; what its script did is not taken back: the catalogue has no uninstall of it", True),
        ("rm {left}", "0.9", "exit 3; what its script did is not taken back: 0.9 was there before", True),
    ],
)
def test_a_script_that_failed_is_taken_back_by_its_uninstall(
    site: Site, tmp_path: Path, uninstall: str, before: str, says: str, is_left: bool
) -> None:
    one, two, left = tmp_path / "one", tmp_path / "two", tmp_path / "left"
    if before:
        two.write_text(before)
    first = step(
        "one", InstallerKind.SCRIPT, script=f"echo 1.0 >{one}", uninstall=f"rm {one}",
        detection=Detection(kind=DetectionKind.FILE, path=str(one)),
    )  # fmt: skip
    second = step(
        "two", InstallerKind.SCRIPT, "1.0", script=f"touch {left}; exit 3", uninstall=uninstall.format(left=left),
        detection=Detection(kind=DetectionKind.FILE, path=str(two)),
    )  # fmt: skip
    did = run(site, first, second, payload=SoftwarePayload(all_or_nothing=True))
    assert did.result.facts.state is TargetState.FAILED, did
    assert did.result.facts.message == (f"1 of 2 packages failed: two: the script ended with {says}; taken back: one")
    assert (one.exists(), left.exists()) == (False, is_left), did


def test_what_can_not_be_taken_back_is_named(site: Site, tmp_path: Path) -> None:
    one = tmp_path / "one"
    first = step(
        "one", InstallerKind.SCRIPT, script=f"echo 1.0 >{one}",
        detection=Detection(kind=DetectionKind.FILE, path=str(one)),
    )  # fmt: skip
    second = step("two", InstallerKind.SCRIPT, script="exit 3", detection=Detection(kind=DetectionKind.FILE, path="/x"))
    did = run(site, first, second, payload=SoftwarePayload(all_or_nothing=True))
    assert did.result.facts.message.endswith("; not taken back: one (the catalogue has no script that takes it away)")
    assert one.exists()


def test_a_run_that_is_cancelled_tells_what_it_had_done(site: Site, tmp_path: Path) -> None:
    one, door, cancel = tmp_path / "one", tmp_path / "door", Event()
    os.mkfifo(door)

    def heard() -> None:
        door.read_bytes()
        cancel.set()

    waits = Thread(target=heard)
    waits.start()
    first, second = (
        step(name, InstallerKind.SCRIPT, script=script, detection=Detection(kind=DetectionKind.FILE, path=path))
        for name, script, path in (
            ("one", f"echo 1.0 >{one}", str(one)),
            ("two", f"echo >{door}; sleep 60", "/x"),
        )
    )
    did = run(site, first, second, cancel=cancel)
    waits.join()
    assert did.result.facts.state is TargetState.CANCELLED, did
    assert did.result.facts.message.endswith("; until then: one installed")
    assert [each.package for each in did.result.changes.packages] == ["one"]
    assert not did.result.is_whole
