"""When a device can't be reached: what is told, what helps, and that nothing was sent or proved."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.device import HostKeyPolicy, OfferedKey, TestStepName
from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import CommandSpec, Endpoint, Exited, Outcome, Unreached, run
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.contract.transport.site import Recorder
from tests.support.ssh import Fleets, endpoint_of, transport_to

SECONDS = timedelta(seconds=20)
SOON = timedelta(seconds=1)


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


@pytest.fixture
def fleet(fleets: Fleets) -> Fleet:
    return fleets.get()


@pytest.fixture
def transport(fleet: Fleet, tmp_path: Path) -> Iterator[SshTransport]:
    transport = transport_to(fleet, tmp_path)
    yield transport
    transport.shutdown()


@pytest.fixture
def endpoint(fleet: Fleet) -> Endpoint:
    return endpoint_of(fleet.hosts[0])


def unreached(transport: SshTransport, endpoint: Endpoint, deadline: timedelta = SECONDS) -> Unreached:
    answer = transport.connect(endpoint, deadline, Event())
    assert isinstance(answer, Unreached)
    assert answer.message
    assert answer.remedy
    # the step by step test says the same, as its last step
    steps = list(transport.test(endpoint, deadline))
    assert not steps[-1].ok
    assert all(step.ok for step in steps[:-1])
    assert steps[-1].remedy == answer.remedy
    return answer


def last_step(transport: SshTransport, endpoint: Endpoint, deadline: timedelta = SECONDS) -> TestStepName:
    return list(transport.test(endpoint, deadline))[-1].name


def try_run(transport: SshTransport, endpoint: Endpoint) -> Outcome:
    return run(transport, endpoint, CommandSpec(script="true"), Recorder(), Event(), SECONDS)


def logins(fleet: Fleet) -> int:
    """Keys that were offered to the server, accepted or not."""
    log = fleet.log_of(0)
    return log.count("publickey for")


def test_a_port_where_nobody_listens(transport: SshTransport, endpoint: Endpoint) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = dataclasses.replace(endpoint, address="127.0.0.1", port=free.getsockname()[1])
        answer = unreached(transport, closed)
    assert answer.cause is Cause.REFUSED
    assert "refused" in answer.message.lower()


def test_a_name_that_does_not_resolve(transport: SshTransport, endpoint: Endpoint) -> None:
    unknown = dataclasses.replace(endpoint, address="no-such-host.invalid")
    assert unreached(transport, unknown).cause is Cause.NAME
    assert last_step(transport, unknown) is TestStepName.RESOLVE


def test_a_host_that_does_not_answer(transport: SshTransport, endpoint: Endpoint) -> None:
    """A full backlog drops what comes, as a host that is down or a firewall does."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        down = dataclasses.replace(endpoint, address="127.0.0.1", port=full.getsockname()[1])
        answer = unreached(transport, down, SOON)
        for filler in fillers:
            filler.close()
    assert answer.cause is Cause.CONNECT_TIMEOUT


def test_a_server_that_says_nothing(transport: SshTransport, endpoint: Endpoint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = dataclasses.replace(endpoint, address="127.0.0.1", port=mute.getsockname()[1])
        assert unreached(transport, silent, SOON).cause is Cause.CONNECT_TIMEOUT


def test_a_server_that_is_not_ssh(transport: SshTransport, endpoint: Endpoint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            for _ in range(2):
                client, _ = other.accept()
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                client.close()

        thread = threading.Thread(target=answer)
        thread.start()
        http = dataclasses.replace(endpoint, address="127.0.0.1", port=other.getsockname()[1])
        found = unreached(transport, http)
        thread.join()
    assert found.cause is Cause.UNREACHABLE
    assert "handshake" in found.message


def test_a_cancel_ends_the_attempt_to_connect(transport: SshTransport, endpoint: Endpoint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        cancel = Event()
        accepted: list[socket.socket] = []

        def take() -> None:
            accepted.append(mute.accept()[0])
            cancel.set()

        threading.Thread(target=take).start()
        silent = dataclasses.replace(endpoint, address="127.0.0.1", port=mute.getsockname()[1])
        answer = transport.connect(silent, timedelta(hours=1), cancel)
        accepted[0].close()
    assert isinstance(answer, Unreached)
    assert "cancelled" in answer.message


@pytest.mark.parametrize("policy", list(HostKeyPolicy))
def test_a_changed_host_key_is_refused_before_anything_is_proved(
    fleet: Fleet, endpoint: Endpoint, tmp_path: Path, policy: HostKeyPolicy
) -> None:
    host = fleet.hosts[0]
    other = another_key(tmp_path)
    (tmp_path / "known_hosts").write_text(f"[{host.address}]:{host.port} {other}\n")
    transport = SshTransport(SshSettings(known_hosts=tmp_path / "known_hosts"))
    before = logins(fleet)
    answer = unreached(transport, dataclasses.replace(endpoint, host_key_policy=policy))
    assert answer.cause is Cause.HOST_KEY
    assert "HAS CHANGED" in answer.message
    assert answer.offered_key is not None
    assert answer.offered_key.key == host.host_key.split()[1]
    assert answer.offered_key.known_fingerprint is not None
    assert logins(fleet) == before
    # only a person's word replaces it
    assert transport.trust(endpoint, answer.offered_key) == (answer.offered_key.known_fingerprint,)
    assert try_run(transport, endpoint) == Exited(0)
    transport.shutdown()


def another_key(folder: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "other")], check=True)
    return " ".join((folder / "other.pub").read_text().split()[:2])


@pytest.mark.parametrize("policy", [HostKeyPolicy.ASK, HostKeyPolicy.STRICT])
def test_an_unknown_host_key_is_refused_and_shown(
    fleet: Fleet, endpoint: Endpoint, tmp_path: Path, policy: HostKeyPolicy
) -> None:
    transport = SshTransport(SshSettings(known_hosts=tmp_path / "known_hosts"))
    before = logins(fleet)
    answer = unreached(transport, dataclasses.replace(endpoint, host_key_policy=policy))
    assert answer.cause is Cause.HOST_KEY
    assert answer.offered_key is not None
    assert answer.offered_key.known_fingerprint is None
    assert logins(fleet) == before
    assert not (tmp_path / "known_hosts").exists()
    shown = list(transport.test(endpoint, SECONDS))[-1]
    assert shown.name is TestStepName.HOST_KEY
    assert shown.offered_key == answer.offered_key
    transport.trust(endpoint, answer.offered_key)
    assert try_run(transport, endpoint) == Exited(0)
    transport.shutdown()


def test_accept_new_keeps_the_first_key_and_tells_the_audit(endpoint: Endpoint, fleet: Fleet, tmp_path: Path) -> None:
    kept: list[tuple[Endpoint, OfferedKey]] = []
    known_hosts = tmp_path / "ours" / "known_hosts"
    settings = SshSettings(known_hosts=known_hosts, key_kept=lambda where, key: kept.append((where, key)))
    transport = SshTransport(settings)
    trusting = dataclasses.replace(endpoint, host_key_policy=HostKeyPolicy.ACCEPT_NEW)
    assert try_run(transport, trusting) == Exited(0)
    assert try_run(transport, endpoint) == Exited(0)
    transport.shutdown()
    host = fleet.hosts[0]
    assert known_hosts.read_text() == f"[{host.address}]:{host.port} {host.host_key}\n"
    assert [(where, key.key) for where, key in kept] == [(trusting, host.host_key.split()[1])]


def test_a_key_that_was_revoked_since_ends_the_use_of_a_pooled_connection(
    fleet: Fleet, endpoint: Endpoint, tmp_path: Path
) -> None:
    transport = transport_to(fleet, tmp_path)
    assert try_run(transport, endpoint) == Exited(0)
    (tmp_path / "known_hosts").write_text(f"@revoked * {fleet.hosts[0].host_key}\n")
    outcome = try_run(transport, endpoint)
    assert isinstance(outcome, Unreached)
    assert "@revoked" in outcome.message
    transport.shutdown()


def test_a_wrong_key_is_refused_with_what_was_tried(
    transport: SshTransport, endpoint: Endpoint, tmp_path: Path
) -> None:
    another_key(tmp_path)
    wrong = dataclasses.replace(endpoint, key_file=str(tmp_path / "other"))
    answer = unreached(transport, wrong)
    assert answer.cause is Cause.AUTH
    assert str(tmp_path / "other") in answer.message
    assert "authorized_keys" in answer.remedy
    assert last_step(transport, wrong) is TestStepName.AUTHENTICATE


def test_a_user_who_may_not_log_in(transport: SshTransport, endpoint: Endpoint) -> None:
    assert unreached(transport, dataclasses.replace(endpoint, user="no-such-user")).cause is Cause.AUTH


def test_an_encrypted_key_without_its_passphrase(transport: SshTransport, endpoint: Endpoint, tmp_path: Path) -> None:
    key = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(key)], check=True)
    answer = unreached(transport, dataclasses.replace(endpoint, key_file=str(key)))
    assert answer.cause is Cause.AUTH
    assert "encrypted" in answer.message
    assert f"ssh-add {key}" in answer.remedy


def test_a_key_file_that_is_missing_garbage_or_open_to_others(
    transport: SshTransport, endpoint: Endpoint, tmp_path: Path
) -> None:
    missing = unreached(transport, dataclasses.replace(endpoint, key_file=str(tmp_path / "missing")))
    assert "does not exist" in missing.message
    garbage = tmp_path / "garbage"
    garbage.write_text("not a key")
    garbage.chmod(0o600)
    assert "not a private key" in unreached(transport, dataclasses.replace(endpoint, key_file=str(garbage))).message
    garbage.chmod(0o644)
    public = unreached(transport, dataclasses.replace(endpoint, key_file=str(garbage)))
    assert "other accounts" in public.message
    assert public.remedy == f"chmod 600 {garbage}"


def test_a_server_that_takes_no_keys(fleets: Fleets, tmp_path: Path) -> None:
    fleet = fleets.get({"PubkeyAuthentication": "no", "PasswordAuthentication": "yes"})
    transport = transport_to(fleet, tmp_path)
    answer = unreached(transport, endpoint_of(fleet.hosts[0]))
    assert answer.cause is Cause.AUTH
    assert "no keys" in answer.message


@pytest.mark.parametrize(
    "options",
    [{"Ciphers": "3des-cbc"}, {"Ciphers": "aes128-cbc"}, {"Ciphers": "aes128-ctr", "MACs": "hmac-md5"}],
    ids=["3des", "cbc", "md5"],
)
def test_a_server_that_speaks_only_weak_algorithms(fleets: Fleets, tmp_path: Path, options: dict[str, str]) -> None:
    fleet = fleets.get(options)
    transport = transport_to(fleet, tmp_path)
    answer = unreached(transport, endpoint_of(fleet.hosts[0]))
    assert answer.cause is Cause.UNREACHABLE
    assert "no acceptable" in answer.message


@pytest.mark.parametrize("kind", ["ssh-rsa", "ecdsa-sha2-nistp256"])
def test_a_server_that_is_known_by_an_older_key_is_asked_for_that_one(tmp_path: Path, kind: str) -> None:
    name = {"ssh-rsa": "rsa", "ecdsa-sha2-nistp256": "ecdsa"}[kind]
    key = tmp_path / "second"
    subprocess.run(["ssh-keygen", "-q", "-t", name, "-N", "", "-f", str(key)], check=True)
    folder = tmp_path / "fleet"
    with Fleet.start(1, folder, "sshd") as fleet:
        # sshd reads its configuration again on HUP, under the same pid
        (folder / "sshd_config-0").write_text(f"HostKey {key}\n" + (folder / "sshd_config-0").read_text())
        restarted = _restart(fleet)
        host = fleet.hosts[0]
        public = " ".join(key.with_suffix(".pub").read_text().split()[:2])
        (tmp_path / "known_hosts").write_text(f"[{host.address}]:{host.port} {public}\n")
        transport = SshTransport(SshSettings(known_hosts=tmp_path / "known_hosts"))
        assert restarted
        assert try_run(transport, endpoint_of(host)) == Exited(0)
        transport.shutdown()


def _restart(fleet: Fleet) -> bool:
    """HUP, and wait until it says again that it listens."""
    os.kill(fleet.pids[0], 1)
    until = time.monotonic() + 20
    while fleet.log_of(0).count("Server listening") < 2:
        if time.monotonic() > until:
            return False
        threading.Event().wait(0.01)
    return True
