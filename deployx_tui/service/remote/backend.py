"""The Backend of an engine in another process."""

from __future__ import annotations

from pathlib import Path

from deployx_tui.model.user import Actor
from deployx_tui.service.remote.artifacts import RemoteArtifacts
from deployx_tui.service.remote.channel import GREETING, Channel, Revive
from deployx_tui.service.remote.credentials import RemoteCredentials, RemoteVault
from deployx_tui.service.remote.devices import RemoteDevices, RemoteGroups
from deployx_tui.service.remote.events import RemoteEvents
from deployx_tui.service.remote.executions import RemoteExecutions
from deployx_tui.service.remote.imports import RemoteImports
from deployx_tui.service.remote.packages import RemotePackages
from deployx_tui.service.remote.questions import RemoteQuestions
from deployx_tui.service.remote.rest import RemoteCalendar, RemoteEngine
from deployx_tui.service.remote.tasks import RemoteTasks
from deployx_tui.service.wire.rest import actor_from_json


class RemoteBackend:
    """One actor's view of an engine behind a Unix socket. Of one event loop."""

    def __init__(self, channel: Channel, actor: Actor) -> None:
        self._channel, self._actor = channel, actor
        self._tasks = RemoteTasks(channel)
        self._executions = RemoteExecutions(channel)
        self._devices = RemoteDevices(channel)
        self._groups = RemoteGroups(channel)
        self._credentials = RemoteCredentials(channel)
        self._vault = RemoteVault(channel)
        self._artifacts = RemoteArtifacts(channel)
        self._packages = RemotePackages(channel)
        self._imports = RemoteImports(channel)
        self._questions = RemoteQuestions(channel)
        self._calendar = RemoteCalendar(channel)
        self._events = RemoteEvents(channel)
        self._engine = RemoteEngine(channel)

    @classmethod
    async def connect(cls, socket: Path | str, revive: Revive | None = None) -> RemoteBackend:
        """Attach to the engine at `socket` (a path, or `unix:///path`).

        `revive` gives the socket of a living engine, when this one does not answer or goes away later; it blocks, and
        runs in a thread. Raises EngineUnreachable, VersionMismatch or NotPermitted.
        """
        path = Path(socket.removeprefix("unix://")) if isinstance(socket, str) else socket
        channel = Channel(path, revive)
        try:
            actor = actor_from_json((await channel.get("/auth/me", patience=GREETING)).json)
        except BaseException:
            await channel.close()
            raise
        return cls(channel, actor)

    @property
    def actor(self) -> Actor:
        return self._actor

    @property
    def socket(self) -> Path:
        """Where the engine listens; another one after a revival."""
        return self._channel.socket

    @property
    def tasks(self) -> RemoteTasks:
        return self._tasks

    @property
    def executions(self) -> RemoteExecutions:
        return self._executions

    @property
    def devices(self) -> RemoteDevices:
        return self._devices

    @property
    def groups(self) -> RemoteGroups:
        return self._groups

    @property
    def credentials(self) -> RemoteCredentials:
        return self._credentials

    @property
    def artifacts(self) -> RemoteArtifacts:
        return self._artifacts

    @property
    def packages(self) -> RemotePackages:
        return self._packages

    @property
    def imports(self) -> RemoteImports:
        return self._imports

    @property
    def questions(self) -> RemoteQuestions:
        return self._questions

    @property
    def vault(self) -> RemoteVault:
        return self._vault

    @property
    def calendar(self) -> RemoteCalendar:
        return self._calendar

    @property
    def events(self) -> RemoteEvents:
        return self._events

    @property
    def engine(self) -> RemoteEngine:
        return self._engine

    async def close(self) -> None:
        await self._channel.close()
