"""What the engine does with secrets: takes them where they are bound, waits for them, and shows them nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
import sqlalchemy as sa

from deployx_tui.model.device import DeviceDraft, GroupDraft, TransportKind
from deployx_tui.model.execution import Cause, ExecutionStatus, TargetState
from deployx_tui.model.ids import CredentialId, DeviceId, GroupId
from deployx_tui.model.secret import CredentialDraft, CredentialKind, Secret
from deployx_tui.output.mask import TOKEN
from deployx_tui.store import credentials, devices, groups, schema, sealed
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.transports.base import CommandSpec, Exited, Login, Outcome, OutputSink, Unreached
from deployx_tui.vault.vault import PASSPHRASE, VALUE
from tests.support.bench import Bench, engine_on
from tests.support.scripted_transport import ScriptedTransport, says

SECRET = "correct horse battery staple"


@pytest.fixture
def bench(sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport) -> Iterator[Bench]:
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.SSH: transport}) as bench:
        yield bench


def keep(
    bench: Bench, name: str = "login", value: str = SECRET, *bound: GroupId, user: str | None = None
) -> CredentialId:
    with bench.database.write() as c:
        draft = CredentialDraft(name=name, kind=CredentialKind.PASSWORD, user=user, groups=bound)
        made = credentials.add(c, draft, bench.owner, now_ms())
        bench.vault.seal(c, made, 1, VALUE, Secret.of(value))
    return made


def rotate(bench: Bench, credential: CredentialId, value: str) -> None:
    with bench.database.write() as c:
        version = credentials.rotated(c, credential, now_ms())
        bench.vault.seal(c, credential, version, VALUE, Secret.of(value))
        sealed.supersede(c, credential, version, now_ms())
        sealed.drop_superseded(c)


def add(bench: Bench, name: str, *named: CredentialId) -> DeviceId:
    return bench.add(DeviceDraft(name=name, address="127.0.0.1", credentials=named))


def group(bench: Bench, name: str, *members: DeviceId) -> GroupId:
    with bench.database.write() as c:
        return groups.add(c, GroupDraft(name=name, devices=members), bench.owner, now_ms())


def logins(transport: ScriptedTransport) -> dict[str, Login | None]:
    return {endpoint.name: endpoint.login for endpoint in transport.endpoints}


def entries(bench: Bench) -> list[tuple[int, dict[str, object]]]:
    """The uses of credentials in the audit: which, and what of."""
    with bench.database.read() as c:
        rows = c.execute(
            sa.select(schema.audit.c.object_id, schema.audit.c.detail)
            .where(schema.audit.c.action == "credential.use")
            .order_by(schema.audit.c.sequence)
        )
        return [(row.object_id, json.loads(row.detail)["after"]) for row in rows]


# ---- where a secret goes


def test_a_device_gets_the_credential_that_it_names_else_the_one_of_its_groups_else_none(
    bench: Bench, transport: ScriptedTransport
) -> None:
    named = keep(bench, "named", user="deploy")
    own, member, _ = add(bench, "own", named), add(bench, "member"), add(bench, "alone")
    inner = group(bench, "inner", member, own)
    with bench.database.write() as c:
        outer = groups.add(c, GroupDraft(name="outer", groups=(inner,)), bench.owner, now_ms())
    bound = keep(bench, "bound", "another secret", outer)
    assert bench.run("x").status is ExecutionStatus.SUCCEEDED
    found = logins(transport)
    assert found["alone"] is None
    first, second = found["own"], found["member"]
    assert first is not None
    assert second is not None
    assert (first.credential_id, first.user, first.secret.reveal()) == (named, "deploy", SECRET.encode())
    assert (second.credential_id, second.user, second.secret.reveal()) == (bound, None, b"another secret")


def test_two_credentials_for_one_purpose_are_an_error_that_names_them_and_nothing_is_sent(
    bench: Bench, transport: ScriptedTransport
) -> None:
    web = add(bench, "web")
    first, second = group(bench, "one", web), group(bench, "two", web)
    keep(bench, "prod-key", SECRET, first)
    keep(bench, "old-key", SECRET, second)
    run = bench.run("x")
    target = bench.targets(run)["web"]
    assert (target.state, target.cause, target.changed) == (TargetState.UNREACHABLE, Cause.AUTH, False)
    for word in ("old-key", "prod-key", "--credential"):
        assert word in target.error_message
    assert transport.endpoints == []


def test_a_credential_that_is_bound_to_groups_goes_nowhere_else_although_it_is_named(
    bench: Bench, transport: ScriptedTransport
) -> None:
    inside = add(bench, "inside")
    allowed = group(bench, "allowed", inside)
    credential = keep(bench, "bound", SECRET, allowed)
    add(bench, "outside", credential)
    run = bench.run("x")
    assert set(logins(transport)) == {"inside"}
    message = bench.targets(run)["outside"].error_message
    assert "goes to devices in allowed only" in message
    with bench.database.write() as c:
        groups.remove(c, allowed, None, now_ms())
    transport.endpoints.clear()
    bench.run("x", on="outside")
    assert transport.endpoints == [], "when its groups are gone it goes nowhere, not everywhere"


def test_a_secret_that_was_damaged_stops_its_device_alone(bench: Bench, transport: ScriptedTransport) -> None:
    good, bad = keep(bench, "good"), keep(bench, "bad", "another secret")
    add(bench, "a", good)
    add(bench, "b", bad)
    with bench.database.write() as c:
        row = sealed.get(c, bad, 1, VALUE)
        assert row is not None
        sealed.replace(c, replace(row, sealed=row.sealed[:-1] + bytes([row.sealed[-1] ^ 1])))
    run = bench.run("x")
    assert run.status is ExecutionStatus.PARTIALLY_SUCCEEDED
    assert "damaged" in bench.targets(run)["b"].error_message
    assert set(logins(transport)) == {"a"}


def test_a_rotated_secret_is_taken_by_the_next_run(bench: Bench, transport: ScriptedTransport) -> None:
    credential = keep(bench)
    add(bench, "web", credential)
    bench.run("x")
    rotate(bench, credential, "another secret")
    bench.run("x")
    first, second = (endpoint.login for endpoint in transport.endpoints)
    assert first is not None
    assert second is not None
    assert (first.secret_version, second.secret_version) == (1, 2)
    assert second.secret.reveal() == b"another secret"
    with bench.database.read() as c:
        assert [row.version for row in sealed.every(c)] == [2], "no run can want the old one"


def test_a_run_that_takes_a_secret_is_in_the_audit_before_it_is_used_and_the_secret_is_not(
    bench: Bench, transport: ScriptedTransport
) -> None:
    credential = keep(bench)
    ids = [add(bench, name, credential) for name in ("a", "b")]
    add(bench, "c")
    seen: list[int] = []

    def look(spec: CommandSpec, sink: OutputSink, cancel: Event) -> Outcome:
        seen.append(len(entries(bench)))
        return Exited(0)

    transport.behaviour = look
    run = bench.run("x")
    assert seen == [1, 1, 1]
    assert entries(bench) == [(credential, {"execution_id": run.id, "secret_version": 1, "device_ids": ids})]
    with bench.database.read() as c:
        assert credentials.get(c, credential).last_used_at is not None
        texts = [str(row) for row in c.execute(sa.select(schema.audit))]
    assert not any(SECRET in text for text in texts)


# ---- what shows


def test_a_login_secret_is_masked_in_the_output_of_its_own_targets(bench: Bench, transport: ScriptedTransport) -> None:
    credential = keep(bench)
    add(bench, "with", credential)
    add(bench, "without")
    transport.behaviour = says(b"it is corr", b"ect horse bat", b"tery staple.")
    run = bench.run("x")
    found = bench.targets(run)
    assert bench.output_of(found["with"]) == b"it is " + TOKEN + b"."
    assert bench.output_of(found["without"]) == b"it is correct horse battery staple."


def test_a_login_secret_is_masked_in_the_message_of_a_failure(bench: Bench, transport: ScriptedTransport) -> None:
    add(bench, "a", keep(bench))
    transport.unreached["a"] = Unreached(Cause.AUTH, f"the server said: bad {SECRET}")
    run = bench.run("x")
    assert bench.targets(run)["a"].error_message == "the server said: bad [secret]"
    add(bench, "b", *credentials_of(bench, "a"))
    transport.unreached["b"] = ValueError(f"with {SECRET}")
    message = bench.targets(bench.run("x", on="b"))["b"].error_message
    assert SECRET not in message
    assert "with [secret]" in message


def test_the_secrets_of_the_jump_hosts_are_masked_on_the_targets_behind_them(
    bench: Bench, transport: ScriptedTransport
) -> None:
    with bench.database.write() as c:
        draft = CredentialDraft(name="outer", kind=CredentialKind.SSH_KEY)
        outer_key = credentials.add(c, draft, bench.owner, now_ms())
        bench.vault.seal(c, outer_key, 1, VALUE, Secret.of("the key of the outer one"))
        bench.vault.seal(c, outer_key, 1, PASSPHRASE, Secret.of("its passphrase"))
    outer = add(bench, "outer", outer_key)
    inner_login = keep(bench, "inner", "the password of the inner one")
    inner = bench.add(DeviceDraft(name="inner", address="127.0.0.1", jump=outer, credentials=(inner_login,)))
    for name in ("target", "refused"):
        bench.add(DeviceDraft(name=name, address="127.0.0.1", jump=inner))
    said = "the key of the outer one, its passphrase, the password of the inner one"
    transport.behaviour = says(said.encode())
    transport.unreached["refused"] = Unreached(Cause.AUTH, said)
    found = bench.targets(bench.run("x", on="target,refused,outer"))
    assert bench.output_of(found["target"]) == b", ".join([TOKEN] * 3)
    assert found["refused"].error_message == "[secret], [secret], [secret]"
    assert bench.output_of(found["outer"]) == TOKEN + b", " + TOKEN + b", the password of the inner one", (
        "what lies behind a host is not told to it"
    )


def credentials_of(bench: Bench, name: str) -> tuple[CredentialId, ...]:
    with bench.database.read() as c:
        return devices.find(c, name).draft.credentials


# ---- a vault that is closed


def test_a_run_that_needs_a_secret_waits_for_the_vault_and_goes_on_when_it_opens(
    sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport
) -> None:
    transports = {TransportKind.SSH: transport}
    key = tmp_path / "config" / "vault.key"
    with engine_on(sqlite_database, tmp_path / "output", transports) as before:
        add(before, "secret", keep(before))
        add(before, "plain")
    content = key.read_bytes()
    key.unlink()
    rows = stored(before)
    with engine_on(sqlite_database, tmp_path / "output", transports, owner=before.owner) as bench:
        assert bench.run("x", on="plain").status is ExecutionStatus.SUCCEEDED
        execution = bench.queue("x", on="secret")
        bench.until(lambda: bench.get(execution).status is ExecutionStatus.WAITING)
        assert bench.get(execution).wait_reason == "vault"
        assert [endpoint.name for endpoint in transport.endpoints] == ["plain"]
        assert not bench.engine.is_idle(), "a private engine stays for what waits"
        assert stored(bench) == rows
        assert not key.exists()
        # a wrong key is no key
        key.write_bytes(b"\1" * 32)
        key.chmod(0o400)
        other = bench.queue("x", on="secret")
        bench.until(lambda: bench.get(other).status is ExecutionStatus.WAITING)
        assert stored(bench) == rows
        key.unlink()
        key.write_bytes(content)
        key.chmod(0o400)
        for each in (execution, other):
            assert bench.ended(each).status is ExecutionStatus.SUCCEEDED
        login = logins(transport)["secret"]
        assert login is not None
        assert login.secret.reveal() == SECRET.encode()


def test_a_run_that_waits_for_the_vault_can_be_cancelled_and_is_taken_over_by_the_next_engine(
    sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport
) -> None:
    transports = {TransportKind.SSH: transport}
    key, aside = tmp_path / "config" / "vault.key", tmp_path / "aside"
    with engine_on(sqlite_database, tmp_path / "output", transports) as before:
        add(before, "secret", keep(before))
    key.rename(aside)
    with engine_on(sqlite_database, tmp_path / "output", transports, owner=before.owner) as bench:
        cancelled, kept = bench.queue("x"), bench.queue("x")
        bench.until(lambda: bench.get(cancelled).status is bench.get(kept).status is ExecutionStatus.WAITING)
        bench.cancel(cancelled)
        over = bench.ended(cancelled)
        assert over.status is ExecutionStatus.CANCELLED
        assert over.error_message == "cancelled while it waited for the vault"
    with engine_on(sqlite_database, tmp_path / "output", transports, owner=before.owner) as bench:
        bench.until(lambda: bench.get(kept).wait_reason == "vault")
        aside.rename(key)
        assert bench.ended(kept).status is ExecutionStatus.SUCCEEDED


def stored(bench: Bench) -> list[object]:
    with bench.database.read() as c:
        return [*sealed.every(c), sealed.vault_row(c)]
