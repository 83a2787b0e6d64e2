"""Logging in with a credential of the vault: with it and nothing else, after the host key, and once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import asyncssh
import pytest

from deployx_tui.model.device import HostKeyPolicy, TransportKind
from deployx_tui.model.execution import Cause
from deployx_tui.model.ids import CredentialId, DeviceId
from deployx_tui.model.secret import CredentialKind, Secret
from deployx_tui.transports.base import CommandSpec, Endpoint, Exited, Login, Outcome, Unreached, run
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.contract.transport.site import CONNECT, Recorder
from tests.support.password_server import PasswordServer, known_hosts, password_server

PASSPHRASE = "the passphrase of a key"


@pytest.fixture
def server() -> Iterator[PasswordServer]:
    with password_server() as server:
        yield server


@pytest.fixture
def transport(server: PasswordServer, tmp_path: Path) -> Iterator[SshTransport]:
    made = SshTransport(
        SshSettings(known_hosts=tmp_path / "known_hosts", known_hosts_beside=(known_hosts(server, tmp_path),))
    )
    yield made
    made.shutdown()


def login(secret: str, kind: CredentialKind = CredentialKind.PASSWORD, **more: object) -> Login:
    made = Login(
        credential_id=CredentialId(7),
        secret_version=1,
        name="web-login",
        kind=kind,
        user="deploy",
        secret=Secret.of(secret),
    )
    return replace(made, **more)  # type: ignore[arg-type]  # fields of a Login


def endpoint(server: PasswordServer, login: Login | None) -> Endpoint:
    return Endpoint(
        device_id=DeviceId(1),
        name="web01",
        address="127.0.0.1",
        port=server.port,
        user=None,
        transport=TransportKind.SSH,
        key_file=None,
        host_key_policy=HostKeyPolicy.STRICT,
        login=login,
    )


def try_run(transport: SshTransport, server: PasswordServer, login: Login | None) -> Outcome:
    return run(transport, endpoint(server, login), CommandSpec(script="true"), Recorder(), Event(), CONNECT)


def refused(outcome: Outcome, *words: str) -> None:
    assert isinstance(outcome, Unreached)
    assert outcome.cause is Cause.AUTH
    for word in words:
        assert word in outcome.message + outcome.remedy


# ---- passwords


def test_the_password_of_a_credential_lets_its_account_in(transport: SshTransport, server: PasswordServer) -> None:
    assert try_run(transport, server, login(server.password)) == Exited(0)
    assert (server.users[0], server.told) == ("deploy", [server.password])


def test_a_wrong_password_is_sent_once_and_no_message_holds_it(transport: SshTransport, server: PasswordServer) -> None:
    outcome = try_run(transport, server, login("not the right one"))
    refused(outcome, "web-login", "refused")
    assert "not the right one" not in repr(outcome)
    assert server.told == ["not the right one"]


def test_no_password_is_sent_to_a_server_whose_host_key_is_not_the_known_one(
    server: PasswordServer, tmp_path: Path
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    for content in ("", f"[127.0.0.1]:{server.port} {other}\n"):
        (tmp_path / "kh").write_text(content)
        transport = SshTransport(SshSettings(known_hosts=tmp_path / "none", known_hosts_beside=(tmp_path / "kh",)))
        outcome = try_run(transport, server, login(server.password))
        assert isinstance(outcome, Unreached)
        assert outcome.cause is Cause.HOST_KEY
        transport.shutdown()
    assert (server.users, server.told) == ([], [])


def test_a_server_that_asks_for_the_password_instead_is_answered_once(
    transport: SshTransport, server: PasswordServer
) -> None:
    server.takes_passwords = False
    for prompt in ("Password: ", "(deploy@web01) Password:", "Passwort: ", "Mot de passe :"):
        server.rounds, server.told = [[(prompt, False)]], []
        assert try_run(transport, server, login(server.password, secret_version=hash(prompt))) == Exited(0)
        assert server.told == [server.password]


@pytest.mark.parametrize(
    "prompts",
    [
        [("Verification code: ", False)],
        [("Password & verification code: ", False)],
        [("Password: ", True)],
        [("New password: ", False)],
        [("Password: ", False), ("Code: ", False)],
        [("Favourite colour? ", True)],
    ],
)
def test_a_question_that_does_not_ask_for_the_password_alone_gets_no_answer(
    transport: SshTransport, server: PasswordServer, prompts: list[tuple[str, bool]]
) -> None:
    server.takes_passwords, server.rounds = False, [prompts]
    refused(try_run(transport, server, login(server.password)), prompts[0][0].strip(), "nobody is there to answer")
    assert server.told == []


def test_a_second_question_for_a_password_is_not_answered(transport: SshTransport, server: PasswordServer) -> None:
    server.takes_passwords = False
    server.rounds = [[("Password: ", False)], [("Password: ", False)]]
    refused(try_run(transport, server, login(server.password)), "nobody is there to answer")
    assert server.told == [server.password]


def test_a_server_that_takes_keys_only_is_sent_no_password(transport: SshTransport, server: PasswordServer) -> None:
    server.takes_passwords, server.keys = False, "ssh-ed25519 AAAA"
    refused(try_run(transport, server, login(server.password)), "takes no passwords", "publickey", "none was sent")
    assert server.told == []


# ---- keys


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem"])
def test_a_key_of_the_vault_lets_its_account_in(
    transport: SshTransport, server: PasswordServer, kind: str, form: str, passphrase: str | None
) -> None:
    key = asyncssh.generate_private_key(kind)
    server.takes_passwords, server.keys = False, key.export_public_key().decode()
    text = key.export_private_key(form, passphrase=passphrase).decode()
    kept = None if passphrase is None else Secret.of(passphrase)
    assert try_run(transport, server, login(text, CredentialKind.SSH_KEY, passphrase=kept)) == Exited(0)


def test_a_key_that_does_not_open_says_so_without_a_word_of_it(transport: SshTransport, server: PasswordServer) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server.keys = key.export_public_key().decode()
    text = key.export_private_key(passphrase=PASSPHRASE).decode()
    for given in (None, Secret.of("another passphrase")):
        outcome = try_run(
            transport, server, login(text, CredentialKind.SSH_KEY, passphrase=given, secret_version=id(given))
        )
        refused(outcome, "web-login", "can't be read")
        assert text[60:100] not in repr(outcome)
    assert server.told == []


def test_with_a_credential_neither_files_nor_agent_are_tried(
    transport: SshTransport, server: PasswordServer, tmp_path: Path
) -> None:
    """The account's own key would open the door; the device was given another one."""
    own = asyncssh.generate_private_key("ssh-ed25519")
    own.write_private_key(tmp_path / "own")
    (tmp_path / "own").chmod(0o600)
    server.keys = own.export_public_key().decode()
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with_file = replace(endpoint(server, login(other, CredentialKind.SSH_KEY)), key_file=str(tmp_path / "own"))
    refused(run(transport, with_file, CommandSpec(script="true"), Recorder(), Event(), CONNECT), "web-login")
    without = replace(with_file, login=None, user="deploy")
    assert run(transport, without, CommandSpec(script="true"), Recorder(), Event(), CONNECT) == Exited(0)


def test_a_connection_is_used_again_with_the_same_secret_and_not_with_another(
    transport: SshTransport, server: PasswordServer
) -> None:
    assert try_run(transport, server, login(server.password)) == Exited(0)
    assert try_run(transport, server, login(server.password)) == Exited(0)
    assert len(server.told) == 1, "one login for both"
    assert try_run(transport, server, login(server.password, secret_version=2)) == Exited(0)
    assert len(server.told) == 2
    refused(try_run(transport, server, login("was rotated to a wrong one", secret_version=3)), "refused")
