"""Certificates of hosts and of users, each verdict beside that of `ssh`."""

from __future__ import annotations

import base64
import hashlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_private_key,
)

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.execution import Cause
from deployx_tui.transports import certificates
from deployx_tui.transports.base import CommandSpec, Endpoint, Exited, Outcome, Unreached, run
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.contract.transport.site import CONNECT, Recorder
from tests.support.ssh import Fleets, endpoint_of


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Authorities: `ca`, `other_ca`, `rsa_ca`."""
    folder = tmp_path_factory.mktemp("authorities")
    for name, kind in {"ca": "ed25519", "other_ca": "ed25519", "rsa_ca": "rsa"}.items():
        make_key(folder / name, kind)
    return folder


def make_key(path: Path, kind: str = "ed25519") -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)], check=True)


def public(path: Path) -> str:
    return " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])


def certify(ca: Path, key: Path, *options: str) -> Path:
    """The certificate of a key, beside it."""
    made = subprocess.run(
        ["ssh-keygen", "-q", "-s", str(ca), "-I", "made for a test", *options, str(key.with_name(key.name + ".pub"))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return key.with_name(key.name + "-cert.pub")


@dataclass
class Case:
    options: tuple[str, ...]
    #: what our message has; None: accepted
    says: str | None
    ca: str = "ca"
    kind: str = "ed25519"
    #: further lines of known_hosts; {key} and {ca} are filled in
    known: str = ""


CASES = {
    "good": Case(("-h", "-n", "elsewhere,web01"), None),
    "ecdsa": Case(("-h", "-n", "web01"), None, kind="ecdsa"),
    "rsa, by an rsa authority": Case(("-h", "-n", "web01"), None, ca="rsa_ca", kind="rsa"),
    "for every host": Case(("-h",), None),
    "another host": Case(("-h", "-n", "elsewhere"), "is for elsewhere"),
    "a pattern": Case(("-h", "-n", "web*"), r"is for web*"),
    "another case": Case(("-h", "-n", "Web01"), "is for Web01"),
    "expired": Case(("-h", "-V", "20200101:20200102"), "expired"),
    "not yet valid": Case(("-h", "-V", "20700101:20710101"), "not valid yet"),
    "of a user": Case(("-n", "web01"), "not one of a host"),
    "by another authority": Case(("-h",), "no authority", ca="other_ca"),
    "signed with SHA-1": Case(("-h", "-t", "ssh-rsa"), "signed with ssh-rsa", ca="rsa_ca"),
    "a critical option": Case(("-h", "-O", "critical:unheard-of@example.com=x"), "critical options"),
    "a revoked authority": Case(("-h",), "@revoked", known="@revoked * {ca}\n"),
    "a revoked key": Case(("-h",), "@revoked", known="@revoked * {key}\n"),
    "expired, but the key is known": Case(("-h", "-V", "20200101:20200102"), None, known="* {key}\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_host_certificate_is_judged_as_ssh_judges_it(fleets: Fleets, folder: Path, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    key = tmp_path / "host"
    make_key(key, case.kind)
    certificate = certify(folder / case.ca, key, *case.options)
    fleet = fleets.get({"HostKey": str(key), "HostCertificate": str(certificate)})
    endpoint = endpoint_of(fleet.hosts[0])
    known = tmp_path / "known"
    lines = case.known.format(ca=public(folder / case.ca), key=public(key))
    # only these two may sign, for the name that known_hosts is asked for
    config = tmp_path / "config"
    config.write_text("HostKeyAlias web01\n")
    known.write_text("".join(f"@cert-authority WEB* {public(folder / ca)}\n" for ca in ("ca", "rsa_ca")) + lines)
    outcome = try_run(tmp_path, known, endpoint, config)
    assert ssh_accepts(known, endpoint, "-o", "HostKeyAlias=web01") == (outcome == Exited(0)), name
    if case.says is None:
        assert outcome == Exited(0)
    else:
        assert isinstance(outcome, Unreached)
        assert outcome.cause is Cause.HOST_KEY
        assert case.says in outcome.message


def test_who_may_sign_for_a_host_may_do_so_for_each_of_its_ports(fleets: Fleets, folder: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "host")
    certificate = certify(folder / "ca", tmp_path / "host", "-h")
    fleet = fleets.get({"HostKey": str(tmp_path / "host"), "HostCertificate": str(certificate)})
    endpoint = endpoint_of(fleet.hosts[0])
    (tmp_path / "known").write_text(f"@cert-authority {endpoint.address} {public(folder / 'ca')}\n")
    assert try_run(tmp_path, tmp_path / "known", endpoint) == Exited(0)
    assert ssh_accepts(tmp_path / "known", endpoint)


def try_run(tmp_path: Path, known: Path, endpoint: Endpoint, config: Path | None = None) -> Outcome:
    transport = SshTransport(
        SshSettings(known_hosts=tmp_path / "ours", known_hosts_beside=(known,), config_file=config)
    )
    try:
        return run(transport, endpoint, CommandSpec(script="true"), Recorder(), Event(), CONNECT)
    finally:
        transport.shutdown()


def ssh_accepts(known: Path, endpoint: Endpoint, *options: str) -> bool:
    """The verdict of `ssh` on the host key and the log-in."""
    asked = subprocess.run(
        [
            "ssh", "-F", "none", "-i", str(endpoint.key_file), "-p", str(endpoint.port), "-o", "BatchMode=yes",
            "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes",
            "-o", "IdentitiesOnly=yes", *options, f"{endpoint.user}@{endpoint.address}", "true",
        ],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return asked.returncode == 0


def test_a_certificate_with_a_wrong_signature_or_an_option_is_refused(folder: Path, tmp_path: Path) -> None:
    """sshd shows no such certificate; OpenSSH's verdict on the first is that of ssh-keygen, which can't read it."""
    ca = load_ssh_private_key((folder / "ca").read_bytes(), None)
    make_key(tmp_path / "host")
    host = load_ssh_private_key((tmp_path / "host").read_bytes(), None)
    builder = (
        SSHCertificateBuilder()
        .public_key(host.public_key())  # type: ignore[arg-type]  # an ed25519 key
        .type(SSHCertificateType.HOST)
        .key_id(b"made for a test")
        .valid_for_all_principals()  # type: ignore[no-untyped-call]  # theirs has no types
        .valid_after(0)
        .valid_before(2**40)
    )

    def blob(built: bytes) -> bytes:
        return base64.b64decode(built.split()[1])

    signer = base64.b64decode(public(folder / "ca").split()[1])
    now = datetime.now(UTC)
    good = blob(builder.sign(ca).public_bytes())
    assert certificates.objection(good, "web01", [signer], now) is None
    wrong = good[:-1] + bytes([good[-1] ^ 1])
    assert "signature" in (certificates.objection(wrong, "web01", [signer], now) or "")
    for at in range(0, len(good), 7):
        changed = good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1 :]
        assert certificates.objection(changed, "web01", [signer], now) is not None, at
        assert certificates.objection(good[:at], "web01", [signer], now) is not None, at
    text = f"ssh-ed25519-cert-v01@openssh.com {base64.b64encode(wrong).decode()}\n"
    (tmp_path / "wrong-cert.pub").write_text(text)
    read = subprocess.run(
        ["ssh-keygen", "-L", "-f", str(tmp_path / "wrong-cert.pub")], capture_output=True, check=False
    )
    assert read.returncode != 0
    option = blob(builder.add_critical_option(b"force-command", b"x").sign(ca).public_bytes())
    assert "critical options" in (certificates.objection(option, "web01", [signer], now) or "")


@pytest.fixture(scope="module")
def by_authority(fleets: Fleets, folder: Path) -> Fleet:
    """A server that lets in who has a certificate of `ca`, and no plain key."""
    return fleets.get(
        {
            "TrustedUserCAKeys": str(folder / "ca.pub"),
            "AuthorizedKeysFile": "none",
            "AuthorizedKeysCommand": "none",
            "AuthorizedKeysCommandUser": "nobody",
        }
    )


@pytest.mark.parametrize(
    ("options", "is_in"),
    [(("-n", "{user}"), True), (("-n", "somebody"), False), (("-n", "{user}", "-V", "20200101:20200102"), False)],
)
def test_a_user_certificate_beside_the_key_is_shown(
    by_authority: Fleet, folder: Path, tmp_path: Path, options: tuple[str, ...], is_in: bool
) -> None:
    host = by_authority.hosts[0]
    make_key(tmp_path / "user")
    endpoint = replace(endpoint_of(host), key_file=str(tmp_path / "user"))
    without = try_run(tmp_path, by_authority.known_hosts, endpoint)
    assert isinstance(without, Unreached)
    assert without.cause is Cause.AUTH
    certify(folder / "ca", tmp_path / "user", *(option.format(user=host.user) for option in options))
    outcome = try_run(tmp_path, by_authority.known_hosts, endpoint)
    assert (outcome == Exited(0)) is is_in
    assert ssh_accepts(by_authority.known_hosts, endpoint) is is_in
    if not is_in:
        assert isinstance(outcome, Unreached)
        assert "certificate" in outcome.message


def test_a_certificate_that_the_configuration_names_is_shown(by_authority: Fleet, folder: Path, tmp_path: Path) -> None:
    host = by_authority.hosts[0]
    make_key(tmp_path / "user")
    shutil.move(certify(folder / "ca", tmp_path / "user", "-n", host.user), tmp_path / "elsewhere.pub")
    config = tmp_path / "config"
    config.write_text(f"IdentityFile {tmp_path / 'user'}\nCertificateFile {tmp_path / 'elsewhere.pub'}\n")
    endpoint = replace(endpoint_of(host), key_file=None)
    assert try_run(tmp_path, by_authority.known_hosts, endpoint, config) == Exited(0)


def test_a_key_is_shown_itself_where_its_certificate_does_not_do(fleets: Fleets, folder: Path, tmp_path: Path) -> None:
    """The server knows the key and no authority."""
    fleet = fleets.get()
    host = fleet.hosts[0]
    for name in ("client", "client.pub"):
        source = Path(host.key_file)
        if name == "client":
            shutil.copy(source, tmp_path / name)
        else:
            shown = subprocess.run(["ssh-keygen", "-y", "-f", str(source)], capture_output=True, check=True).stdout
            (tmp_path / name).write_bytes(shown)
    certify(folder / "ca", tmp_path / "client", "-n", host.user)
    endpoint = replace(endpoint_of(host), key_file=str(tmp_path / "client"))
    assert try_run(tmp_path, fleet.known_hosts, endpoint) == Exited(0)


def test_a_certificate_of_the_agent_is_shown(
    by_authority: Fleet, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = by_authority.hosts[0]
    make_key(tmp_path / "user")
    certify(folder / "ca", tmp_path / "user", "-n", host.user)
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.PIPE)
    try:
        assert agent.stdout is not None
        agent.stdout.readline()  # it listens
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        subprocess.run(["ssh-add", "-q", str(tmp_path / "user")], check=True)
        endpoint = replace(endpoint_of(host), key_file=None)
        config = tmp_path / "config"
        config.write_text("IdentityFile none\n")
        assert try_run(tmp_path, by_authority.known_hosts, endpoint, config) == Exited(0)
    finally:
        agent.terminate()
        agent.wait()


class SecurityKeyAgent(threading.Thread):
    """An agent that holds one FIDO key, as PROTOCOL.u2f has it; it is touched at once."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._key = Ed25519PrivateKey.generate()
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.blob = string(b"sk-ssh-ed25519@openssh.com") + string(raw) + string(b"ssh:")
        self.signed = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()

    def run(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with client, client.makefile("rb") as asked:
                while len(size := asked.read(4)) == 4:
                    answer = self._answer(asked.read(int.from_bytes(size, "big")))
                    client.sendall(string(answer))

    def _answer(self, message: bytes) -> bytes:
        if message[0] == 11:  # SSH_AGENTC_REQUEST_IDENTITIES
            return b"\x0c" + (1).to_bytes(4, "big") + string(self.blob) + string(b"fido")
        rest = message[1 + 4 + len(self.blob) :]
        data = rest[4 : 4 + int.from_bytes(rest[:4], "big")]
        self.signed += 1
        flags_and_counter = b"\x01" + self.signed.to_bytes(4, "big")
        told = hashlib.sha256(b"ssh:").digest() + flags_and_counter + hashlib.sha256(data).digest()
        signature = string(b"sk-ssh-ed25519@openssh.com") + string(self._key.sign(told)) + flags_and_counter
        return b"\x0e" + string(signature)


def string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def test_a_security_key_of_the_agent_is_passed_through(
    fleets: Fleets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = SecurityKeyAgent(tmp_path / "agent")
    agent.start()
    authorized = tmp_path / "authorized"
    authorized.write_text(f"sk-ssh-ed25519@openssh.com {base64.b64encode(agent.blob).decode()}\n")
    fleet = fleets.get({"AuthorizedKeysFile": str(authorized), "AuthorizedKeysCommand": "none"})
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    endpoint = replace(endpoint_of(fleet.hosts[0]), key_file=None)
    assert try_run(tmp_path, fleet.known_hosts, endpoint) == Exited(0)
    assert agent.signed == 1
