"""What an OpenSSH configuration says of a host: read here where it is plain, else asked of `ssh -G`.

paramiko's parser differs from OpenSSH's in Match, tokens, quotes, comments behind a value and more; so a file is
"plain" when it has none of that. Only the account's own configuration is asked about: a Match may run a command.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

#: `ssh -G` answers in a hundredth of a second; a Match exec may take longer
_PATIENCE = 15.0

_BLANK = re.compile(r"\s*(#.*)?")
#: a keyword and words without quotes, escapes, tokens, variables or comments
_PLAIN = re.compile(r"\s*([A-Za-z0-9]+)[ \t]+([^\s\"'\\%$#=\[\]][^\"'\\%$#\[\]]*?)\s*")
#: its quotes are read here; `ssh -G` leaves them out
_KNOWN_HOSTS = re.compile(r"\s*UserKnownHostsFile[ \t]+[^%$#\\=]+", re.IGNORECASE)
_HOST_NAME = re.compile(r"\s*HostName[ \t]+([A-Za-z0-9.-]*%h)?[A-Za-z0-9.:_-]*\s*", re.IGNORECASE)
#: keyword -> why paramiko's parser is not enough
_BEYOND = {
    "match": "Match",
    "canonicalizehostname": "CanonicalizeHostname",
    "include": "an Include inside a block",
    "ignoreunknown": "IgnoreUnknown",
    "tag": "Tag",
}
#: of these a host has several
_LISTS = frozenset({"identityfile", "certificatefile"})

Found = dict[str, str | list[str]]


class AskFailed(Exception):
    """ssh could not say; stays inside the transports."""


def beyond_us(lines: Iterable[str]) -> str:
    """What in a configuration (its outer Includes followed) only OpenSSH resolves as OpenSSH does; "": nothing."""
    proxies: set[str] = set()
    for line in lines:
        if any(known.fullmatch(line) for known in (_BLANK, _HOST_NAME, _KNOWN_HOSTS)):
            continue
        plain = _PLAIN.fullmatch(line)
        keyword = plain[1].lower() if plain is not None else ""
        if keyword in _BEYOND:
            return _BEYOND[keyword]
        if plain is None:
            return f"the line {line.strip()[:40]!r}"
        if keyword.startswith("proxy"):
            proxies.add(keyword)
    # the first of them counts, and paramiko keeps no order between keywords
    return "ProxyJump beside ProxyCommand" if len(proxies) > 1 else ""


def can_ask() -> bool:
    return shutil.which("ssh") is not None


def ask(path: Path, host: str, user: str | None, port: int | None) -> Found:
    """What OpenSSH makes of the file for a host. Raises AskFailed.

    `host` and `user` have been checked to be names: a Match exec may hold them. Values that are OpenSSH's defaults are
    left out.
    """
    defaults = _defaults()
    said = _run(path, host, user, port)
    return {
        keyword: values if keyword in _LISTS else values[0]
        for keyword, values in said.items()
        if keyword in ("hostname", "user", "port") or defaults.get(keyword) != values
    }


@functools.cache
def _defaults() -> dict[str, list[str]]:
    return _run(Path("none"), "host.invalid", None, None)


def _run(path: Path, host: str, user: str | None, port: int | None) -> dict[str, list[str]]:
    words = ["ssh", "-G", "-T", "-F", str(path)]
    words += ["-l", user] if user is not None else []
    words += ["-p", str(port)] if port is not None else []
    try:
        answer = subprocess.run(
            [*words, "--", host],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AskFailed(f"ssh -G does not answer: {error}") from error
    if answer.returncode:
        said = answer.stderr.decode("utf-8", "replace").strip().splitlines()
        raise AskFailed(said[-1] if said else f"ssh -G ended with {answer.returncode}")
    found: dict[str, list[str]] = {}
    for line in answer.stdout.decode("utf-8", "replace").splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword, []).append(value)
    return found
