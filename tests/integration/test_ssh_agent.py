"""A device without a key file uses what ~/.ssh/config and the agent offer."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import CommandSpec, Exited, Outcome, Unreached, run
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.contract.transport.site import CONNECT, Recorder
from tests.support.ssh import Fleets, endpoint_of

pytestmark = pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="ssh-agent is not installed")


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleets() as fleets:
        yield fleets.get()


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An agent of our own, and a home without keys."""
    monkeypatch.setenv("HOME", str(tmp_path))
    address = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(address)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it listens now
    monkeypatch.setenv("SSH_AUTH_SOCK", str(address))
    yield address
    process.terminate()
    process.wait()
    process.stdout.close()


def try_run(fleet: Fleet, folder: Path, config: str, key_file: str | None = None) -> Outcome:
    path = folder / "config"
    path.write_text(config)
    transport = SshTransport(
        SshSettings(known_hosts=folder / "kh", known_hosts_beside=(fleet.known_hosts,), config_file=path)
    )
    endpoint = dataclasses.replace(endpoint_of(fleet.hosts[0]), key_file=key_file)
    try:
        return run(transport, endpoint, CommandSpec(script="true"), Recorder(), Event(), CONNECT)
    finally:
        transport.shutdown()


def add(path: str | Path) -> None:
    subprocess.run(["ssh-add", "-q", str(path)], check=True, env=dict(os.environ), stdin=subprocess.DEVNULL)


def locked_copy(fleet: Fleet, folder: Path) -> Path:
    """The fleet's client key under a passphrase, its public half beside it."""
    copy = folder / "locked"
    shutil.copy(fleet.hosts[0].key_file, copy)
    copy.chmod(0o600)
    public = subprocess.run(["ssh-keygen", "-y", "-f", str(copy)], capture_output=True, check=True).stdout
    copy.with_name("locked.pub").write_bytes(public)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", str(copy)], check=True)
    return copy


def test_the_agents_key_is_offered(fleet: Fleet, agent: Path, tmp_path: Path) -> None:
    outcome = try_run(fleet, tmp_path, "")
    assert isinstance(outcome, Unreached)
    assert outcome.cause is Cause.AUTH
    add(fleet.hosts[0].key_file)
    assert try_run(fleet, tmp_path, "") == Exited(0)


def test_identity_agent_none_keeps_the_agent_out(fleet: Fleet, agent: Path, tmp_path: Path) -> None:
    add(fleet.hosts[0].key_file)
    assert isinstance(try_run(fleet, tmp_path, "IdentityAgent none\n"), Unreached)


def test_the_configured_key_is_offered(fleet: Fleet, agent: Path, tmp_path: Path) -> None:
    assert try_run(fleet, tmp_path, f"IdentityFile {fleet.hosts[0].key_file}\n") == Exited(0)


def test_identities_only_offers_no_other_key_of_the_agent(fleet: Fleet, agent: Path, tmp_path: Path) -> None:
    add(fleet.hosts[0].key_file)
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    assert isinstance(try_run(fleet, tmp_path, f"IdentitiesOnly yes\nIdentityFile {other}\n"), Unreached)
    locked = locked_copy(fleet, tmp_path)
    assert try_run(fleet, tmp_path, f"IdentitiesOnly yes\nIdentityFile {locked}\n") == Exited(0)


def test_an_encrypted_key_file_is_used_through_the_agent(fleet: Fleet, agent: Path, tmp_path: Path) -> None:
    locked = locked_copy(fleet, tmp_path)
    outcome = try_run(fleet, tmp_path, "", str(locked))
    assert isinstance(outcome, Unreached)
    assert "encrypted" in outcome.message
    add(fleet.hosts[0].key_file)
    assert try_run(fleet, tmp_path, "", str(locked)) == Exited(0)


def test_a_jump_host_that_would_be_reached_through_itself_is_refused_and_nothing_is_sent(
    fleet: Fleet, agent: Path, tmp_path: Path
) -> None:
    before = fleet.log_of(0)
    outcome = try_run(fleet, tmp_path, "ProxyJump bastion\n", fleet.hosts[0].key_file)
    assert isinstance(outcome, Unreached)
    assert "> bastion > bastion" in outcome.message
    assert fleet.log_of(0) == before
