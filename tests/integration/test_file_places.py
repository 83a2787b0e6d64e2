"""A file's last step, when somebody else acts in between: nothing of theirs is replaced, dressed or lost."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.model.changes import ChangeKind
from deployx_tui.model.execution import TargetState
from deployx_tui.model.files import Existing
from deployx_tui.runners.files.transfer import private_folders
from deployx_tui.transports.base import (
    Broke,
    ByteSource,
    CommandSpec,
    Connection,
    FileMover,
    Process,
    Refused,
    Sent,
    TransferProgress,
    Unknown,
)
from deployx_tui.transports.local import LocalConnection
from tests.support.file_runs import Ran, Target
from tests.support.require import require, require_program

NOBODY = 65534


@pytest.fixture(params=["dash", "busybox", pytest.param("bash", marks=pytest.mark.long)])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    tools = tmp_path / "tools"
    tools.mkdir()
    program = require_program(request.param)
    if request.param == "busybox":
        for applet in os.popen(f"{program} --list").read().split():
            (tools / applet).symlink_to(program)
        monkeypatch.setenv("PATH", str(tools))
    else:
        (tools / "sh").symlink_to(program)
        monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    return Target(LocalConnection())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "target"
    made.mkdir()
    return made


class Meddling:
    """A connection whose placing scripts begin with these lines: functions in the place of programs."""

    def __init__(self, connection: Connection, lines: str) -> None:
        self._connection = connection
        self._lines = lines

    def start(self, spec: CommandSpec) -> Process | Refused | Unknown:
        script = spec.script
        if any(
            f"\n{call} '" in script for call in ("dx_place", "dx_new", "dx_news", "dx_folder", "dx_unpack", "dx_link")
        ):
            script = script.replace("\ndx_begin\n", f"\n{self._lines}\ndx_begin\n")
        return self._connection.start(replace(spec, script=script))

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


@contextmanager
def meddled(target: Target, lines: str) -> Iterator[None]:
    whole = target.connection
    target.connection = Meddling(whole, lines)  # type: ignore[assignment]  # the rest is passed on
    try:
        yield
    finally:
        target.connection = whole


def ok(ran: Ran) -> Ran:
    assert ran.facts.state is TargetState.SUCCEEDED, (ran.facts, ran.said)
    return ran


def failed(ran: Ran, *words: str, changed: bool | None = False) -> None:
    assert (ran.facts.state, ran.facts.changed) == (TargetState.FAILED, changed), (ran.facts, ran.said)
    for word in words:
        assert word in ran.message


def ours(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if ".dx-" in path.name]


#: what an account does that may write in the folder: it swaps the temporary file, or the private folder
SWAPS = {
    "link": "find {folder} -maxdepth 1 -name '.*dx-*' -type f -exec ln -sf {victim} {{}} ';'",
    "hard link": "find {folder} -maxdepth 1 -name '.*dx-*' -type f -exec ln -f {victim} {{}} ';'",
    "folder": (
        "find {folder} -maxdepth 1 -name '.dx-*' -type d -exec mv {{}} {folder}/aside ';' -exec ln -s {secret} {{}} ';'"
    ),
}


@pytest.mark.parametrize("swap", SWAPS)
@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize("at", ["chown", *(pytest.param(at, marks=pytest.mark.long) for at in ("sha256sum", "mkdir"))])
def test_nothing_but_the_file_gets_its_owner_and_mode(
    target: Target, folder: Path, tmp_path: Path, swap: str, old: bytes | None, at: str
) -> None:
    require(os.geteuid() == 0, "the right to give files away")
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o700)
    victim = secret / "victim"
    victim.write_bytes(b"precious")
    victim.chmod(0o600)
    os.chown(folder, NOBODY, NOBODY)
    path = folder / "app.conf"
    if old is not None:
        path.write_bytes(old)
    meddle = SWAPS[swap].format(folder=folder, victim=victim, secret=secret)
    with meddled(target, f'{at}() {{ command {at} "$@"; r=$?; {meddle}; return $r; }}'):
        ran = target.run(target.artifacts.file(b"new"), str(path), mode=0o777, owner="nobody")
    for found, mode in ((victim, 0o600), (secret, 0o700)):
        assert (found.stat().st_uid, stat.S_IMODE(found.stat().st_mode)) == (0, mode)
    assert [p.name for p in secret.iterdir()] == ["victim"]
    assert victim.read_bytes() == b"precious"
    if ran.facts.state is TargetState.SUCCEEDED:
        assert (path.is_symlink(), path.read_bytes(), path.stat().st_nlink) == (False, b"new", 1)
        assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (NOBODY, 0o777)
    else:
        assert not path.is_symlink()
        assert (path.read_bytes() if path.exists() else None) == old


def test_a_folder_that_others_may_write_in_is_deployed_to_as_any(target: Target, folder: Path) -> None:
    folder.chmod(0o1777)
    root = folder / "tree"
    files: dict[str, bytes | tuple[bytes, int]] = {"a": b"1", "b/c": (b"2", 0o750), "b/d": b"x" * 300_000}
    tree = target.artifacts.tree(files, {"l": "a"})
    ran = ok(target.run(tree, str(root), mode=None, owner="nobody"))
    assert {
        str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file() and not p.is_symlink()
    } == {
        "a": b"1",
        "b/c": b"2",
        "b/d": b"x" * 300_000,
    }
    assert stat.S_IMODE((root / "b/c").stat().st_mode) == 0o750
    assert {p.stat().st_uid for p in (root, root / "b", root / "b/c")} == {NOBODY}
    assert ok(target.run(tree, str(root), owner="nobody")).message == "unchanged"
    other = ok(target.run(target.artifacts.tree(files | {"a": b"9"}, {"l": "b/c"}), str(root), owner="nobody"))
    assert (root / "a").read_bytes() == b"9"
    ok(target.take_back(other))
    assert ((root / "a").read_bytes(), (root / "l").readlink()) == (b"1", Path("a"))
    ok(target.take_back(ran))
    assert list(folder.iterdir()) == []


def test_a_link_of_another_account_on_the_way_is_not_followed(target: Target, folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    (folder / "conf").symlink_to(elsewhere)
    os.chown(folder / "conf", NOBODY, NOBODY, follow_symlinks=False)
    failed(target.run(target.artifacts.file(b"new"), str(folder / "conf/app.conf")), "symbolic link of another account")
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("existing", list(Existing))
@pytest.mark.parametrize("shared", [False, True])
def test_what_appeared_meanwhile_is_left(target: Target, folder: Path, existing: Existing, *, shared: bool) -> None:
    folder.chmod(0o777 if shared else 0o755)
    path = folder / "app.conf"
    appears = f"echo mine >{path}"
    failed(target.run(target.artifacts.file(b"new"), str(path), existing=existing, pre_check=appears), "appeared")
    assert path.read_bytes() == b"mine\n"
    path.unlink()
    tree = target.artifacts.tree({"app.conf": b"1", "z": b"2"})
    ran = target.run(tree, str(folder), existing=existing, pre_check=appears)
    failed(ran, "appeared", changed=ran.facts.changed)
    assert (path.read_bytes(), ours(folder)) == (b"mine\n", [])


@pytest.mark.parametrize("backups", [0, 3])
@pytest.mark.parametrize("shared", [False, True])
def test_what_was_changed_meanwhile_is_left(target: Target, folder: Path, backups: int, *, shared: bool) -> None:
    folder.chmod(0o777 if shared else 0o755)
    path = folder / "app.conf"
    path.write_bytes(b"old")
    new = target.artifacts.file(b"new")
    failed(
        target.run(new, str(path), pre_check=f"echo mine >{path}", backups=backups), "changed meanwhile", "run it again"
    )
    assert (path.read_bytes(), ours(folder)) == (b"mine\n", [])
    failed(target.run(new, str(path), pre_check=f"rm {path}", backups=backups), "removed meanwhile")
    assert not path.exists()
    path.write_bytes(b"old")
    ran = ok(target.run(new, str(path)))
    assert Path(ran.changes.files[0].kept).read_bytes() == b"old"


def test_extra_files_and_links_that_were_changed_meanwhile_are_left(target: Target, folder: Path) -> None:
    tree = target.artifacts.tree({"a": b"1"}, {"l": "a"})
    ok(target.run(tree, str(folder)))
    extra = folder / "extra"
    extra.write_bytes(b"extra")
    failed(
        target.run(tree, str(folder), pre_check=f"echo mine >{extra}", delete_extra=True, most_deletions=100),
        "changed meanwhile",
    )
    assert extra.read_bytes() == b"mine\n"
    extra.unlink()
    turned = f"ln -sf elsewhere {folder}/l"
    failed(target.run(target.artifacts.tree({"a": b"1"}, {"l": "b"}), str(folder), pre_check=turned), "meanwhile")
    assert (folder / "l").readlink() == Path("elsewhere")


def test_a_rename_that_was_done_is_told_whatever_the_program_says(target: Target, folder: Path) -> None:
    path = folder / "app.conf"
    for number, kind in enumerate((ChangeKind.CREATED, ChangeKind.REPLACED)):
        wrong = 'ln() { command ln "$@"; echo Input/output error >&2; return 1; }; mv() { command mv "$@"; return 1; }'
        with meddled(target, wrong):
            ran = ok(target.run(target.artifacts.file(str(number).encode()), str(path)))
        assert [change.kind for change in ran.changes.files] == [kind]
        assert (path.read_bytes(), ours(folder)) == (str(number).encode(), [])


def test_a_rename_that_was_not_done_is_a_failure_with_words(target: Target, folder: Path) -> None:
    path = folder / "app.conf"
    path.write_bytes(b"old")
    for status in (0, 1):
        with meddled(target, f"mv() {{ return {status}; }}"):
            failed(target.run(target.artifacts.file(b"new"), str(path)), "put in its place" if not status else "target")
        assert (path.read_bytes(), ours(folder)) == (b"old", [])


def test_of_a_rename_that_nobody_can_tell_of_it_is_not_said_that_nothing_changed(target: Target, folder: Path) -> None:
    path = folder / "app.conf"
    path.write_bytes(b"old")
    with meddled(
        target,
        f'mv() {{ command mv "$@"; [ "$1" != -f ] || {{ command mv {path} {path}.aside; echo other >{path}; }}; }}',
    ):
        failed(target.run(target.artifacts.file(b"new"), str(path)), "nobody can tell", changed=None)


class Swapping:
    """A connection before whose transfers somebody swaps what is on its way in a folder."""

    def __init__(self, connection: Connection, folder: Path, victim: Path) -> None:
        self._connection = connection
        self._folder = folder
        self._victim = victim

    def put(
        self, source: ByteSource, path: str, offset: int, progress: TransferProgress, cancel: Event
    ) -> Sent | Refused | Broke:
        for found in self._folder.rglob("*.dx-*"):
            if found.is_file():
                found.unlink()
                found.symlink_to(self._victim)
        mover = self._connection
        assert isinstance(mover, FileMover)
        return mover.put(source, path, offset, progress, cancel)

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


def test_bytes_are_written_into_nothing_but_what_is_ours(target: Target, folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    os.chown(folder, NOBODY, NOBODY)
    whole = target.connection
    target.connection = Swapping(whole, folder, victim)  # type: ignore[assignment]  # the rest is passed on
    try:
        ok(target.run(target.artifacts.file(b"x" * 400_000), str(folder / "app.conf")))
        tree = target.artifacts.tree({"open/big": b"y" * 400_000, "a": b"1", "b": b"2"})
        (folder / "tree/open").mkdir(parents=True)
        (folder / "tree/open").chmod(0o777)
        ok(target.run(tree, str(folder / "tree")))
    finally:
        target.connection = whole
    assert victim.read_bytes() == b"precious"
    assert (folder / "app.conf").stat().st_size == (folder / "tree/open/big").stat().st_size == 400_000
    assert ours(folder) == []
    nonces = target.nonces
    assert not [path for nonce in nonces for path in private_folders(nonce) if Path(path).exists()]


def test_small_files_are_unpacked_where_nobody_can_turn_the_way(target: Target, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)
    meddle = SWAPS["folder"].format(folder=folder, victim=secret, secret=secret)
    with meddled(target, meddle):
        ok(target.run(target.artifacts.tree({"a": b"1", "b": b"2"}), str(folder)))
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    assert list(secret.iterdir()) == []


class Before:
    """A connection that does something once before its first placing script."""

    def __init__(self, connection: Connection, act: Callable[[], object]) -> None:
        self._connection = connection
        self._acts = [act]

    def start(self, spec: CommandSpec) -> Process | Refused | Unknown:
        if "\ndx_place '" in spec.script and self._acts:
            self._acts.pop()()
        return self._connection.start(spec)

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


def test_of_two_pushes_at_once_the_later_one_says_so_and_every_version_is_kept(target: Target, folder: Path) -> None:
    path = folder / "app.conf"
    path.write_bytes(b"old")
    whole, runs = target.connection, []

    def push() -> None:
        target.connection = whole
        runs.append(ok(target.run(target.artifacts.file(b"first"), str(path), backups=5)))

    target.connection = Before(whole, push)  # type: ignore[assignment]  # the rest is passed on
    failed(target.run(target.artifacts.file(b"second"), str(path), backups=5), "changed meanwhile", "run it again")
    assert (path.read_bytes(), ours(folder)) == (b"first", [])
    runs.append(ok(target.run(target.artifacts.file(b"second"), str(path), backups=5)))
    for run, content in ((runs[1], b"first"), (runs[0], b"old")):
        ok(target.take_back(run))
        assert path.read_bytes() == content


def test_a_link_that_somebody_else_put_in_its_place_is_not_told_as_made(target: Target, folder: Path) -> None:
    os.chown(folder, NOBODY, NOBODY)
    (folder / "l").symlink_to("a")
    tree = target.artifacts.tree({}, {"l": "b"})
    swap = 'mv() { [ "$1" != -f ] || ln -sfn elsewhere "$3"; command mv "$@"; }'
    with meddled(target, swap):
        failed(target.run(tree, str(folder)), changed=None)
