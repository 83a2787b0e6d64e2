"""The Backend contract over the wire: the remote client, the API on a Unix socket, and the engine behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deployx_tui.engine.engine import Engine
from deployx_tui.model.user import Role
from deployx_tui.service.remote import RemoteBackend
from deployx_tui.store.database import Database
from tests.contract.backend import BackendContract
from tests.support.local_site import LocalSite
from tests.support.local_site import site as local_site  # noqa: F401 - a fixture
from tests.support.served import served


class RemoteSite:
    """Each client has a socket of its own, whose server takes it for the user that the test wants."""

    def __init__(self, local: LocalSite, folder: Path, open_sockets: AsyncExitStack) -> None:
        self._local, self._folder, self._open_sockets = local, folder, open_sockets
        self._count = 0

    @property
    def database(self) -> Database:
        return self._local.database

    @property
    def engine(self) -> Engine:
        return self._local.engine

    async def backend(self, role: Role = Role.ADMIN, name: str = "ada") -> RemoteBackend:
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir(mode=0o700)
        serving = await self._open_sockets.enter_async_context(
            served(await self._local.backend(role, name), folder, zone="UTC")
        )
        remote = await RemoteBackend.connect(serving.socket)
        self._open_sockets.push_async_callback(remote.close)
        return remote


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """One kind: the wire does not know which it is."""
    return sqlite_database


@pytest.fixture
async def site(local_site: LocalSite, tmp_path: Path) -> AsyncIterator[RemoteSite]:  # noqa: F811 - that fixture
    async with AsyncExitStack() as open_sockets:
        folder = tmp_path / "s"
        folder.mkdir()
        yield RemoteSite(local_site, folder, open_sockets)


class TestRemoteBackend(BackendContract):
    pass
