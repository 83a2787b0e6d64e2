"""The %-tokens of ssh_config(5), "TOKENS"."""

from __future__ import annotations

import os
import pwd
import re
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tokens:
    """What they stand for on one connection."""

    #: as it was asked for
    name: str
    hostname: str
    port: int
    user: str
    key_name: str

    def fill(self, text: str) -> str:
        """Raises ValueError for a token that is not known here (%C, %j, those of KnownHostsCommand)."""
        node = socket.gethostname()
        account = pwd.getpwuid(os.getuid())
        values = {
            "%": "%",
            "d": str(Path.home()),
            "h": self.hostname,
            "i": str(os.getuid()),
            "k": self.key_name,
            "L": node.partition(".")[0],
            "l": node,
            "n": self.name,
            "p": str(self.port),
            "r": self.user,
            "u": account.pw_name,
        }

        def value(found: re.Match[str]) -> str:
            if found[1] not in values:
                raise ValueError(f"the token %{found[1]} is not supported")
            return values[found[1]]

        return re.sub(r"%(.?)", value, text)

    def path(self, text: str) -> Path:
        """A file: tokens, ${VARIABLE} and ~ filled in. Raises ValueError."""

        def variable(found: re.Match[str]) -> str:
            if found[1] not in os.environ:
                raise ValueError(f"the variable {found[1]} is not set")
            return os.environ[found[1]]

        return Path(re.sub(r"\$\{(\w+)\}", variable, self.fill(text))).expanduser()
