"""Which algorithms are spoken: an allow-list (paramiko's default accepts 3des-cbc with hmac-md5-96).

Order is cost: DH group 14 costs 8 times a whole connection's CPU, group 16 over 24 times; AES-GCM is the cheapest
cipher here. Plain SHA-2 MACs stand before the EtM ones, because without strict key exchange (the answer to Terrapin,
CVE-2023-48795) EtM is not accepted.
"""

from __future__ import annotations

from collections.abc import Sequence

from deployx_tui.transports.ssh.link import Link

_KEX = (
    "mlkem768x25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group16-sha512",
)
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_MACS = ("hmac-sha2-256", "hmac-sha2-512", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com")
_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
#: type of a key in known_hosts -> signature algorithms that it answers to
_SIGNED_BY = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


def restrict(link: Link, known_key_types: tuple[str, ...]) -> None:
    """Set the allow-list; key types that are known for the host come first, so that the known key is offered."""
    options = link.get_security_options()
    options.kex = _had(_KEX, options.kex)
    options.ciphers = _had(_CIPHERS, options.ciphers)
    options.digests = _had(_MACS, options.digests)
    known = tuple(name for kind in known_key_types for name in _SIGNED_BY.get(kind, (kind,)))
    wanted = dict.fromkeys((*known, *_KEYS))
    options.key_types = tuple(name for name in wanted if name in _KEYS)
    options.compression = ("none",)


def objection(link: Link) -> str | None:
    """Why what was agreed on is not good enough; None: it is."""
    if link.agreed_on_strict_kex:
        return None
    for cipher, mac in (
        (link.local_cipher, link.local_mac),
        (link.remote_cipher, link.remote_mac),
    ):
        if "-gcm" not in cipher and "-etm" in str(mac):
            return f"the server knows no strict key exchange, and {cipher} with {mac} is open to Terrapin without it"
    return None


def summary(link: Link) -> str:
    """For the connection test: "OpenSSH_9.2p1, aes128-gcm@openssh.com, strict kex"."""
    software = link.remote_version.removeprefix("SSH-2.0-")
    strict = "strict kex" if link.agreed_on_strict_kex else "no strict kex"
    return f"{software}, {link.remote_cipher}, {strict}"


def _had(wanted: tuple[str, ...], possible: Sequence[str]) -> tuple[str, ...]:
    """What this build of paramiko has of it (mlkem needs a newer OpenSSL)."""
    return tuple(name for name in wanted if name in possible)
