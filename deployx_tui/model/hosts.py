"""What may be the name of a host and of a login: a strict grammar, since both can end up in a ProxyCommand."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
_SCOPE = re.compile(r"[A-Za-z0-9._-]{1,15}", re.ASCII)
_LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}", re.ASCII)


def is_host(text: str) -> bool:
    """A host name or an IP address; of IPv6 also with a scope ("fe80::1%eth0")."""
    address, percent, scope = text.partition("%")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.removesuffix(".").split("."))
    return not percent or bool(_SCOPE.fullmatch(scope))


def is_login(text: str) -> bool:
    """A login name: no space, no quote, no leading hyphen."""
    return bool(_LOGIN.fullmatch(text))


@dataclass(frozen=True, slots=True)
class JumpHost:
    """One word of a ProxyJump line."""

    #: a name that the configuration is asked about, or an address
    host: str
    #: None: as the configuration says
    user: str | None
    port: int | None


def jump_host(word: str) -> JumpHost:
    """[user@]host[:port] or ssh://[user@]host[:port]. ValueError: it is neither."""
    rest = word.strip()
    if rest.startswith("ssh://"):
        rest = rest.removeprefix("ssh://").removesuffix("/")
    user, at, rest = rest.rpartition("@")
    found = re.fullmatch(r"\[([^\]]+)\](?::(\d{1,5}))?|([^:\[\]]+)(?::(\d{1,5}))?|([0-9A-Fa-f:.]+)", rest)
    if found is None:
        raise ValueError(f"{word.strip()!r} is not a host")
    host = found[1] or found[3] or found[5]
    port = found[2] or found[4]
    if not is_host(host):
        raise ValueError(f"{host!r} is not a host name or an IP address")
    if at and not is_login(user):
        raise ValueError(f"{user!r} is not a login name")
    if port and not 1 <= int(port) <= 65535:
        raise ValueError(f"{port} is not a port")
    return JumpHost(host, user or None, int(port) if port else None)
