"""A password of the vault, from the vault to sudo on a real sshd and nowhere else: no table, output, log or message."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.execution import Cause, ExecutionStatus, Stream, TargetState
from deployx_tui.model.ids import CredentialId
from deployx_tui.model.payload import BecomeMethod, CommandPayload, Line, RunAs
from deployx_tui.model.secret import CredentialDraft, CredentialKind, Secret
from deployx_tui.store import credentials, schema
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.vault.vault import VALUE
from tests.support.accounts import Accounts
from tests.support.bench import Bench, engine_on
from tests.support.ssh import Fleets, transport_to

PASSWORD = "correct horse 9 staple"


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    with Accounts() as accounts:
        yield accounts


@pytest.fixture
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


@pytest.fixture
def bench(sqlite_database: Database, tmp_path: Path, fleets: Fleets) -> Iterator[Bench]:
    transport = transport_to(fleets.get(), tmp_path)
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.SSH: transport}) as bench:
        yield bench
    transport.shutdown()


def keep(bench: Bench, name: str, value: str) -> CredentialId:
    with bench.database.write() as c:
        draft = CredentialDraft(name=name, kind=CredentialKind.SUDO)
        made = credentials.add(c, draft, bench.owner, now_ms())
        bench.vault.seal(c, made, 1, VALUE, Secret.of(value))
    return made


def add(bench: Bench, fleets: Fleets, name: str, login: str, *named: CredentialId) -> None:
    host = fleets.get().hosts[0]
    bench.add(
        DeviceDraft(
            name=name,
            address=host.address,
            port=host.port,
            user=login,
            key_file=host.key_file,
            credentials=named,
        )
    )


def test_a_sudo_password_goes_to_sudo_alone(
    bench: Bench, fleets: Fleets, accounts: Accounts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    login = accounts.add(PASSWORD)
    accounts.allow(f"{login} ALL=(ALL) ALL")
    accounts.allow_doas(f"permit {login}")
    right, wrong = keep(bench, "right", PASSWORD), keep(bench, "wrong", "another password 3")
    add(bench, fleets, "good", login, right)
    add(bench, fleets, "bad", login, wrong)
    add(bench, fleets, "bare", login)
    caplog.set_level(logging.DEBUG)

    # one that knows the password says it: it is masked, as any secret
    script = f"id -un; echo {PASSWORD[:9]}''{PASSWORD[9:]}; exit 3".replace("''", "$(:)")
    for method, user in ((BecomeMethod.SUDO, "root"), (BecomeMethod.SU, login), (BecomeMethod.DOAS, "root")):
        run = bench.run(CommandPayload(body=Line(script), run_as=RunAs(method=method, user=user)))
        found = bench.targets(run)
        good, bad, bare = found["good"], found["bad"], found["bare"]
        assert (good.state, good.cause, good.exit_code) == (TargetState.FAILED, Cause.EXIT, 3)
        assert bench.output_of(good).split()[0] == user.encode()
        assert PASSWORD.encode() not in bench.output_of(good) + bench.output_of(good, Stream.STDERR)
        assert (bad.state, bad.cause, bad.changed) == (TargetState.FAILED, Cause.SUDO, False)
        assert "wrong" in bad.error_message
        assert (bare.state, bare.cause, bare.changed) == (TargetState.FAILED, Cause.SUDO, False)
        assert "asks for a password" in bare.error_message
    assert bench.run("id -un", on="good").status is ExecutionStatus.SUCCEEDED

    with bench.database.read() as c:
        uses = c.scalars(sa.select(schema.audit.c.object_id).where(schema.audit.c.action == "credential.use")).all()
        plans = c.scalars(sa.select(schema.executions.c.plan)).all()
    assert sorted(uses) == [right] * 3 + [wrong] * 3, "the run without another account takes none"
    assert any('"run_as":"root"' in plan for plan in plans)
    said = "".join(record.getMessage() for record in caplog.records)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(kept) > 10_000
    for secret in (PASSWORD, "another password 3"):
        assert secret not in said
        # the script of the test holds the first one in two halves
        assert secret.encode() not in kept
