"""A file that only root may put there: over the login's account and sudo, with a password of the vault."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.execution import Cause, ExecutionStatus, TargetState
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import CredentialId
from deployx_tui.model.payload import RunAs
from deployx_tui.model.secret import CredentialDraft, CredentialKind, Secret
from deployx_tui.store import credentials
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.vault.vault import VALUE
from tests.support.accounts import Accounts
from tests.support.bench import Bench, engine_on
from tests.support.ssh import Fleets, transport_to

PASSWORD = "correct horse 9 staple"
#: where root keeps what was replaced, on this machine too
STATE = Path("/var/lib/deployx")


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    with Accounts() as accounts:
        yield accounts


@pytest.fixture
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


@pytest.fixture(autouse=True)
def _state() -> Iterator[None]:
    """This machine's own stays as it was."""
    before = set(STATE.rglob("*")) | ({STATE} if STATE.exists() else set())
    yield
    for path in sorted({STATE, *STATE.rglob("*")} - before, key=lambda one: len(one.parts)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@pytest.fixture
def bench(sqlite_database: Database, tmp_path: Path, fleets: Fleets) -> Iterator[Bench]:
    # without the fleet's HOME: each account has its own
    transport = transport_to(fleets.get({"SetEnv": "DEPLOYX_TEST=1"}), tmp_path)
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.SSH: transport}) as bench:
        yield bench
    transport.shutdown()


def keep(bench: Bench, name: str, value: str) -> CredentialId:
    with bench.database.write() as c:
        draft = CredentialDraft(name=name, kind=CredentialKind.SUDO)
        made = credentials.add(c, draft, bench.owner, now_ms())
        bench.vault.seal(c, made, 1, VALUE, Secret.of(value))
    return made


def test_a_file_that_only_root_may_put_there_and_take_back(
    bench: Bench, fleets: Fleets, accounts: Accounts, tmp_path: Path
) -> None:
    login = accounts.add(PASSWORD)
    accounts.allow(f"{login} ALL=(ALL) ALL")
    host = fleets.get({"SetEnv": "DEPLOYX_TEST=1"}).hosts[0]
    for name, password in (("good", PASSWORD), ("bad", "another password 3")):
        device = DeviceDraft(
            name=name,
            address=host.address,
            port=host.port,
            user=login,
            key_file=host.key_file,
            credentials=(keep(bench, name, password),),
        )
        bench.add(device)
    place = tmp_path / "etc"
    place.mkdir(mode=0o700)
    (place / "motd").write_bytes(b"old\n")
    (place / "motd").chmod(0o640)
    payload = FilePayload(
        items=(FileItem(artifact=bench.add_file("motd", b"new\n")),),
        target_path=f"{place}/motd",
        run_as=RunAs(user="root"),
    )
    refused = bench.run(payload, on="bad")
    target = bench.targets(refused)["bad"]
    assert (target.state, target.cause, target.changed) == (TargetState.FAILED, Cause.SUDO, False)
    assert (place / "motd").read_bytes() == b"old\n"
    run = bench.run(payload, on="good")
    assert run.status is ExecutionStatus.SUCCEEDED, bench.targets(run)
    facts = (place / "motd").stat()
    assert ((place / "motd").read_bytes(), facts.st_uid, facts.st_mode & 0o777) == (b"new\n", 0, 0o640)
    assert bench.run(payload, on="good").targets.unchanged == 1
    back = bench.run(RollbackPayload(execution=run.id), on=())
    assert back.status is ExecutionStatus.SUCCEEDED, bench.targets(back)
    assert (place / "motd").read_bytes() == b"old\n"
    assert [path.name for path in place.iterdir()] == ["motd"]
