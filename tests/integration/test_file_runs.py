"""File tasks on real targets: this machine, and sshd with the shells and tools that a target may have."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from threading import Event

import pytest

from deployx_tui.model.changes import ChangeKind, FileChange
from deployx_tui.model.execution import Cause, Stream, TargetState
from deployx_tui.model.facts import Facts
from deployx_tui.model.files import Existing, FileItem, LineEndings
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.secret import Secret
from deployx_tui.runners.files.wanted import MemoryContent
from deployx_tui.transports.base import (
    Broke,
    ByteSource,
    CommandSpec,
    Connection,
    FileMover,
    Outcome,
    OutputSink,
    Process,
    Refused,
    Sent,
    TransferProgress,
    Unknown,
    Unreached,
)
from deployx_tui.transports.local import LocalConnection
from tests.contract.transport.site import CONNECT
from tests.support.file_runs import Ran, Target
from tests.support.require import require, require_program
from tests.support.ssh import Fleets, endpoint_of, transport_to

#: this machine, a real sshd, one with nothing but busybox, one whose `sh` is bash, and login shells that are none
WAYS = (
    "ssh",
    "busybox",
    *(pytest.param(way, marks=pytest.mark.long) for way in ("local", "bash", "fish", "tcsh")),
)


@dataclass
class Ground:
    target: Target
    #: an empty folder of the target
    folder: Path

    def path(self, name: str = "app.conf") -> str:
        return str(self.folder / name)

    def snapshot(self) -> dict[str, tuple[int, int, int, bytes]]:
        """Everything below the folder: inode, mode, time of change, content."""
        return {str(path.relative_to(self.folder)): _of(path) for path in sorted(self.folder.rglob("*"))}


def _of(path: Path) -> tuple[int, int, int, bytes]:
    found = path.lstat()
    content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    if path.is_symlink():
        content = str(path.readlink()).encode()
    return found.st_ino, found.st_mode, found.st_mtime_ns, content


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


@pytest.fixture(scope="module")
def connected(fleets: Fleets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Target]]:
    """A target per way, its state in a folder of the test."""
    state = tmp_path_factory.mktemp("state")
    targets: dict[str, Target] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(state))
        transports = []

        def get(way: str) -> Target:
            if way in targets:
                return targets[way]
            if way == "local":
                targets[way] = Target(LocalConnection())
                return targets[way]
            options = {}
            if way == "busybox":
                options["ForceCommand"] = _busybox_only(tmp_path_factory.mktemp("busybox"))
            elif way == "bash":
                options["ForceCommand"] = _bash_as_sh(tmp_path_factory.mktemp("bash"))
            elif way != "ssh":
                options["ForceCommand"] = f'exec {require_program(way)} -c "$SSH_ORIGINAL_COMMAND"'
            fleet = fleets.get(options)
            transport = transport_to(fleet, tmp_path_factory.mktemp("transport"))
            transports.append(transport)
            connection = transport.connect(endpoint_of(fleet.hosts[0]), CONNECT, Event())
            assert not isinstance(connection, Unreached), connection
            targets[way] = Target(connection)
            return targets[way]

        yield get
        for transport in transports:
            transport.shutdown()


def _busybox_only(folder: Path) -> str:
    """A target that has nothing but busybox: `sh`, find, tar, sha256sum, mv and all."""
    busybox = require_program("busybox")
    for applet in os.popen(f"{busybox} --list").read().split():
        (folder / applet).symlink_to(busybox)
    return f'PATH={folder} exec {busybox} sh -c "$SSH_ORIGINAL_COMMAND"'


def _bash_as_sh(folder: Path) -> str:
    (folder / "sh").symlink_to(require_program("bash"))
    return f'PATH={folder}:$PATH exec sh -c "$SSH_ORIGINAL_COMMAND"'


@pytest.fixture(params=WAYS)
def ground(request: pytest.FixtureRequest, connected: Callable[[str], Target], tmp_path: Path) -> Ground:
    folder = tmp_path / "target"
    folder.mkdir()
    return Ground(connected(request.param), folder)


@pytest.fixture
def here(connected: Callable[[str], Target], tmp_path: Path) -> Ground:
    """This machine, for what no shell or tool of the target decides."""
    folder = tmp_path / "target"
    folder.mkdir()
    return Ground(connected("local"), folder)


def ok(ran: Ran) -> Ran:
    assert ran.facts.state is TargetState.SUCCEEDED, (ran.facts, ran.said)
    return ran


def refused(ran: Ran, cause: Cause, *words: str) -> None:
    """It failed for this, and changed nothing."""
    assert (ran.facts.state, ran.facts.cause) == (TargetState.FAILED, cause), (ran.facts, ran.said)
    assert ran.facts.changed is False
    assert not ran.changes
    for word in words:
        assert word in ran.message


def test_a_file_is_placed_and_left_alone_and_replaced_and_restored(ground: Ground) -> None:
    artifacts, path = ground.target.artifacts, Path(ground.path())
    first = ok(ground.target.run(artifacts.file(b"one\n"), str(path)))
    assert (first.facts.changed, path.read_bytes()) == (True, b"one\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    [created] = first.changes.files
    assert (created.kind, created.before, created.kept) == (ChangeKind.CREATED, "", "")
    assert "hashed by sha256sum" in first.said
    path.chmod(0o640)
    before = ground.snapshot()
    again = ok(ground.target.run(artifacts.file(b"one\n"), str(path)))
    assert (again.facts.changed, again.message, again.changes.files) == (False, "unchanged", ())
    assert ground.snapshot() == before
    second = ok(ground.target.run(artifacts.file(b"two\n"), str(path)))
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"two\n", 0o640)
    [replaced] = second.changes.files
    assert (replaced.kind, Path(replaced.kept).read_bytes()) == (ChangeKind.REPLACED, b"one\n")
    back = ok(ground.target.take_back(second))
    assert (back.facts.changed, path.read_bytes()) == (True, b"one\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_mtime == pytest.approx(before["app.conf"][2] / 1e9, abs=1)
    assert ok(ground.target.take_back(second)).message == "unchanged"
    assert ok(ground.target.take_back(first)).facts.changed
    assert ground.snapshot() == {}


HOSTILE_NAMES = (
    "with space", "it's", 'quo"te', "new\nline", "$(touch ran)", "`touch ran`", "-rf", "--help", "é漢字", "a;b|c&d",
    "*", "?[x]", "\\", "\\n", " lead", "trail ", "tab\there", "~", "#x", "${HOME}", "%s%n", "\x1b[31m", "!!",
)  # fmt: skip


def test_any_name_is_data(ground: Ground) -> None:
    artifacts, target = ground.target.artifacts, ground.target
    one, two = artifacts.file(b"one"), artifacts.file(b"two")
    for content, artifact in ((b"one", one), (b"two", two)):
        items = tuple(FileItem(artifact=artifact, name=f"dir{name[:1]}/{name}") for name in HOSTILE_NAMES)
        ran = ok(target.run(target_path=f"{ground.folder}/", items=items))
        there = sorted(path.name for path in ground.folder.rglob("*") if path.is_file())
        assert there == sorted(HOSTILE_NAMES)
        assert {path.read_bytes() for path in ground.folder.rglob("*") if path.is_file()} == {content}
    assert {Path(change.kept).read_bytes() for change in ran.changes.files} == {b"one"}
    ok(target.take_back(ran))
    assert {path.read_bytes() for path in ground.folder.rglob("*") if path.is_file()} == {b"one"}


def test_a_tree_with_any_names_is_synchronised(ground: Ground) -> None:
    target = ground.target
    files = {f"d{number}/{name}": name.encode() for number, name in enumerate(HOSTILE_NAMES)}
    tree = target.artifacts.tree(files)
    root = ground.folder / "tree"
    ok(target.run(tree, str(root)))
    assert {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()} == files
    before = ground.snapshot()
    assert ok(target.run(tree, str(root))).message == "unchanged"
    assert ground.snapshot() == before
    # extra ones too, removed and brought back
    for name in HOSTILE_NAMES:
        (root / f"extra{name}").write_bytes(b"extra")
    ran = ok(target.run(tree, str(root), delete_extra=True, most_deletions=60))
    assert ground.snapshot().keys() == before.keys()
    assert len(ran.changes.files) == len(HOSTILE_NAMES)
    ok(target.take_back(ran))
    assert all((root / f"extra{name}").read_bytes() == b"extra" for name in HOSTILE_NAMES)


def test_a_tree_sends_only_what_differs(ground: Ground) -> None:
    target, root = ground.target, ground.folder / "tree"
    files: dict[str, bytes | tuple[bytes, int]] = {f"f{number}": str(number).encode() for number in range(50)}
    big = bytes(range(256)) * 2000
    files |= {"big": big, "bin/run": (b"#!/bin/sh\n", 0o755), "empty": b"", "folder/": b""}
    ok(target.run(target.artifacts.tree(files, {"current": "bin/run"}), str(root)))
    assert (root / "big").read_bytes() == big
    assert stat.S_IMODE((root / "bin/run").stat().st_mode) == 0o755
    assert ((root / "current").readlink(), (root / "folder").is_dir()) == (Path("bin/run"), True)
    before = ground.snapshot()
    ran = ok(target.run(target.artifacts.tree(files | {"f7": b"other"}, {"current": "bin/run"}), str(root)))
    assert [change.path for change in ran.changes.files] == [str(root / "f7")]
    assert ran.message == "1 of 54 files replaced"
    after = ground.snapshot()
    assert {path for path in after if after[path] != before[path]} <= {"tree/f7", "tree"}
    assert sum(total for _, total in ran.progress[-1:]) < 20_000
    ok(target.take_back(ran))
    assert (root / "f7").read_bytes() == b"7"


def test_quick_knows_what_it_left_and_sees_what_was_changed(ground: Ground) -> None:
    target, root = ground.target, ground.folder / "tree"
    tree = target.artifacts.tree({"a": b"1", "b/c": b"2"})
    ok(target.run(tree, str(root), quick=True))
    assert ok(target.run(tree, str(root), quick=True)).message == "unchanged"
    (root / "a").write_bytes(b"3")
    assert ok(target.run(tree, str(root), quick=True)).facts.changed
    assert (root / "a").read_bytes() == b"1"
    refused(
        target.run(target.artifacts.tree({"a": b"9", "b/c": b"2"}), str(root), quick=True, check=True), Cause.VERIFY
    )


def test_quick_hashes_nothing_when_everything_is_as_it_was(here: Ground) -> None:
    target, root = here.target, here.folder / "tree"
    tree = target.artifacts.tree({"a": b"1", "b/c": b"2"})
    ok(target.run(tree, str(root), quick=True))
    assert "by size and time of change" in ok(target.run(tree, str(root), quick=True)).said


def test_swap_turns_a_link_in_one_step_and_back(ground: Ground) -> None:
    target, root = ground.target, ground.folder / "www"
    one, two = target.artifacts.tree({"i": b"1", "d/e": b"x"}), target.artifacts.tree({"i": b"2", "d/e": b"x"})
    ok(target.run(one, str(root), swap=True))
    assert root.is_symlink()
    assert (root / "i").read_bytes() == b"1"
    assert ok(target.run(one, str(root), swap=True)).message == "unchanged"
    ran = ok(target.run(two, str(root), swap=True))
    [turned] = ran.changes.files
    assert (turned.kind, (root / "i").read_bytes()) == (ChangeKind.LINKED, b"2")
    assert (Path(turned.kept) / "i").read_bytes() == b"1"
    refused(target.run(one, str(root), swap=True, check=True), Cause.VERIFY, "drifted", "/i")
    ok(target.take_back(ran))
    assert (root / "i").read_bytes() == b"1"
    for content in (b"3", b"4", b"5"):
        ok(target.run(target.artifacts.tree({"i": content}), str(root), swap=True, backups=1))
    assert len(list((ground.folder / "www.releases").iterdir())) == 2


def test_swap_refuses_a_folder_that_is_there(here: Ground) -> None:
    (here.folder / "www").mkdir()
    tree = here.target.artifacts.tree({"i": b"1"})
    refused(here.target.run(tree, here.path("www"), swap=True), Cause.VERIFY, "move it away")


def test_a_share_of_deletions_stops_and_what_is_protected_stays(here: Ground) -> None:
    target, root = here.target, here.folder / "tree"
    tree = target.artifacts.tree({"a": b"1"})
    ok(target.run(tree, str(root)))
    (root / "data").mkdir()
    (root / "data/db").write_bytes(b"precious")
    (root / "old").write_bytes(b"old")
    before = here.snapshot()
    refused(
        target.run(tree, str(root), delete_extra=True), Cause.VERIFY, "3 of 4", "10 per cent", "old", "--max-deletions"
    )
    assert here.snapshot() == before
    refused(target.run(tree, str(root), delete_extra=True, check=True), Cause.VERIFY, "drifted")
    assert here.snapshot() == before
    ok(target.run(tree, str(root), delete_extra=True, most_deletions=100, protected=("data/*",)))
    assert sorted(path.name for path in root.iterdir()) == ["a", "data"]
    assert (root / "data/db").read_bytes() == b"precious"


def test_check_changes_nothing_and_names_what_differs(ground: Ground) -> None:
    target = ground.target
    one = target.artifacts.file(b"one")
    refused(target.run(one, ground.path(), check=True), Cause.VERIFY, "drifted", ground.path())
    assert ground.snapshot() == {}
    ok(target.run(one, ground.path()))
    before = ground.snapshot()
    assert ok(target.run(one, ground.path(), check=True)).facts.changed is False
    refused(target.run(target.artifacts.file(b"two"), ground.path(), check=True), Cause.VERIFY, "drifted")
    assert ground.snapshot() == before


def test_what_is_there_can_be_kept_or_be_a_failure(here: Ground) -> None:
    target = here.target
    Path(here.path()).write_bytes(b"mine")
    one = target.artifacts.file(b"one")
    before = here.snapshot()
    assert "kept" in ok(target.run(one, here.path(), existing=Existing.KEEP)).message
    refused(target.run(one, here.path(), existing=Existing.FAIL), Cause.VERIFY, "another content")
    assert here.snapshot() == before
    ok(target.run(target.artifacts.file(b"mine"), here.path(), existing=Existing.FAIL))


def test_mode_and_owner_are_those_of_the_task(ground: Ground) -> None:
    target, path = ground.target, Path(ground.path())
    one = target.artifacts.file(b"one")
    ok(target.run(one, str(path), mode=0o600, owner="nobody", group="0"))
    found = path.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o600, 65534, 0)
    assert ok(target.run(one, str(path), mode=0o600, owner="nobody", group="0")).message == "unchanged"
    changed = ok(target.run(one, str(path), mode=0o4755))
    found = path.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o4755, 65534)
    ok(target.take_back(changed))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    refused(target.run(target.artifacts.file(b"2"), str(path), owner="dxnobody"), Cause.EXIT, "owner")
    assert path.read_bytes() == b"one"
    assert [p.name for p in ground.folder.iterdir()] == ["app.conf"]


def test_extended_attributes_of_a_replaced_file_are_kept(here: Ground) -> None:
    path = Path(here.path())
    path.write_bytes(b"old")
    try:
        os.setxattr(path, "user.deployx", b"kept")
    except OSError:
        require(False, "a file system with extended attributes")
    ran = ok(here.target.run(here.target.artifacts.file(b"new"), str(path)))
    assert (path.read_bytes(), os.getxattr(path, "user.deployx")) == (b"new", b"kept")
    ok(here.target.take_back(ran))
    assert (path.read_bytes(), os.getxattr(path, "user.deployx")) == (b"old", b"kept")


def test_only_so_many_versions_are_kept(ground: Ground) -> None:
    target, path = ground.target, ground.path()
    kept: list[FileChange] = []
    for number in range(5):
        kept += ok(target.run(target.artifacts.file(str(number).encode()), path, backups=2)).changes.files
    there = [Path(change.kept).exists() for change in kept if change.kept]
    assert there == [False, False, True, True]
    last = ok(target.run(target.artifacts.file(b"9"), path, backups=0))
    assert last.changes.files[0].kept == ""


def test_destinations_that_cannot_be(here: Ground) -> None:
    target = here.target
    one = target.artifacts.file(b"one")
    (here.folder / "dir").mkdir()
    (here.folder / "file").write_bytes(b"f")
    (here.folder / "link").symlink_to("file")
    os.mkfifo(here.folder / "fifo")
    before = sorted(here.folder.iterdir())
    refused(target.run(one, here.path("dir")), Cause.VERIFY, "is a folder")
    refused(target.run(one, here.path("link")), Cause.VERIFY, "symbolic link", "not followed")
    refused(target.run(one, here.path("fifo")), Cause.VERIFY, "no regular file")
    refused(target.run(one, here.path("file/x")), Cause.EXIT, "no folder")
    refused(target.run(one, here.path("a/b/c"), create_folders=False), Cause.EXIT, "create_folders")
    refused(target.run(one, "relative/path"), Cause.VERIFY, "absolute")
    refused(target.run(one, here.path("../x")), Cause.VERIFY, "..")
    refused(target.run(target_path=f"{here.folder}/", items=(FileItem(artifact=one, name="../x"),)), Cause.VERIFY)
    refused(target.run(one, "/proc/deployx-test"), Cause.EXIT)
    tree = target.artifacts.tree({"file/x": b"1"})
    refused(target.run(tree, str(here.folder)), Cause.VERIFY, "shall be a folder")
    refused(target.run(tree, here.path("link")), Cause.VERIFY, "symbolic link")
    assert sorted(here.folder.iterdir()) == before


def test_a_link_within_a_tree_is_no_way_out_of_it(here: Ground) -> None:
    outside = here.folder / "outside"
    outside.mkdir()
    root = here.folder / "tree"
    root.mkdir()
    (root / "conf").symlink_to(outside)
    refused(here.target.run(here.target.artifacts.tree({"conf/x": b"1"}), str(root)), Cause.VERIFY, "symbolic link")
    assert list(outside.iterdir()) == []


def test_a_lost_artifact_is_told_before_anything_is_sent(here: Ground) -> None:
    one = here.target.artifacts.file(b"one")
    here.target.artifacts.forget(one)
    refused(here.target.run(one, here.path()), Cause.VERIFY, "not here any more")
    assert here.snapshot() == {}


def test_commands_before_and_after(ground: Ground) -> None:
    target, path = ground.target, ground.path()
    one, two = target.artifacts.file(b"one"), target.artifacts.file(b"two")
    log = ground.folder / "log"
    refused(target.run(one, path, pre_check="echo no >&2; exit 4"), Cause.EXIT, "pre-check", "exit 4")
    assert ground.snapshot() == {}
    ran = ok(target.run(one, path, pre_check="true", post_command=f"echo restarted; echo x >>{log}"))
    assert ("restarted" in ran.said, log.read_text()) == (True, "x\n")
    ok(target.run(one, path, post_command=f"echo x >>{log}"))
    assert log.read_text() == "x\n"
    ran = target.run(two, path, post_command="exit 3", rollback_on_failure=True, backups=0)
    assert (ran.facts.state, ran.facts.changed, ran.facts.exit_code) == (TargetState.FAILED, False, 3)
    assert ("taken back" in ran.message, Path(path).read_bytes(), ran.changes.files) == (True, b"one", ())
    ran = target.run(two, path, post_command="exit 3")
    assert (ran.facts.state, ran.facts.changed, Path(path).read_bytes()) == (TargetState.FAILED, True, b"two")
    assert "1 changed before, left in place (--rollback-on-failure" in ran.message
    assert len(ran.changes.files) == 1


def test_substitution_is_per_target(here: Ground) -> None:
    text = b"host ${device}\nos ${os_id}\npassword ${PW}\nliteral $${PW}\n"
    artifact = here.target.artifacts.file(text)
    item = FileItem(artifact=artifact, substitute=True, line_endings=LineEndings.CRLF)
    facts = Facts(os_id="debian")
    parameters = {"PW": Secret.of("s3 ${device}")}
    ran = ok(here.target.run(target_path=here.path(), items=(item,), parameters=parameters, facts=facts))
    assert Path(here.path()).read_bytes() == (b"host web01\r\nos debian\r\npassword s3 ${device}\r\nliteral ${PW}\r\n")
    assert "s3" not in ran.said + ran.message
    refused(here.target.run(target_path=here.path(), items=(item,), facts=facts), Cause.VERIFY, "${PW}")
    refused(here.target.run(target_path=here.path(), items=(item,), parameters=parameters), Cause.VERIFY, "os_id")


def test_the_path_of_the_platform_stands_for_the_common_one(here: Ground) -> None:
    one = here.target.artifacts.file(b"one")
    paths = (("alpine", here.path("alpine")), ("linux", here.path("linux")))
    ok(here.target.run(one, here.path("any"), platform_paths=paths, facts=Facts(kernel="Linux", os_id="debian")))
    assert [path.name for path in here.folder.iterdir()] == ["linux"]


def test_the_home_of_the_account_is_known_to_the_target(ground: Ground) -> None:
    name = f"dxtest-{os.getpid()}"
    ran = ok(ground.target.run(ground.target.artifacts.file(b"one"), f"~/{name}/f"))
    path = Path(ran.changes.files[-1].path)
    try:
        assert path.read_bytes() == b"one"
        assert (path.parent.name, path.parent.parent.is_dir()) == (name, True)
        assert ok(ground.target.run(ground.target.artifacts.file(b"one"), f"~/{name}/f")).message == "unchanged"
        ok(ground.target.take_back(ran))
        assert not path.parent.exists()
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)


def test_a_rollback_leaves_what_was_changed_since(ground: Ground) -> None:
    target, path = ground.target, Path(ground.path())
    path.write_bytes(b"old")
    ran = ok(target.run(target.artifacts.file(b"new"), str(path)))
    path.write_bytes(b"edited by hand")
    back = target.take_back(ran)
    assert (back.facts.state, back.facts.cause, back.facts.changed) == (TargetState.FAILED, Cause.VERIFY, False)
    assert "changed since (force takes back" in back.message
    assert path.read_bytes() == b"edited by hand"
    ok(target.take_back(ran, force=True))
    assert path.read_bytes() == b"old"
    Path(ran.changes.files[0].kept).unlink()
    path.write_bytes(b"new")
    assert "not kept any more" in target.take_back(ran).message
    path.write_bytes(b"old")
    ran = ok(target.run(target.artifacts.file(b"new"), str(path), backups=0))
    assert "--backups 0" in target.take_back(ran).message
    assert "force" not in target.take_back(ran).message
    assert path.read_bytes() == b"new"


def test_a_cancel_and_a_deadline_end_it_between_and_within_steps(ground: Ground) -> None:
    target = ground.target
    cancel = Event()
    cancel.set()
    ran = target.run(target.artifacts.file(b"one"), ground.path(), cancel=cancel)
    assert (ran.facts.state, ran.facts.changed) == (TargetState.CANCELLED, False)
    ran = target.run(target.artifacts.file(b"one"), ground.path(), pre_check="sleep 1000", timeout=timedelta(seconds=1))
    assert (ran.facts.state, ran.facts.cause, ran.facts.changed) == (TargetState.TIMED_OUT, Cause.TIMEOUT, False)
    assert ground.snapshot() == {}


def test_an_empty_file_is_a_file(ground: Ground) -> None:
    ok(ground.target.run(ground.target.artifacts.file(b""), ground.path()))
    assert Path(ground.path()).read_bytes() == b""


class Cutting:
    """A connection whose transfers do not come to their end."""

    def __init__(
        self, connection: Connection, after: int, broke: Broke, before: Callable[[], None] = lambda: None
    ) -> None:
        self._connection = connection
        self._after = after
        self._broke = broke
        self._before = before

    def put(
        self, source: ByteSource, path: str, offset: int, progress: TransferProgress, cancel: Event
    ) -> Sent | Refused | Broke:
        self._before()
        part = MemoryContent(source.read(0, self._after))
        mover = self._connection
        assert isinstance(mover, FileMover)
        sent = mover.put(part, path, offset, progress, cancel)
        return self._broke if isinstance(sent, Sent) else sent

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


LOST = Broke(Cause.LOST, "the connection was lost")


def broken(ground: Ground, artifact: ArtifactId, nonce: str, broke: Broke = LOST) -> Ran:
    """A run whose transfer ends after 300,000 bytes."""
    whole = ground.target.connection
    ground.target.connection = Cutting(whole, 300_000, broke)  # type: ignore[assignment]  # the rest is passed on
    try:
        return ground.target.run(artifact, ground.path("big"), nonce=nonce)
    finally:
        ground.target.connection = whole


def test_a_broken_transfer_is_gone_on_with_at_the_last_verified_byte(ground: Ground) -> None:
    content = bytes(range(256)) * 4000
    artifact = ground.target.artifacts.file(content)
    nonce = token_hex(16)
    lost = broken(ground, artifact, nonce)
    assert (lost.facts.state, lost.facts.cause, lost.facts.changed) == (TargetState.LOST, Cause.LOST, False)
    assert "can be gone on with" in lost.message
    [partial] = ground.folder.iterdir()
    assert (partial.name.startswith(".big.dx-"), partial.stat().st_size) == (True, 300_000)
    assert stat.S_IMODE(partial.stat().st_mode) == 0o600
    ran = ok(ground.target.run(artifact, ground.path("big"), nonce=nonce))
    assert re.search("293 KiB of .* are there and verified", ran.said)
    assert ran.progress[-1] == (len(content), len(content))
    assert [path.name for path in ground.folder.iterdir()] == ["big"]
    assert Path(ground.path("big")).read_bytes() == content


def test_a_part_that_is_not_what_was_sent_is_sent_anew(ground: Ground) -> None:
    content = bytes(range(256)) * 4000
    artifact = ground.target.artifacts.file(content)
    for damage in (b"x" * 300_000, content + b"longer"):
        nonce = token_hex(16)
        Path(ground.path("big")).unlink(missing_ok=True)
        broken(ground, artifact, nonce)
        [partial] = ground.folder.iterdir()
        partial.write_bytes(damage)
        assert "verified" not in ok(ground.target.run(artifact, ground.path("big"), nonce=nonce)).said
        assert [path.name for path in ground.folder.iterdir()] == ["big"]
        assert Path(ground.path("big")).read_bytes() == content


def test_what_arrives_otherwise_is_never_placed(here: Ground) -> None:
    """A put that says it sent everything, and did not."""
    whole = here.target.connection
    artifact = here.target.artifacts.file(b"x" * 400_000)
    lying = Cutting(whole, 1000, Sent(1000, "nothing"))  # type: ignore[arg-type]  # what it answers is the lie
    here.target.connection = lying  # type: ignore[assignment]
    try:
        refused(here.target.run(artifact, here.path("big")), Cause.VERIFY, "not what was sent")
    finally:
        here.target.connection = whole
    assert here.snapshot() == {}


def test_another_run_does_not_find_what_a_broken_one_left(here: Ground) -> None:
    artifact = here.target.artifacts.file(bytes(range(256)) * 4000)
    broken(here, artifact, token_hex(16))
    ran = ok(here.target.run(artifact, here.path("big")))
    assert "verified" not in ran.said


def test_a_cancel_while_bytes_go_over_leaves_nothing(here: Ground) -> None:
    artifact = here.target.artifacts.file(bytes(range(256)) * 4000)
    ran = broken(here, artifact, token_hex(16), Broke(Cause.KILLED, "cancelled"))
    assert (ran.facts.state, ran.facts.changed) == (TargetState.CANCELLED, False)
    assert here.snapshot() == {}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", str(folder)], capture_output=True, check=False
    )
    require(made.returncode == 0, "the right to mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_found_before_a_byte_is_sent(ground: Ground, disk: Path) -> None:
    target = ground.target
    large = target.artifacts.file(b"x" * 5_000_000)
    ran = target.run(large, str(disk / "f"))
    refused(ran, Cause.EXIT, "too full", "4.8 MiB are needed")
    assert ran.progress == []
    tree = target.artifacts.tree({f"f{number}": b"x" * 100_000 for number in range(30)})
    refused(target.run(tree, str(disk)), Cause.EXIT, "too full")
    assert list(disk.iterdir()) == []


def test_a_disk_that_fills_up_meanwhile_leaves_the_old_file(ground: Ground, disk: Path) -> None:
    target = ground.target
    path = disk / "f"
    path.write_bytes(b"old")
    artifact = target.artifacts.file(b"x" * 2_000_000)

    def fill() -> None:
        (disk / "other").write_bytes(b"o" * 3_500_000)

    whole = target.connection
    target.connection = Cutting(whole, 2_000_000, LOST, before=fill)  # type: ignore[assignment]
    try:
        ran = target.run(artifact, str(path))
    finally:
        target.connection = whole
    refused(ran, Cause.EXIT)
    assert re.search("No space left|0 bytes are free", ran.message)
    assert (sorted(p.name for p in disk.iterdir()), path.read_bytes()) == (["f", "other"], b"old")


def test_a_read_only_file_system_is_told(ground: Ground, disk: Path) -> None:
    (disk / "f").write_bytes(b"old")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    refused(ground.target.run(ground.target.artifacts.file(b"new"), str(disk / "f")), Cause.EXIT, "read-only")
    refused(ground.target.run(ground.target.artifacts.tree({"f": b"new"}), str(disk)), Cause.EXIT, "read-only")


@pytest.mark.parametrize("program", ["openssl", "python3", "none"])
def test_what_hashes_is_what_is_there_and_the_result_says_which(fleets: Fleets, tmp_path: Path, program: str) -> None:
    """A target without sha256sum."""
    tools = tmp_path / "tools"
    tools.mkdir()
    found = "id mkdir chmod chown cat ls df tr readlink cp mv rm rmdir ln sync touch find stat tar head grep"
    for tool in found.split():
        (tools / tool).symlink_to(require_program(tool))
    if program != "none":
        (tools / program).symlink_to(
            Path(sys.executable).resolve() if program == "python3" else require_program(program)
        )
    (tools / "sh").symlink_to(require_program("dash"))
    fleet = fleets.get({"ForceCommand": f'PATH={tools} exec {tools}/sh -c "$SSH_ORIGINAL_COMMAND"'})
    transport = transport_to(fleet, tmp_path)
    connection = transport.connect(endpoint_of(fleet.hosts[0]), CONNECT, Event())
    assert not isinstance(connection, Unreached), connection
    folder = tmp_path / "target"
    folder.mkdir()
    target = Target(connection)
    ground = Ground(target, folder)
    one = target.artifacts.file(b"one" * 1000)
    words = "read back" if program == "none" else f"hashed by {program}"
    assert words in ok(target.run(one, ground.path())).said
    assert ok(target.run(one, ground.path())).message == "unchanged"
    tree = target.artifacts.tree({"a": b"1", "b/c": b"2", "b/d": b"x" * 300_000})
    ok(target.run(tree, ground.path("tree")))
    before = ground.snapshot()
    assert ok(target.run(tree, ground.path("tree"))).message == "unchanged"
    assert ground.snapshot() == before
    transport.shutdown()


def test_a_rollback_removes_no_older_version(here: Ground) -> None:
    target, path = here.target, here.path()
    runs = [ok(target.run(target.artifacts.file(content), path, backups=5)) for content in (b"1", b"2", b"3", b"4")]
    ok(target.take_back(runs.pop()))
    ok(target.take_back(runs.pop()))
    assert Path(path).read_bytes() == b"2"
    ok(target.take_back(runs.pop()))
    assert Path(path).read_bytes() == b"1"


def test_a_little_room_elsewhere_does_not_stop_what_has_room(here: Ground, disk: Path) -> None:
    (disk / "fill").write_bytes(b"x" * 1_500_000)
    large, small = here.target.artifacts.file(b"x" * 4_000_000), here.target.artifacts.file(b"x" * 300_000)
    (here.folder / "small").symlink_to(disk)
    items = (FileItem(artifact=large, name="large"), FileItem(artifact=small, name="small/f"))
    ok(here.target.run(target_path=f"{here.folder}/", items=items))
    assert (disk / "f").stat().st_size == 300_000


def test_a_connection_that_is_gone_between_two_steps_is_a_lost_run_that_goes_on(here: Ground) -> None:
    target = here.target
    whole, nonce = target.connection, token_hex(16)
    artifact = target.artifacts.file(b"x" * 400_000)
    target.connection = Gone(whole, "dx_place '1'")  # type: ignore[assignment]  # the rest is passed on
    try:
        ran = target.run(artifact, here.path(), nonce=nonce)
    finally:
        target.connection = whole
    assert (ran.facts.state, ran.facts.cause) == (TargetState.LOST, Cause.LOST)
    assert "verified" in ok(target.run(artifact, here.path(), nonce=nonce)).said
    assert [path.name for path in here.folder.iterdir()] == ["app.conf"]


class Gone:
    """A connection that is gone when it shall carry a certain script."""

    def __init__(self, connection: Connection, at: str) -> None:
        self._connection = connection
        self._at = at

    def start(self, spec: CommandSpec) -> Process | Refused | Unknown:
        if self._at in spec.script:
            return Refused(Cause.LOST, "the connection broke before the command was sent", "run it again")
        return self._connection.start(spec)

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


def test_what_nobody_began_again_goes_after_a_week(ground: Ground) -> None:
    target = ground.target
    nonce = token_hex(16)
    broken(ground, target.artifacts.file(bytes(range(256)) * 4000), nonce)
    [partial] = ground.folder.iterdir()
    one = target.artifacts.file(b"one")
    ok(target.run(one, ground.path()))
    assert partial.exists()
    week_ago = partial.stat().st_mtime - 8 * 24 * 3600
    os.utime(partial, (week_ago, week_ago))
    os.utime(ground.path(), (week_ago, week_ago))
    ok(target.run(one, ground.path("another")))
    assert sorted(path.name for path in ground.folder.iterdir()) == ["another", "app.conf"]


def test_what_was_placed_before_a_cancel_is_told_and_can_be_taken_back(here: Ground) -> None:
    """A placing script that hangs at its second file."""
    target = here.target
    cancel = Event()
    (here.folder / "second").write_bytes(b"old")
    os.mkfifo(here.folder / "gate")
    whole = target.connection
    target.connection = Hanging(whole, "dx_place '2'", f"cat {here.folder}/gate", cancel)  # type: ignore[assignment]
    items = tuple(
        FileItem(artifact=target.artifacts.file(name.encode() * 400_000), name=name) for name in ("first", "second")
    )
    try:
        ran = target.run(target_path=f"{here.folder}/", items=items, cancel=cancel)
    finally:
        target.connection = whole
    assert (ran.facts.state, ran.facts.changed) == (TargetState.CANCELLED, True)
    assert [Path(change.path).name for change in ran.changes.files] == ["first"]
    (here.folder / "gate").unlink()
    assert sorted(path.name for path in here.folder.iterdir()) == ["first", "second"]
    ok(target.take_back(ran))
    assert [path.name for path in here.folder.iterdir()] == ["second"]


class Hanging:
    """A connection whose script waits in one place, and which cancels then."""

    def __init__(self, connection: Connection, at: str, instead: str, cancel: Event) -> None:
        self._connection = connection
        self._at = at
        self._instead = instead
        self._cancel = cancel

    def start(self, spec: CommandSpec) -> Process | Refused | Unknown:
        if self._at not in spec.script:
            return self._connection.start(spec)
        script = spec.script.replace(self._at, f"echo waiting\n{self._instead}\n{self._at}")
        started = self._connection.start(replace(spec, script=script, grace=timedelta(seconds=1)))
        assert not isinstance(started, Refused | Unknown)
        return Cancelling(started, self._cancel)  # type: ignore[return-value]  # the rest is passed on

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


class Cancelling:
    def __init__(self, process: Process, cancel: Event) -> None:
        self._process = process
        self._cancel = cancel

    def stream(self, sink: OutputSink, cancel: Event, leave: Event | None = None) -> Outcome:
        def hear(stream: Stream, data: bytes, at: datetime) -> None:
            if b"waiting" in data:
                self._cancel.set()
            sink(stream, data, at)

        return self._process.stream(hear, cancel, leave)

    def __getattr__(self, name: str) -> object:
        return getattr(self._process, name)
