"""What may be the name of a host and of a login: a strict grammar, since both can end up in a ProxyCommand."""

from __future__ import annotations

import ipaddress
import re

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
