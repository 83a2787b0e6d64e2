"""ProxyCommand of the local configuration, and what `ssh -G` says of configurations that only OpenSSH resolves."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.transports.base import CommandSpec, Exited, Outcome, Unreached, run
from deployx_tui.transports.ssh.config import ConfigRefused, SshConfig
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.contract.transport.site import CONNECT, Recorder, alive, await_end, nap
from tests.support.ssh import Fleets, endpoint_of


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


@pytest.fixture
def fleet(fleets: Fleets) -> Fleet:
    return fleets.get()


def try_run(fleet: Fleet, folder: Path, config: str) -> tuple[Outcome, SshTransport]:
    host = fleet.hosts[0]
    (folder / "config").write_text(config + f"\nHost web\n HostName {host.address}\n HostKeyAlias known\n")
    (folder / "known").write_text(f"known {host.host_key}\n")
    transport = SshTransport(
        SshSettings(known_hosts=folder / "ours", known_hosts_beside=(folder / "known",), config_file=folder / "config")
    )
    web = replace(endpoint_of(host), address="web")
    return run(transport, web, CommandSpec(script="true"), Recorder(), Event(), CONNECT), transport


#: carries standard input and output to a port
_CARRY = """import socket, sys, threading, os
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while data := os.read(0, 65536): s.sendall(data)
threading.Thread(target=up, daemon=True).start()
while data := s.recv(65536): os.write(1, data)
"""


def test_a_proxy_command_carries_the_connection_and_ends_with_it(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "carry.py").write_text(_CARRY)
    mark = nap()
    config = f"Host web\n ProxyCommand python3 -X {mark} {tmp_path}/carry.py %h %p\n"
    outcome, transport = try_run(fleet, tmp_path, config)
    assert outcome == Exited(0)
    (pid,) = alive(mark)
    transport.shutdown()
    await_end(pid)


def test_a_proxy_command_that_fails_says_why(fleet: Fleet, tmp_path: Path) -> None:
    outcome, transport = try_run(fleet, tmp_path, "Host web\n ProxyCommand echo no way >&2; exit 3\n")
    transport.shutdown()
    assert isinstance(outcome, Unreached)
    assert "no way" in outcome.message
    assert "ProxyCommand" in outcome.remedy


def test_what_is_no_name_never_comes_near_a_command(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "config").write_text('Host *\n ProxyCommand touch %h\nMatch exec "touch %n"\n')
    config = SshConfig(tmp_path / "config")
    for address, user in (("$(id)", None), ("-oProxyCommand=x", None), ("web", "a;b")):
        with pytest.raises(ConfigRefused):
            config.settings(replace(endpoint_of(fleet.hosts[0]), address=address, user=user))


def _random_config(chance: random.Random) -> str:
    blocks = ["Host *", "Host web", "Host we? db", "Host !web *", "Match host web", "Match user root", "Match all"]
    words = [
        "HostName %h.example.com", "HostName 10.0.0.7", "Port 2222", "Port=2200", "User deploy", 'User "ops"',
        "IdentityFile /keys/%r", "IdentityFile /keys/a", "ProxyJump a@b:22,c", "ProxyJump none", "ConnectTimeout 7",
        "HostKeyAlias alias # why", "IdentitiesOnly yes", "CertificateFile /keys/%n-cert.pub", "AddressFamily inet",
    ]  # fmt: skip
    lines: list[str] = []
    for _ in range(chance.randint(1, 5)):
        lines.append(chance.choice(blocks))
        lines += [f"  {word}" for word in chance.sample(words, chance.randint(1, 4))]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", range(40))
def test_a_configuration_is_resolved_as_ssh_resolves_it(fleet: Fleet, tmp_path: Path, seed: int) -> None:
    path = tmp_path / "config"
    path.write_text(_random_config(random.Random(seed)))
    for name in ("web", "db"):
        asked = replace(endpoint_of(fleet.hosts[0]), address=name, port=None, user=None, key_file=None)
        ours = SshConfig(path).settings(asked)
        said = subprocess.run(["ssh", "-G", "-F", str(path), name], capture_output=True, text=True, check=True).stdout
        theirs: dict[str, list[str]] = {}
        for line in said.splitlines():
            theirs.setdefault(line.split()[0], []).append(line.partition(" ")[2])
        assert ours.hostname == theirs["hostname"][0]
        assert ours.port == int(theirs["port"][0])
        assert ours.user == theirs["user"][0]
        assert ours.only_these == (theirs["identitiesonly"][0] == "yes")
        assert ours.family == theirs["addressfamily"][0]
        assert ours.key_name == theirs.get("hostkeyalias", [ours.hostname])[0]
        words = [f"{each.user}@{each.host}:{each.port}" if each.user else each.host for each in ours.jumps]
        jumps = ",".join(words)
        assert jumps == theirs.get("proxyjump", [""])[0].replace("none", "")
        keys = [key.replace("%r", ours.user) for key in theirs["identityfile"]]
        if any(key.startswith("/keys") for key in keys):
            assert [str(path) for path in ours.identities] == keys
