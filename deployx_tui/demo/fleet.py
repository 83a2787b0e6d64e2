"""A fleet of SSH servers on loopback addresses: for the demo, the tests and the benchmarks.

Real `sshd` processes where OpenSSH's server is installed (one process per at most 16 addresses, sshd's limit), else
asyncssh's server. Own host keys and one client key in a private folder; nothing of the account's own configuration is
read or changed, and each host's sessions have a HOME of their own in that folder. Works as root and as an ordinary
account.
"""

from __future__ import annotations

import contextlib
import getpass
import importlib.util
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deployx_tui.errors import Unavailable

Kind = Literal["auto", "sshd", "asyncssh"]

#: sshd's MAX_LISTEN_SOCKS
ADDRESSES_PER_SERVER = 16
PRIVILEGE_SEPARATION_FOLDER = Path("/run/sshd")


class FleetRefused(Unavailable):
    """No server could be started; the message says why and what would help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetHost:
    """One address of the fleet and how to log in there."""

    name: str
    address: str
    port: int
    user: str
    #: the fleet's client key, unencrypted, 0600
    key_file: str
    #: "ssh-ed25519 AAAA...", as known_hosts holds it after the address
    host_key: str
    #: HOME of its sessions
    home: str
    #: which server process: index into `Fleet.pids`
    server: int


class Fleet:
    """Running servers. A context manager; `stop` ends every process that was started here or through it."""

    def __init__(
        self, kind: Literal["sshd", "asyncssh"], folder: Path, hosts: tuple[FleetHost, ...], mark: str
    ) -> None:
        self.kind = kind
        self.folder = folder
        self.hosts = hosts
        #: of the server processes; the keeper reaps none before the end, so none is ever another process's
        self.pids: tuple[int, ...] = ()
        self._mark = mark
        self._keeper: _Keeper | None = None

    @classmethod
    def start(
        cls,
        count: int,
        folder: Path,
        kind: Kind = "auto",
        *,
        options: Mapping[str, str] | None = None,
        per_server: int = ADDRESSES_PER_SERVER,
    ) -> Fleet:
        """Start servers on `count` addresses; returns when each of them has answered with its banner.

        `folder` is made 0700 and must be the fleet's own. `options` are sshd_config keywords that win over ours
        (MaxSessions, ForceCommand, ...). Raises FleetRefused.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        chosen = _choose(kind)
        for attempt in range(4):  # a port may have been taken between finding it free and listening
            fleet = _lay_out(chosen, count, folder, per_server)
            try:
                fleet._launch(options or {})
            except FleetRefused:
                if attempt == 3:
                    raise
                continue
            return fleet
        raise AssertionError("unreachable")

    @property
    def notice(self) -> str:
        """What a person should know before commands run here."""
        account = getpass.getuser()
        if self.kind == "asyncssh":
            return (
                f"OpenSSH's server is not installed: these hosts are asyncssh servers on this machine. "
                f"Commands run as {account}, without a sandbox."
            )
        return f"These hosts are sshd processes on this machine's loopback addresses. Commands run as {account}."

    @property
    def known_hosts(self) -> Path:
        """Every host's key, in OpenSSH's format."""
        return self.folder / "known_hosts"

    def log_of(self, server: int) -> str:
        """What a server process has said so far (one line per accepted log-in)."""
        return (self.folder / f"server-{server}.log").read_text(errors="replace")

    def stop(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        with contextlib.suppress(BrokenPipeError):
            keeper.order.close()
        keeper.process.wait()
        keeper.answer.close()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self, options: Mapping[str, str]) -> None:
        servers = []
        for number in sorted({host.server for host in self.hosts}):
            hosts = [host for host in self.hosts if host.server == number]
            argv = _sshd(self, number, hosts, options) if self.kind == "sshd" else _asyncssh(self, number, hosts)
            servers.append({"argv": argv, "listen": len(hosts)})
        self._keeper = keeper = _Keeper(self.folder)
        try:
            keeper.order.write(json.dumps({"mark": self._mark, "servers": servers}).encode() + b"\n")
            keeper.order.flush()
            answer = json.loads(keeper.answer.readline() or b'{"error": "the keeper ended"}')
            if "error" in answer:
                raise FleetRefused(f"the demo fleet did not start: {answer['error']}")
            self.pids = tuple(answer["pids"])
            for host in self.hosts:
                _expect_banner(host)
        except BaseException:
            self.stop()
            raise


class _Keeper:
    """The program that owns the servers, and the two pipes to it; closing `order` ends it all."""

    def __init__(self, folder: Path) -> None:
        read_order, order = os.pipe()
        answer, write_answer = os.pipe()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(Path(__file__).with_name("keeper.py")), str(folder)],
                stdin=read_order,
                stdout=write_answer,
                start_new_session=True,
            )
        finally:
            os.close(read_order)
            os.close(write_answer)
        self.order = os.fdopen(order, "wb")
        self.answer = os.fdopen(answer, "rb")


def _choose(kind: Kind) -> Literal["sshd", "asyncssh"]:
    if kind != "asyncssh" and _find_sshd() is not None:
        return "sshd"
    if kind != "sshd" and importlib.util.find_spec("asyncssh") is not None:
        return "asyncssh"
    raise FleetRefused(
        "no SSH server for the demo fleet: install OpenSSH's server (Debian: apt-get install openssh-server) "
        "or asyncssh (pip install 'deployx-tui[demo]')"
    )


def _find_sshd() -> str | None:
    return shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")


def _lay_out(kind: Literal["sshd", "asyncssh"], count: int, folder: Path, per_server: int) -> Fleet:
    """Addresses, ports, keys. Two random bytes make it unlikely that two fleets meet."""
    net, subnet = random.randint(16, 250), random.randint(0, 250)  # noqa: S311 - spreads fleets, keeps no secret
    client = _write_key(folder / "client")
    (folder / "authorized_keys").write_text(client + "\n")
    hosts: list[FleetHost] = []
    for first in range(0, count, per_server):
        server = first // per_server
        addresses = [_address(net, subnet, n) for n in range(first, min(count, first + per_server))]
        port = _free_port(addresses[0])
        key = _write_key(folder / f"host-{server}")
        hosts += [
            FleetHost(
                name=f"node{first + n + 1:03}",
                address=address,
                port=port,
                user=getpass.getuser() if os.geteuid() else "root",
                key_file=str(folder / "client"),
                host_key=key,
                home=str(folder / f"home-{first + n + 1:03}"),
                server=server,
            )
            for n, address in enumerate(addresses)
        ]
    for host in hosts:
        Path(host.home).mkdir(mode=0o700, exist_ok=True)
    (folder / "known_hosts").write_text("".join(f"[{h.address}]:{h.port} {h.host_key}\n" for h in hosts))
    return Fleet(kind, folder, tuple(hosts), f"DEPLOYX_FLEET={secrets.token_hex(16)}")


def _address(net: int, subnet: int, number: int) -> str:
    return f"127.{net}.{(subnet + number // 250) % 256}.{number % 250 + 1}"


def _free_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise FleetRefused(f"this machine has no loopback address {address}: {error.strerror}") from error
        return int(probe.getsockname()[1])


def _write_key(path: Path) -> str:
    """A new Ed25519 key, private half 0600 in `path`; returns the public line."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public.decode()


def _sshd(fleet: Fleet, number: int, hosts: list[FleetHost], options: Mapping[str, str]) -> list[str]:
    program = _find_sshd() or "sshd"
    folder = fleet.folder
    if os.geteuid() == 0:
        # what sshd's own service does at its start; sshd refuses to run as root without it
        PRIVILEGE_SEPARATION_FOLDER.mkdir(mode=0o755, exist_ok=True)
        # by command: sshd would read a file as the account that logs in, and the folder is private
        authorized = {
            "AuthorizedKeysFile": "none",
            "AuthorizedKeysCommand": f"{_cat()} {folder / 'authorized_keys'}",
            "AuthorizedKeysCommandUser": "root",
        }
    else:
        authorized = {"AuthorizedKeysFile": str(folder / "authorized_keys")}
    settings = {
        **authorized,
        "HostKey": str(folder / f"host-{number}"),
        "PidFile": "none",
        "UsePAM": "no",
        "StrictModes": "no",  # /tmp above the folder is writable by all; the folder itself is ours and 0700
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitUserRC": "no",
        "AllowTcpForwarding": "no",
        "AllowAgentForwarding": "no",
        "UseDNS": "no",
        "MaxStartups": "512",
        "MaxSessions": "64",
        "LoginGraceTime": "60",
        "LogLevel": "INFO",  # says where it listens
        "Subsystem": "sftp internal-sftp",
        **options,
    }
    lines = [f"ListenAddress {host.address}:{host.port}" for host in hosts]
    # sshd keeps the first value of a keyword
    lines += [f"{keyword} {value}" for keyword, value in settings.items()]
    for host in hosts:
        # what file tasks keep lies there too, also when root logs in
        state = f"{host.home}/.local/state"
        lines += [
            f"Match LocalAddress {host.address}",
            f'SetEnv {fleet._mark} "HOME={host.home}" "XDG_STATE_HOME={state}"',
        ]
    config = folder / f"sshd_config-{number}"
    config.write_text("\n".join(lines) + "\n")
    return [program, "-D", "-e", "-f", str(config)]


def _cat() -> str:
    # resolved: sshd wants the program and each folder above it to be root's and not a link that another may change
    return str(Path(shutil.which("cat") or "/bin/cat").resolve())


def _asyncssh(fleet: Fleet, number: int, hosts: list[FleetHost]) -> list[str]:
    name, _, value = fleet._mark.partition("=")
    order = fleet.folder / f"asyncssh-{number}.json"
    order.write_text(
        json.dumps(
            {
                "homes": {host.address: host.home for host in hosts},
                "port": hosts[0].port,
                "host_key": str(fleet.folder / f"host-{number}"),
                "authorized_keys": str(fleet.folder / "authorized_keys"),
                "environment": {name: value},
            }
        )
    )
    return [sys.executable, "-m", "deployx_tui.demo.asyncssh_server", str(order)]


def _expect_banner(host: FleetHost) -> None:
    try:
        with socket.create_connection((host.address, host.port), timeout=20) as connection:
            banner = connection.recv(255)
    except OSError as error:
        raise FleetRefused(f"{host.address} port {host.port} does not answer: {error}") from error
    if not banner.startswith(b"SSH-2.0-"):
        raise FleetRefused(f"{host.address} port {host.port} answers {banner!r}, which is not SSH")
