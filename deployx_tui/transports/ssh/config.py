"""What ~/.ssh/config says of a host: read here or by `ssh -G` (asking.py), and nothing ignored in silence.

A keyword that would change where or as whom we connect and that is not supported yet is an error that names it.
StrictHostKeyChecking is not read: the device's own policy says what an unknown key means.
"""

from __future__ import annotations

import getpass
import re
import shlex
import threading
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from paramiko.ssh_exception import ConfigParseError, CouldNotCanonicalize

from deployx_tui.model.device import DeviceDraft
from deployx_tui.model.hosts import JumpHost, is_host, is_login, jump_host
from deployx_tui.model.importing import LeftOut, ListedHost
from deployx_tui.ssh_hosts import lines_of, named_hosts
from deployx_tui.transports.base import Endpoint
from deployx_tui.transports.ssh import asking
from deployx_tui.transports.ssh.tokens import Tokens

DEFAULT_PORT = 22

#: keyword -> when there is such a thing here
_NOT_YET = {
    "proxyusefdpass": "a proxy command that passes a descriptor is not supported",
    "knownhostscommand": "KnownHostsCommand is not supported",
    "pkcs11provider": "keys on smart cards are supported through ssh-agent only",
    "securitykeyprovider": "security keys are supported through ssh-agent only",
    "remotecommand": "a RemoteCommand would replace the commands of tasks",
    "bindinterface": "BindInterface is not supported; use BindAddress",
    "hostbasedauthentication": "host-based authentication is not supported",
}
#: they restrict algorithms; ours is an allow-list of its own, and the connection test names these as not read
_OURS_DECIDES = (
    "ciphers",
    "macs",
    "kexalgorithms",
    "hostkeyalgorithms",
    "pubkeyacceptedalgorithms",
    "casignaturealgorithms",
)


class ConfigRefused(Exception):
    """The configuration can't be followed; stays inside the transports."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """Where and as whom to connect, after the device and the configuration have spoken."""

    #: what is resolved and connected to
    hostname: str
    port: int
    user: str
    #: under which name and port known_hosts has it; a HostKeyAlias stands there without a port
    key_name: str
    key_port: int
    #: private keys to try, in order; with `only_these` nothing else is tried
    identities: tuple[Path, ...]
    only_these: bool
    #: CertificateFile: certificates of these keys or of the agent's, besides those that lie beside the keys
    certificates: tuple[Path, ...]
    use_agent: bool
    #: known_hosts files beside ours; None: the usual ones
    known_hosts: tuple[Path, ...] | None
    #: seconds; None: what the caller gives
    connect_timeout: float | None
    bind_address: str | None
    #: "any", "inet" or "inet6"
    family: str
    #: ProxyJump, outermost first
    jumps: tuple[JumpHost, ...] = ()
    #: ProxyCommand, tokens filled in; None: there is none
    proxy_command: str | None = None
    #: what of the configuration OpenSSH was asked for, because paramiko's parser falls short; "": nothing
    asked_for: str = ""
    #: keywords that stand in the configuration and are not followed, because ours decides
    not_read: tuple[str, ...] = ()


class SshConfig:
    """One configuration file, read again when it changes. Thread-safe."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._held: _Held | None = None

    def settings(self, endpoint: Endpoint) -> HostSettings:
        """Raises ConfigRefused, naming the keyword or the line."""
        found, asked_for = self._lookup(endpoint)
        for keyword, why in _NOT_YET.items():
            value = found.get(keyword)
            if value and str(value).lower() not in ("none", "no"):
                raise ConfigRefused(
                    f"{self._path}: {keyword} {value} applies to {endpoint.address}: {why}",
                    "give the device an address that is reached without it",
                )
        hostname = str(found.get("hostname", endpoint.address))
        try:
            port = endpoint.port or int(str(found.get("port", DEFAULT_PORT)))
            timeout = found.get("connecttimeout")
            connect_timeout = None if timeout in (None, "none", "0") else float(str(timeout))
        except ValueError as error:
            raise ConfigRefused(f"{self._path}: {error} (for {endpoint.address})", "mend the number") from error
        login = endpoint.login
        user = (login and login.user) or endpoint.user or str(found.get("user", "")) or getpass.getuser()
        key_name = str(found.get("hostkeyalias", hostname))
        if not is_host(hostname) or not is_login(user):
            raise ConfigRefused(
                f"{self._path}: {user!r} at {hostname!r} for {endpoint.address} is no login and host name",
                "mend HostName and User",
            )
        try:
            # the parser here has filled them in already
            proxy_command = _fill(
                found, Tokens(endpoint.address, hostname, port, user, key_name) if asked_for else None
            )
        except ValueError as error:
            raise ConfigRefused(f"{self._path}: {error} (for {endpoint.address})", "write it without") from error
        identities, only_these = ((), True) if login is not None else _identities(endpoint, found)
        known_hosts = _paths(found.get("userknownhostsfile")) if "userknownhostsfile" in found else None
        bind_address = found.get("bindaddress")
        return HostSettings(
            hostname=hostname,
            port=port,
            user=user,
            key_name=key_name,
            key_port=DEFAULT_PORT if "hostkeyalias" in found else port,
            identities=identities,
            only_these=only_these,
            certificates=tuple(Path(name).expanduser() for name in _names(found.get("certificatefile"))),
            use_agent=login is None and _use_agent(self._path, endpoint, found),
            known_hosts=known_hosts,
            connect_timeout=connect_timeout,
            bind_address=str(bind_address) if bind_address else None,
            family=str(found.get("addressfamily", "any")).lower(),
            jumps=self._jumps(str(found.get("proxyjump", ""))),
            proxy_command=proxy_command,
            asked_for=asked_for,
            not_read=tuple(keyword for keyword in _OURS_DECIDES if keyword in found),
        )

    def _jumps(self, words: str) -> tuple[JumpHost, ...]:
        if words.lower() in ("", "none"):
            return ()
        try:
            return tuple(jump_host(word) for word in words.split(","))
        except ValueError as error:
            raise ConfigRefused(f"{self._path}: ProxyJump {words}: {error}", "write [user@]host[:port]") from error

    def _lookup(self, endpoint: Endpoint) -> tuple[asking.Found, str]:
        """What the file says of a host, and for what of it OpenSSH was asked."""
        if self._path is None:
            return {}, ""
        alias = endpoint.address
        try:
            held = self._read(self._path)
            if held.parsed is not None:
                return dict(held.parsed.lookup(alias)), ""
            if not is_host(alias) or (endpoint.user is not None and not is_login(endpoint.user)):
                raise ValueError("it is not asked about what is no host name and login")
            return self._asked(self._path, held, alias, endpoint.user, endpoint.port), held.beyond
        except (
            ConfigParseError, CouldNotCanonicalize, ValueError, OSError, ImportError, asking.AskFailed,
        ) as error:  # fmt: skip
            raise ConfigRefused(f"{self._path} can't be followed for {alias}: {error}", "mend the file") from error

    def _asked(self, path: Path, held: _Held, alias: str, user: str | None, port: int | None) -> asking.Found:
        key = (alias, user, port)
        with self._lock:
            found = held.answers.get(key)
        if found is None:
            found = asking.ask(path, alias, user, port)
            if held.is_steady:
                with self._lock:
                    held.answers[key] = found
        return dict(found)

    def _read(self, path: Path) -> _Held:
        with self._lock:
            if self._held is not None and self._held.stamps == tuple(_stamp(file) for file, _, _ in self._held.stamps):
                return self._held
            lines, files = lines_of(path, anywhere=True)
            beyond = asking.beyond_us(lines)
            parsed = None
            if not beyond or not asking.can_ask():
                parsed = paramiko.SSHConfig.from_text("\n".join(lines_of(path)[0]))
            # what a Match exec says can be another thing next time, and so can what a variable names
            is_steady = not any(word in line.lower() for line in lines for word in ("exec", "include"))
            self._held = _Held(tuple(_stamp(file) for file in files), parsed, beyond, is_steady)
            return self._held


@dataclass(slots=True)
class _Held:
    """A configuration as it was read."""

    stamps: tuple[tuple[Path, int, int], ...]
    #: None: OpenSSH is asked, because of `beyond`
    parsed: paramiko.SSHConfig | None
    beyond: str
    #: answers stay true as long as the files do
    is_steady: bool
    #: of OpenSSH, by host, user and port
    answers: dict[tuple[str, str | None, int | None], asking.Found] = field(default_factory=dict)


def _fill(found: asking.Found, tokens: Tokens | None) -> str | None:
    """Files with their tokens filled in, in place, and the proxy command. ValueError: a token is not known."""
    command = found.get("proxycommand")
    command = None if command is None or str(command).lower() == "none" else str(command)
    if tokens is None:
        return command
    for keyword in ("identityfile", "certificatefile"):
        named = found.get(keyword)
        if named is not None:
            files = [named] if isinstance(named, str) else named
            found[keyword] = [file if file.lower() == "none" else str(tokens.path(file)) for file in files]
    return None if command is None else tokens.fill(command)


def listed_hosts(path: Path, *, is_own: bool) -> tuple[ListedHost, ...]:
    """Every host that a configuration file names without a wildcard, in its order.

    `is_own`: it is the file that connections read too, so the draft's address is the alias and the file goes on saying
    the rest. From another file, the values are copied. Raises OSError, and ValueError for a file that can't be parsed.
    """
    lines, _ = lines_of(path)
    if any(re.match(r"\s*match\b.*\bexec\b", line, re.IGNORECASE) for line in lines) and not is_own:
        raise ValueError(f"{path}: a Match exec would run a command of a file that is not your own configuration")
    try:
        config = paramiko.SSHConfig.from_text("\n".join(lines))
        return tuple(_listed(config, alias, is_own=is_own) for alias in named_hosts(lines))
    except ConfigParseError as error:
        raise ValueError(f"{path}: {error}") from error


def _listed(config: paramiko.SSHConfig, alias: str, *, is_own: bool) -> ListedHost:
    found = config.lookup(alias)
    left_out = [
        LeftOut(f"{keyword} {value}", f"{why}; the host can't be reached with it")
        for keyword, why in _NOT_YET.items()
        if (value := found.get(keyword)) and str(value).lower() not in ("none", "no")
    ]
    said = _draft(alias, found)
    if is_own:
        return ListedHost(draft=DeviceDraft(name=alias, address=alias), left_out=tuple(left_out), said=said)
    if str(found.get("proxycommand", "none")).lower() != "none":
        left_out.append(LeftOut("proxycommand", "only ~/.ssh/config may name a command to connect with"))
    words = str(found.get("proxyjump", ""))
    try:
        jumps = () if words.lower() in ("", "none") else tuple(jump_host(word) for word in words.split(","))
    except ValueError as error:
        return ListedHost(draft=said, left_out=tuple(left_out), refused=f"ProxyJump {words}: {error}")
    return ListedHost(draft=said, jumps=jumps, left_out=tuple(left_out))


def _draft(alias: str, found: paramiko.config.SSHConfigDict) -> DeviceDraft:
    """What a configuration says of a host."""
    port = str(found.get("port", ""))
    keys = found.get("identityfile", ())
    return DeviceDraft(
        name=alias,
        address=str(found.get("hostname", alias)),
        port=int(port) if port.isdigit() else None,
        user=str(found["user"]) if "user" in found else None,
        key_file=str(Path(keys[0]).expanduser()) if keys else None,
    )


def _stamp(path: Path) -> tuple[Path, int, int]:
    try:
        status = path.stat()
    except OSError:
        return path, 0, 0
    return path, status.st_mtime_ns, status.st_size


def _paths(value: str | list[str] | None) -> tuple[Path, ...]:
    text = value if isinstance(value, str) else " ".join(value or ())
    return tuple(Path(word).expanduser() for word in shlex.split(text) if word.lower() != "none")


def _names(named: str | list[str] | None) -> list[str]:
    names = [named] if isinstance(named, str) else named or []
    return [name for name in names if name.lower() != "none"]


def _identities(endpoint: Endpoint, found: dict[str, str | list[str]]) -> tuple[tuple[Path, ...], bool]:
    """(private keys, nothing else is tried)."""
    if endpoint.key_file is not None:
        return (Path(endpoint.key_file).expanduser(),), True
    only = str(found.get("identitiesonly", "no")).lower() == "yes"
    named = found.get("identityfile")
    if named:
        return tuple(Path(name).expanduser() for name in _names(named)), only
    return tuple(Path.home() / ".ssh" / name for name in ("id_ed25519", "id_ecdsa", "id_rsa")), only


def _use_agent(path: Path | None, endpoint: Endpoint, found: dict[str, str | list[str]]) -> bool:
    """With a key file of the device's own, the agent is asked only for that key (when the file is encrypted)."""
    agent = str(found.get("identityagent", "SSH_AUTH_SOCK"))
    if agent.lower() == "none":
        return False
    if agent != "SSH_AUTH_SOCK":
        raise ConfigRefused(
            f"{path}: IdentityAgent {agent} applies to {endpoint.address}; only SSH_AUTH_SOCK's is supported",
            "start deployx with SSH_AUTH_SOCK set to that agent",
        )
    return True
