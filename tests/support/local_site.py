"""A real engine on an empty database, with the door beside it; its devices are this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.engine.engine import Engine
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.events.stream import EventStream
from deployx_tui.model.device import TransportKind
from deployx_tui.model.user import Role
from deployx_tui.output.store import OutputStore
from deployx_tui.service.backend import Backend
from deployx_tui.service.local import LocalBackend, Premises
from deployx_tui.store.artifacts import open_contents
from deployx_tui.store.database import Database
from deployx_tui.transports.base import Transport
from deployx_tui.transports.local import LocalTransport
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.support.actors import ensure_actor
from tests.support.vaults import vault_in


@dataclass
class LocalSite:
    premises: Premises
    engine: Engine

    @property
    def database(self) -> Database:
        return self.premises.database

    async def backend(self, role: Role = Role.ADMIN, name: str = "ada") -> Backend:
        with self.database.write() as c:
            return LocalBackend(self.premises, ensure_actor(c, role, name))


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[LocalSite]:
    transports: dict[TransportKind, Transport] = {
        TransportKind.LOCAL: LocalTransport(),
        TransportKind.SSH: SshTransport(SshSettings(known_hosts=tmp_path / "known_hosts")),
    }
    output = OutputStore(database, tmp_path / "output")
    vault = vault_in(database, tmp_path / "config")
    contents = open_contents(database, tmp_path / "artifacts")
    engine = Engine(database, EngineSettings(workers=8), transports, output, vault, contents)
    stream = EventStream(database)
    premises = Premises(
        database=database,
        engine=engine,
        stream=stream,
        output=output,
        contents=contents,
        transports=transports,
        vault=vault,
    )
    engine.start()
    try:
        yield LocalSite(premises, engine)
    finally:
        premises.close()
        engine.stop(timedelta(0))
        stream.close()
        output.close()
        for transport in transports.values():
            transport.shutdown()
