"""What is spoken, and what is not good enough."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from deployx_tui.transports.ssh import algorithms
from deployx_tui.transports.ssh.link import Link


@pytest.fixture
def link() -> Iterator[Link]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Link(ours)


def test_nothing_weak_is_offered(link: Link) -> None:
    algorithms.restrict(link, ())
    options = link.get_security_options()
    offered = " ".join([*options.kex, *options.ciphers, *options.digests, *options.key_types])
    for weak in ("cbc", "3des", "md5", "sha1", "-96", "group1-", "ssh-rsa", "ssh-dss"):
        assert weak not in offered
    assert tuple(options.compression) == ("none",)
    assert next(iter(options.ciphers)).startswith("aes128-gcm")


def test_key_types_that_are_known_come_first(link: Link) -> None:
    algorithms.restrict(link, ("ssh-rsa", "ecdsa-sha2-nistp256", "ssh-dss"))
    kinds = tuple(link.get_security_options().key_types)
    assert kinds[:3] == ("rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp256")
    assert "ssh-ed25519" in kinds
    assert "ssh-dss" not in kinds


@pytest.mark.parametrize(
    ("strict", "cipher", "mac", "accepted"),
    [
        (True, "aes128-ctr", "hmac-sha2-256-etm@openssh.com", True),
        (False, "aes128-gcm@openssh.com", "hmac-sha2-256-etm@openssh.com", True),
        (False, "aes128-ctr", "hmac-sha2-256", True),
        (False, "aes128-ctr", "hmac-sha2-256-etm@openssh.com", False),
    ],
)
def test_without_strict_key_exchange_encrypt_then_mac_is_refused(
    link: Link, strict: bool, cipher: str, mac: str, accepted: bool
) -> None:
    link.agreed_on_strict_kex = strict
    link.local_cipher, link.remote_cipher = "aes128-gcm@openssh.com", cipher
    link.local_mac, link.remote_mac = "hmac-sha2-256", mac
    assert (algorithms.objection(link) is None) is accepted
