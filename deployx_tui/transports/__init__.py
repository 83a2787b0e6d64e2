"""HOW: the ways to a target. `open_transports` gives the engine one of each kind; base.py is the port."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from pathlib import Path

from deployx_tui.model.device import TransportKind
from deployx_tui.paths import config_folder
from deployx_tui.transports.base import Transport
from deployx_tui.transports.local import LocalTransport
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport


def usual_ssh_settings() -> SshSettings:
    """Our known_hosts in the configuration folder; the account's own ~/.ssh beside it."""
    return SshSettings(
        known_hosts=config_folder() / "known_hosts",
        known_hosts_beside=(Path.home() / ".ssh" / "known_hosts", Path("/etc/ssh/ssh_known_hosts")),
        config_file=Path.home() / ".ssh" / "config",
    )


def open_transports(settings: SshSettings | None = None) -> Mapping[TransportKind, Transport]:
    """One transport of each kind; call `shutdown` on each at the end. Raises this process's limit of open files."""
    raise_file_limit()
    return {
        TransportKind.SSH: SshTransport(settings or usual_ssh_settings()),
        TransportKind.LOCAL: LocalTransport(),
    }


def raise_file_limit() -> None:
    """Soft limit of open files to the hard one: a connection is a descriptor, and 1,024 is a common default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
