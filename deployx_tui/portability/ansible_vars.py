"""What the variables of an Ansible host mean for a device, and what of them is not taken over."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.hosts import JumpHost, jump_host
from deployx_tui.model.importing import LeftOut, ListedHost

if TYPE_CHECKING:
    from deployx_tui.portability.ansible import Value

#: of several names of one thing the later wins, as in Ansible's ssh connection
_ADDRESS = ("ansible_host", "ansible_ssh_host")
_PORT = ("ansible_port", "ansible_ssh_port")
_USER = ("ansible_user", "ansible_ssh_user")
_KEY = ("ansible_private_key_file", "ansible_ssh_private_key_file")
_ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_CONNECTION = "ansible_connection"
_READ = frozenset((*_ADDRESS, *_PORT, *_USER, *_KEY, *_ARGUMENTS, _CONNECTION))

_SECRET = re.compile(r"ansible_\w*(pass|password|passphrase|secret|token|private_key)", re.IGNORECASE)
_TEMPLATE = re.compile(r"\{\{|\{%|\{#")
#: of the collection that Ansible has built in; a name may stand without it
_BUILT_IN = "ansible.builtin."
_SSH = frozenset(("", "ssh", "smart", "paramiko", "paramiko_ssh"))
_LOCAL = "local"
_WINDOWS = frozenset(("winrm", "psrp"))

NO_SECRETS = "passwords and keys are never imported; `deployx credential add` puts them into the vault"
_VAULTED = "it is vaulted; `deployx credential add` puts a secret into the vault here"
_TEMPLATED = "it is a template; `ansible-inventory --list` leaves them as they are too: write the value"
_HOST_KEYS = "host keys are always checked; `deployx device test` shows an unknown one"
_OWN_WAYS = "deployx has ways of its own for connections; ~/.ssh/config holds what a host needs besides"


def has_meaning(name: str) -> bool:
    """Whether a variable says something that a device has, or a secret."""
    return name in _READ or is_secret(name)


def is_secret(name: str) -> bool:
    return bool(_SECRET.fullmatch(name))


def listed_host(name: str, groups: tuple[str, ...], variables: Mapping[str, Value]) -> ListedHost:
    """A host with the variables that hold for it."""
    reading = _Reading(variables)
    transport, refused = reading.transport()
    address = reading.one(_ADDRESS)
    port = reading.port()
    user = reading.one(_USER)
    key_file = reading.key_file()
    jumps: tuple[JumpHost, ...] = ()
    more: tuple[LeftOut, ...] = ()
    if transport is TransportKind.SSH and not refused:
        jumps, more = reading.arguments()
    draft = DeviceDraft(
        name=name,
        address=address or ("localhost" if transport is TransportKind.LOCAL else name),
        port=None if transport is TransportKind.LOCAL else port,
        user=None if transport is TransportKind.LOCAL else user,
        transport=transport,
        key_file=None if transport is TransportKind.LOCAL else key_file,
    )
    return ListedHost(
        draft=draft,
        groups=groups,
        jumps=jumps,
        left_out=(*reading.left_out, *more, *reading.secrets()),
        refused=refused or reading.refused,
    )


class _Reading:
    """The variables of one host."""

    def __init__(self, variables: Mapping[str, Value]) -> None:
        self._variables = variables
        self.left_out: list[LeftOut] = []
        #: what makes a host one that we can't know the way to; "": nothing
        self.refused = ""

    def one(self, names: tuple[str, ...]) -> str | None:
        """The strongest of several names; what can't be read refuses the host, for we would go elsewhere."""
        name = next((each for each in reversed(names) if self._variables.get(each) is not None), None)
        if name is None:
            return None
        value = self._plain(name)
        if value is None:
            self.refused = self.refused or f"{name}: {self.left_out[-1].why}"
        return (value or "").strip() or None

    def port(self) -> int | None:
        value = self.one(_PORT)
        if value is None:
            return None
        if value.isascii() and value.isdigit() and len(value) < 10:
            return int(value)
        self.refused = self.refused or f"{value[:40]!r} is not a port"
        return None

    def key_file(self) -> str | None:
        name = next((each for each in reversed(_KEY) if self._variables.get(each) is not None), None)
        value = None if name is None else self._plain(name)
        if name is None or not value:
            return None
        if not value.startswith(("/", "~/")):
            self._leave(name, "it is not an absolute path; `deployx device edit --key` takes one")
            return None
        return value

    def transport(self) -> tuple[TransportKind, str]:
        value = (self.one((_CONNECTION,)) or "").removeprefix(_BUILT_IN)
        if value == _LOCAL:
            return TransportKind.LOCAL, ""
        if value in _WINDOWS:
            return TransportKind.SSH, f"it is reached by {value}, and Windows is not supported yet"
        return TransportKind.SSH, "" if value in _SSH else f"it is reached by {value[:60]!r}, which deployx does not do"

    def arguments(self) -> tuple[tuple[JumpHost, ...], tuple[LeftOut, ...]]:
        """Jump hosts of the arguments for ssh, and the arguments that are left out."""
        jumps: tuple[JumpHost, ...] = ()
        left: list[LeftOut] = []
        for name in _ARGUMENTS:
            value = self._plain(name)
            if value:
                try:
                    found, more = ssh_arguments(name, value)
                except ValueError as error:
                    left.append(LeftOut(name, str(error)))
                    continue
                jumps = jumps or found  # ssh takes the first that is said
                left += more
        return jumps, tuple(left)

    def secrets(self) -> tuple[LeftOut, ...]:
        return tuple(
            LeftOut(name, NO_SECRETS)
            for name, value in self._variables.items()
            if is_secret(name) and value is not None
        )

    def _plain(self, name: str) -> str | None:
        value = self._variables.get(name)
        if value is None or (isinstance(value, str) and not _TEMPLATE.search(value)):
            return value
        if isinstance(value, str):
            why = _TEMPLATED
        else:
            why = _VAULTED if value.name == "VAULTED" else "it is a list or a mapping, not a text"
        self._leave(name, why)
        return None

    def _leave(self, name: str, why: str) -> None:
        self.left_out.append(LeftOut(name, why))


def ssh_arguments(name: str, text: str) -> tuple[tuple[JumpHost, ...], list[LeftOut]]:
    """(the jump hosts that arguments of ssh name, what else they say). ValueError: they can't be read."""
    jumps: tuple[JumpHost, ...] = ()
    left: list[LeftOut] = []
    for word, value in _options(text):
        keyword = word.lower()
        found: tuple[JumpHost, ...] | None
        if keyword == "proxyjump":
            found = () if value.lower() == "none" else tuple(jump_host(each) for each in value.split(","))
        elif keyword == "proxycommand":
            found = _forwarding(value)
            if found is None:
                left.append(LeftOut(f"{name}: ProxyCommand", "only ~/.ssh/config may name a command to connect with"))
                continue
        else:
            why = _HOST_KEYS if keyword in ("stricthostkeychecking", "userknownhostsfile") else _OWN_WAYS
            left.append(LeftOut(f"{name}: {word}", why))
            continue
        jumps = jumps or found
    return jumps, left


#: options of ssh with a value of their own
_WITH_VALUE = "BbcDEeFIiJLlmOopQRSWw"


def _options(text: str) -> list[tuple[str, str]]:
    """(keyword, value) of `-o Keyword=value` and of `-J`; (-x, value) of other options."""
    words = shlex.split(text)
    found: list[tuple[str, str]] = []
    while words:
        word = words.pop(0)
        if not re.match(r"-[A-Za-z0-9]", word):
            raise ValueError(f"{word[:40]!r} is no option of ssh")
        letter, value = word[1], word[2:]
        if letter in _WITH_VALUE and not value:
            if not words:
                raise ValueError(f"{word} has no value")
            value = words.pop(0)
        if letter == "o":
            keyword, _, rest = value.strip().replace("=", " ", 1).partition(" ")
            found.append((keyword, rest.strip().strip('"')))
        elif letter == "J":
            found.append(("ProxyJump", value))
        else:
            found.append((f"-{letter}", value))
    return found


def _forwarding(command: str) -> tuple[JumpHost, ...] | None:
    """The jump host of a command that is `ssh -W %h:%p HOST` and no more: what ProxyJump does. None: another one."""
    if command.lower() == "none":
        return ()
    words = shlex.split(command)
    if not words or words.pop(0).rpartition("/")[2] != "ssh":
        return None
    forwards, port, hosts = False, "", []
    while words:
        word = words.pop(0)
        if word in ("-q", "-T"):
            continue
        if word in ("-W", "-p") and words:
            value = words.pop(0)
        elif word.startswith(("-W", "-p")):
            word, value = word[:2], word[2:]
        elif word.startswith("-"):
            return None
        else:
            hosts.append(word)
            continue
        if word == "-p":
            port = f":{value}"
        elif value in ("%h:%p", "[%h]:%p"):
            forwards = True
        else:
            return None
    return (jump_host(f"{hosts[0]}{port}"),) if forwards and len(hosts) == 1 else None
