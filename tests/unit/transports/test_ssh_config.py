"""~/.ssh/config: what is followed, what is refused by name, and what becomes a device."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployx_tui.model.device import HostKeyPolicy, TransportKind
from deployx_tui.model.hosts import JumpHost
from deployx_tui.model.ids import DeviceId
from deployx_tui.transports.base import Endpoint
from deployx_tui.transports.ssh.config import ConfigRefused, HostSettings, SshConfig, listed_hosts


def endpoint(address: str, port: int | None = None, user: str | None = None, key_file: str | None = None) -> Endpoint:
    return Endpoint(
        device_id=DeviceId(1),
        name="device",
        address=address,
        port=port,
        user=user,
        transport=TransportKind.SSH,
        key_file=key_file,
        host_key_policy=HostKeyPolicy.STRICT,
    )


def settings(tmp_path: Path, text: str, where: Endpoint) -> HostSettings:
    path = tmp_path / "config"
    path.write_text(text)
    return SshConfig(path).settings(where)


def test_the_configuration_says_where_and_as_whom(tmp_path: Path) -> None:
    text = """
    Host web
      HostName 10.0.0.7
      Port 2222
      User deploy
      IdentityFile /keys/web
      UserKnownHostsFile /etc/a "/etc/b c"
      ConnectTimeout 7
      HostKeyAlias web-farm
      AddressFamily inet
    """
    found = settings(tmp_path, text, endpoint("web"))
    assert (found.hostname, found.port, found.user) == ("10.0.0.7", 2222, "deploy")
    assert found.identities == (Path("/keys/web"),)
    assert found.known_hosts == (Path("/etc/a"), Path("/etc/b c"))
    assert (found.connect_timeout, found.key_name, found.family) == (7.0, "web-farm", "inet")


def test_the_devices_own_words_win(tmp_path: Path) -> None:
    text = "Host *\n User other\n Port 2222\n IdentityFile /keys/other\n"
    found = settings(tmp_path, text, endpoint("web", 22, "me", "/keys/mine"))
    assert (found.port, found.user, found.identities, found.only_these) == (22, "me", (Path("/keys/mine"),), True)


def test_no_file_is_no_configuration(tmp_path: Path) -> None:
    found = SshConfig(tmp_path / "missing").settings(endpoint("web", user="me"))
    assert (found.hostname, found.port, found.user, found.known_hosts) == ("web", 22, "me", None)
    assert SshConfig(None).settings(endpoint("web")).hostname == "web"


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("ProxyUseFdpass yes", "proxyusefdpass"),
        ("RemoteCommand tmux", "remotecommand"),
        ("PKCS11Provider /lib/x.so", "pkcs11provider"),
        ("IdentityAgent /run/agent", "IdentityAgent"),
    ],
)
def test_what_is_not_supported_is_an_error_that_names_it(tmp_path: Path, line: str, named: str) -> None:
    with pytest.raises(ConfigRefused, match=named) as refused:
        settings(tmp_path, f"Host web\n  {line}\n", endpoint("web"))
    assert refused.value.remedy
    assert settings(tmp_path, f"Host web\n  {line}\n", endpoint("other")).hostname == "other"


@pytest.mark.parametrize("line", ["ProxyJump none", "ProxyCommand none", "IdentityAgent none"])
def test_none_switches_it_off(tmp_path: Path, line: str) -> None:
    assert settings(tmp_path, f"Host web\n  {line}\n", endpoint("web")).hostname == "web"


def test_restrictions_that_ours_replace_are_named_as_not_read(tmp_path: Path) -> None:
    text = "Host *\n  Ciphers aes256-ctr\n  MACs hmac-sha2-512\n  ServerAliveInterval 5\n"
    assert settings(tmp_path, text, endpoint("web")).not_read == ("ciphers", "macs")


def test_a_file_that_can_not_be_parsed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused, match="config"):
        settings(tmp_path, "Host web\n  Port\n", endpoint("web"))
    with pytest.raises(ConfigRefused):
        settings(tmp_path, "Host web\n  Port many\n", endpoint("web"))


def test_includes_are_followed_and_the_blocks_around_them_hold(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1").write_text("Host web\n  Port 1001\n")
    (tmp_path / "d" / "2").write_text("Host db\n  Port 1002\n")
    text = f"Include {tmp_path}/d/*\nUser everybody\nHost web\n  User late\n"
    assert settings(tmp_path, text, endpoint("web")).port == 1001
    assert settings(tmp_path, text, endpoint("db")).port == 1002
    assert settings(tmp_path, text, endpoint("other")).user == "everybody"


def test_an_include_inside_a_host_block_holds_for_that_host(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("Port 2222\n")
    text = f"Host web\n  Include {tmp_path}/other\n"
    found = settings(tmp_path, text, endpoint("web"))
    assert (found.port, found.asked_for) == (2222, "an Include inside a block")
    assert settings(tmp_path, text, endpoint("db")).port == 22


def test_an_include_that_includes_itself_ends(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused, match="nested"):
        settings(tmp_path, f"Include {tmp_path}/config\n", endpoint("web"))


def test_a_change_of_the_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("Host web\n Port 1\n")
    config = SshConfig(path)
    assert config.settings(endpoint("web")).port == 1
    path.write_text("Host web\n Port 22022\n")
    assert config.settings(endpoint("web")).port == 22022


CONFIG = """
Host *.internal !x.internal
  User nobody
Host web01 web02
  HostName %h.example.com
  User deploy
  Port 2222
  IdentityFile /keys/web
Host behind
  ProxyJump bastion
Host web01
  Port 1
Match user root
  Port 3
"""


def test_hosts_become_devices_in_the_files_order(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    hosts = listed_hosts(path, is_own=False)
    assert [host.draft.name for host in hosts] == ["web01", "web02", "behind"]
    web = hosts[0].draft
    assert (web.address, web.port, web.user, web.key_file) == ("web01.example.com", 2222, "deploy", "/keys/web")
    assert hosts[2].jumps == (JumpHost("bastion", None, None),)


def test_a_host_that_can_not_be_reached_as_it_says_is_refused_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("Host good\n  HostName 10.0.0.1\nHost bad\n  ProxyJump a b@c\nHost fine\n")
    hosts = {host.draft.name: host.refused for host in listed_hosts(path, is_own=False)}
    assert (hosts["good"], hosts["fine"]) == ("", "")
    assert "ProxyJump a b@c: " in hosts["bad"]


def test_of_the_own_file_only_the_alias_is_copied(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    host = listed_hosts(path, is_own=True)[0]
    web = host.draft
    assert (web.name, web.address, web.port, web.user, web.key_file) == ("web01", "web01", None, None, None)
    assert host.said is not None
    assert (host.said.address, host.said.user) == ("web01.example.com", "deploy")
