"""Fleets and SSH transports for tests: started once per set of sshd options and worker, ended with the session."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from deployx_tui.demo.fleet import ADDRESSES_PER_SERVER, Fleet, FleetHost
from deployx_tui.model.device import HostKeyPolicy, TransportKind
from deployx_tui.model.ids import DeviceId
from deployx_tui.transports.base import Endpoint
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport


def endpoint_of(host: FleetHost, policy: HostKeyPolicy = HostKeyPolicy.STRICT) -> Endpoint:
    return Endpoint(
        device_id=DeviceId(1),
        name=host.name,
        address=host.address,
        port=host.port,
        user=host.user,
        transport=TransportKind.SSH,
        key_file=host.key_file,
        host_key_policy=policy,
    )


class Fleets:
    """Fleets by their sshd options; a context manager."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="deployx-fleets-"))
        self._fleets: dict[tuple[int, int, tuple[tuple[str, str], ...]], Fleet] = {}

    def get(
        self, options: Mapping[str, str] | None = None, count: int = 1, per_server: int = ADDRESSES_PER_SERVER
    ) -> Fleet:
        key = (count, per_server, tuple(sorted((options or {}).items())))
        if key not in self._fleets:
            folder = self._folder / str(len(self._fleets))
            self._fleets[key] = Fleet.start(count, folder, "sshd", options=options, per_server=per_server)
        return self._fleets[key]

    def __enter__(self) -> Fleets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for fleet in self._fleets.values():
            fleet.stop()
        shutil.rmtree(self._folder)


def transport_to(fleet: Fleet, folder: Path, *, patience: float = 20.0, **settings: float) -> SshTransport:
    """A transport that knows the fleet's host keys and nothing of the account's own configuration."""
    return SshTransport(
        SshSettings(
            known_hosts=folder / "known_hosts",
            known_hosts_beside=(fleet.known_hosts,),
            patience=patience,
            **settings,  # type: ignore[arg-type]  # keepalive is an int, the rest are floats
        )
    )
