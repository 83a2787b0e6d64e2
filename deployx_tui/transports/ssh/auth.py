"""Who we are: private keys, read and decrypted once per process, and the agent's. No passwords yet."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.pkey import PublicBlob, UnknownKeyType

from deployx_tui.transports.ssh.config import HostSettings
from deployx_tui.transports.ssh.link import Link


@dataclass(frozen=True, slots=True)
class Denied:
    """Nobody was let in: what was tried, and what would help."""

    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class _Unusable:
    """A key file that can't be used, and why."""

    why: str
    remedy: str


class KeyRing:
    """Private keys by file, shared by all connections; read again when the file changes. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[Path, tuple[tuple[int, int, int], paramiko.PKey | _Unusable]] = {}

    def load(self, path: Path) -> paramiko.PKey | _Unusable | None:
        """None: there is no such file."""
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return _Unusable(f"{path} can't be read: {error.strerror}", "check the path and its owner")
        if status.st_mode & 0o077:
            # OpenSSH refuses such a key too
            return _Unusable(
                f"{path} can be read by other accounts (mode {status.st_mode & 0o777:o})", f"chmod 600 {path}"
            )
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        with self._lock:
            held = self._keys.get(path)
            if held is None or held[0] != stamp:
                held = (stamp, _read(path))
                self._keys[path] = held
            return held[1]


def _read(path: Path) -> paramiko.PKey | _Unusable:
    try:
        return paramiko.PKey.from_path(path)
    except (TypeError, paramiko.PasswordRequiredException):  # cryptography's word for a missing passphrase
        return _Unusable(
            f"{path} is encrypted, and passphrases are not asked for yet", f"add it to ssh-agent: ssh-add {path}"
        )
    except (ValueError, OSError, paramiko.SSHException, UnknownKeyType) as error:
        return _Unusable(f"{path} is not a private key that can be read: {error}", "give another key file")


def log_in(link: Link, settings: HostSettings, keys: KeyRing, until: float) -> str | Denied:
    """Authenticate with the first key that is let in; returns which. `until` is monotonic time.

    The host key has been checked before: nothing is proved to a stranger.
    """
    tried: list[str] = []
    unusable: list[_Unusable] = []
    agent = _agent(settings, keys)
    try:
        for label, key in _offers(settings, keys, agent, unusable):
            tried.append(label)
            link.auth_timeout = max(0.1, until - time.monotonic())
            try:
                more = link.auth_publickey(settings.user, key)
            except paramiko.BadAuthenticationType as error:
                ways = ", ".join(filter(None, error.allowed_types)) or "nothing at all"
                return Denied(
                    f"{settings.user}: the server takes no keys from this account, only {ways}",
                    "allow PubkeyAuthentication for this account; passwords are not supported yet",
                )
            except paramiko.AuthenticationException as error:
                if link.is_active():
                    continue
                return Denied(_refused(settings, tried, unusable) + f" ({error})", _remedy(settings, unusable))
            except (paramiko.SSHException, EOFError, OSError) as error:
                if not link.is_active():
                    text = _refused(settings, tried, unusable)
                    return Denied(f"{text}; the server closed the connection ({error})", _remedy(settings, unusable))
                unusable.append(_Unusable(f"{label} could not sign: {error}", "check the agent, or the key file"))
                continue
            if more:
                return Denied(
                    f"{settings.user}: {label} was accepted, the server also wants {', '.join(more)}",
                    "allow the key alone",
                )
            return label
        return Denied(_refused(settings, tried, unusable), _remedy(settings, unusable))
    finally:
        if agent is not None:
            agent.close()


def _agent(settings: HostSettings, keys: KeyRing) -> paramiko.Agent | None:
    if not settings.use_agent or not os.environ.get("SSH_AUTH_SOCK"):
        return None
    if settings.only_these and all(isinstance(keys.load(path), paramiko.PKey) for path in settings.identities):
        return None  # the files do without it
    try:
        return paramiko.Agent()
    except (paramiko.SSHException, OSError):
        return None  # no agent answers there: the same as none, and the message names what was tried


def _offers(
    settings: HostSettings, keys: KeyRing, agent: paramiko.Agent | None, unusable: list[_Unusable]
) -> Iterator[tuple[str, paramiko.PKey]]:
    """The agent's keys before the default files; files that the configuration names before the agent's."""
    offered: set[bytes] = set()
    wanted = {blob for path in settings.identities if (blob := _public(path)) is not None}
    from_agent = [] if agent is None else list(agent.get_keys())
    # an encrypted file whose key the agent holds: that is the key that was asked for
    ordered = [key for key in from_agent if key.asbytes() in wanted]
    if not settings.only_these:
        ordered += [key for key in from_agent if key.asbytes() not in wanted]
    held = {key.asbytes() for key in from_agent}
    for key in ordered:
        offered.add(key.asbytes())
        yield f"the agent's {key.get_name()} key", key
    for path in settings.identities:
        if _public(path) in held:
            continue
        found = keys.load(path)
        if isinstance(found, paramiko.PKey):
            if found.asbytes() not in offered:
                yield str(path), found
        elif found is not None:
            unusable.append(found)
        elif settings.only_these:
            unusable.append(_Unusable(f"{path} does not exist", "name another key (device edit NAME --key FILE)"))


def _public(path: Path) -> bytes | None:
    """The blob in the .pub file beside a private key."""
    try:
        words = path.with_name(path.name + ".pub").read_text().split()
        return PublicBlob.from_string(" ".join(words[:2])).key_blob
    except (OSError, ValueError, IndexError):
        return None


def _refused(settings: HostSettings, tried: list[str], unusable: list[_Unusable]) -> str:
    what = f"refused: {', '.join(tried)}" if tried else "there was no key to offer"
    return "; ".join([f"{settings.user} was not let in: {what}", *(key.why for key in unusable)])


def _remedy(settings: HostSettings, unusable: list[_Unusable]) -> str:
    if unusable:
        return unusable[0].remedy
    return (
        f"put the public key into ~{settings.user}/.ssh/authorized_keys on the target, or give another user or key file"
    )
