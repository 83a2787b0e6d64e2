"""One transport of each kind, for the engine. A library is loaded when the first device is reached by it."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from deployx_tui.model.device import OfferedKey, TestStep, TransportKind
from deployx_tui.paths import config_folder
from deployx_tui.transports.base import Connection, Endpoint, Transport, Unreached
from deployx_tui.transports.local import LocalTransport

if TYPE_CHECKING:
    from deployx_tui.transports.ssh.transport import SshTransport

#: (endpoint, the key): a key was kept because the policy is accept-new; for the audit
KeyKept = Callable[[Endpoint, OfferedKey], None]


def open_transports(key_kept: KeyKept | None = None) -> Mapping[TransportKind, Transport]:
    """One transport of each kind; call `shutdown` on each at the end. Raises this process's limit of open files."""
    raise_file_limit()
    return {TransportKind.SSH: LateSsh(key_kept), TransportKind.LOCAL: LocalTransport()}


class LateSsh:
    """SSH with the account's own files, as soon as somebody asks for it: paramiko costs a start a quarter of a second.

    See Transport.
    """

    def __init__(self, key_kept: KeyKept | None) -> None:
        self._key_kept = key_kept
        #: of `_made`: there is one pool of connections, whoever comes first
        self._lock = Lock()
        self._made: SshTransport | None = None

    def _ssh(self) -> SshTransport:
        with self._lock:
            if self._made is None:
                self._made = _usual_ssh(self._key_kept)
            return self._made

    def connect(self, endpoint: Endpoint, deadline: timedelta, cancel: Event) -> Connection | Unreached:
        return self._ssh().connect(endpoint, deadline, cancel)

    def release(self, connection: Connection) -> None:
        self._ssh().release(connection)

    def test(self, endpoint: Endpoint, deadline: timedelta) -> Iterator[TestStep]:
        return self._ssh().test(endpoint, deadline)

    def trust(self, endpoint: Endpoint, offered: OfferedKey) -> tuple[str, ...]:
        """See SshTransport."""
        return self._ssh().trust(endpoint, offered)

    def shutdown(self) -> None:
        with self._lock:
            made = self._made
        if made is not None:
            made.shutdown()


def _usual_ssh(key_kept: KeyKept | None) -> SshTransport:
    """Our known_hosts in the configuration folder; the account's own ~/.ssh beside it."""
    from deployx_tui.transports.ssh.transport import SshSettings, SshTransport  # noqa: PLC0415 - see above

    own = Path.home() / ".ssh"
    return SshTransport(
        SshSettings(
            known_hosts=config_folder() / "known_hosts",
            known_hosts_beside=(own / "known_hosts", Path("/etc/ssh/ssh_known_hosts")),
            config_file=own / "config",
            key_kept=key_kept,
        )
    )


def raise_file_limit() -> None:
    """Soft limit of open files to the hard one: a connection is a descriptor, and 1,024 is a common default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
