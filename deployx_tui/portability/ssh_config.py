"""Hosts of an OpenSSH client configuration, for the import; transports/ssh/config.py reads it."""

from __future__ import annotations

from pathlib import Path

from deployx_tui.errors import InvalidInput
from deployx_tui.model.importing import HostList, ImportFormat
from deployx_tui.plain_file import NotPlain


def usual_path() -> Path:
    return Path.home() / ".ssh" / "config"


def read(path: Path) -> HostList:
    """A device of the account's own file keeps the alias only, and the file the rest."""
    from deployx_tui.transports.ssh.config import listed_hosts  # noqa: PLC0415 - loads paramiko

    try:
        hosts = listed_hosts(path, is_own=path == usual_path())
    except NotPlain as error:
        message = f"{path} can't be read: {error}" if error.filename != str(path) else str(error)
        raise InvalidInput.of("path", message, f"{error.remedy}, or include it no more") from error
    except (OSError, ValueError) as error:
        remedy = "name a readable OpenSSH client configuration on the engine's machine"
        raise InvalidInput.of("path", f"{path} can't be read: {error}", remedy) from error
    return HostList(format=ImportFormat.SSH_CONFIG, hosts=hosts)
