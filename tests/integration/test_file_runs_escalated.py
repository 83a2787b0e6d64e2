"""File tasks as another account than the one that logs in: by way of a private folder, and nothing of it stays."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.payload import BecomeMethod, RunAs
from deployx_tui.model.secret import Secret
from deployx_tui.transports.base import Unreached
from tests.contract.transport.site import CONNECT
from tests.support.accounts import Accounts
from tests.support.file_runs import Target
from tests.support.ssh import Fleets, endpoint_of, transport_to

PASSWORD = "correct horse 9 staple"
ROOTS_STATE = Path("/var/lib/deployx")
PRIVATE = ("/var/tmp", "/tmp")


@dataclasses.dataclass
class World:
    accounts: Accounts
    connect: Callable[[str], Target]
    #: may do everything by sudo, after its password
    asked: str
    #: without one
    free: str
    #: another one to become
    app: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    targets: list[Target] = []
    with Accounts() as accounts, Fleets() as fleets:
        asked, free, app = (accounts.add(PASSWORD) for _ in range(3))
        accounts.allow(f"{asked} ALL=(ALL) ALL", f"{free} ALL=(ALL) NOPASSWD: ALL")
        # its own HOME, which the fleet's would hide; a path that every account may pass
        fleet = fleets.get({"SetEnv": "DEPLOYX_TEST=1"})
        transport = transport_to(fleet, tmp_path_factory.mktemp("escalation"))

        def connect(login: str) -> Target:
            endpoint = dataclasses.replace(endpoint_of(fleet.hosts[0]), user=login)
            connection = transport.connect(endpoint, CONNECT, Event())
            assert not isinstance(connection, Unreached), connection
            targets.append(Target(connection))
            return targets[-1]

        yield World(accounts, connect, asked, free, app)
        transport.shutdown()
    for target in targets:  # other accounts' went with their homes
        if target.run_as is not None and target.run_as.user == "root":
            target.remove_state(ROOTS_STATE)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Of root, where every account may pass."""
    made = Path(tempfile.mkdtemp(prefix="dx-escalated-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def left_behind(world: World) -> list[str]:
    """Private folders of our accounts; other tests have theirs."""
    found = []
    for base in PRIVATE:
        for path in Path(base).glob("dx-files-*"):
            with suppress(FileNotFoundError, KeyError):  # another test's, or an account's that is gone
                if path.owner() in world.accounts.names:
                    found.append(str(path))
    return found


WAYS = (
    ("asked", RunAs(user="root"), PASSWORD),
    pytest.param("free", RunAs(user="root"), None, marks=pytest.mark.long),
    ("free", RunAs(user="APP"), None),
    pytest.param("asked", RunAs(method=BecomeMethod.SU, user="APP"), PASSWORD, marks=pytest.mark.long),
)


@pytest.mark.parametrize(("login", "run_as", "password"), WAYS)
def test_another_account_places_what_the_login_brought(
    world: World, folder: Path, login: str, run_as: RunAs, password: str | None
) -> None:
    user = world.app if run_as.user == "APP" else "root"
    shutil.chown(folder, user)
    folder.chmod(0o750)  # the login's own account can't even look
    target = world.connect(getattr(world, login))
    target.run_as = dataclasses.replace(run_as, user=user)
    target.password = None if password is None else Secret.of(password)
    path = folder / "app.conf"
    first = target.run(target.artifacts.file(b"one\n"), str(path))
    assert first.facts.state is TargetState.SUCCEEDED, (first.facts, first.said)
    assert (path.read_bytes(), path.owner()) == (b"one\n", user)
    again = target.run(target.artifacts.file(b"one\n"), str(path))
    assert (again.facts.changed, again.message) == (False, "unchanged")
    path.chmod(0o600)
    second = target.run(target.artifacts.file(b"two\n" * 100_000), str(path))
    assert second.facts.state is TargetState.SUCCEEDED, (second.facts, second.said)
    assert path.read_bytes() == b"two\n" * 100_000
    assert (path.owner(), path.stat().st_mode & 0o777) == (user, 0o600)
    tree = target.artifacts.tree({"a": b"1", "b/c d": b"2", "b/big": b"3" * 300_000, "run": (b"#!", 0o755)})
    third = target.run(tree, str(folder / "tree"))
    assert third.facts.state is TargetState.SUCCEEDED, (third.facts, third.said)
    assert (folder / "tree/b/c d").read_bytes() == b"2"
    assert {found.owner() for found in (folder / "tree").rglob("*")} == {user}
    for ran in (third, second):
        back = target.take_back(ran)
        assert back.facts.state is TargetState.SUCCEEDED, (back.facts, back.said)
    assert path.read_bytes() == b"one\n"
    assert [found.name for found in folder.iterdir()] == ["app.conf"]
    assert left_behind(world) == []


def test_an_owner_that_cannot_be_kept_is_a_failure(world: World, folder: Path) -> None:
    """Whoever may write the folder, but not give a file away."""
    folder.chmod(0o777)
    path = folder / "of-root"
    path.write_bytes(b"root's")
    target = world.connect(world.asked)
    ran = target.run(target.artifacts.file(b"mine"), str(path))
    assert (ran.facts.state, ran.facts.cause, ran.facts.changed) == (TargetState.FAILED, Cause.EXIT, False)
    assert "owner" in ran.message
    assert path.read_bytes() == b"root's"
    assert [found.name for found in folder.iterdir()] == ["of-root"]


def test_no_right_to_the_folder_is_told_before_anything_is_sent(world: World, folder: Path) -> None:
    target = world.connect(world.asked)
    ran = target.run(target.artifacts.file(b"mine"), str(folder / "x"))
    assert (ran.facts.state, ran.facts.cause, ran.facts.changed) == (TargetState.FAILED, Cause.EXIT, False)
    assert "no right to write" in ran.message
    assert "as another" in ran.message
    assert ran.progress == []
    target.run_as, target.password = RunAs(), Secret.of("wrong")
    ran = target.run(target.artifacts.file(b"mine"), str(folder / "x"))
    assert (ran.facts.state, ran.facts.cause, ran.facts.changed) == (TargetState.FAILED, Cause.SUDO, False)
    assert list(folder.iterdir()) == []
    assert left_behind(world) == []
