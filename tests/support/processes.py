"""Engines in processes of their own: a place for one, a face to kill, and waiting for an end by the kernel's word."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployx_tui import config
from deployx_tui.config import Settings
from deployx_tui.model.device import Device, DeviceDraft, TransportKind
from deployx_tui.service.backend import Backend
from deployx_tui.service.sockets import listener_at

#: what never happens takes so long
LONG = 60.0


@dataclass
class Place:
    """Folders of its own for one database and its engine, as environment variables."""

    folder: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DEPLOYX_DATA": str(self.folder / "data"),
            "DEPLOYX_CONFIG_DIR": str(self.folder / "config"),
            "DEPLOYX_RUNTIME": str(self.folder / "run"),
            "DEPLOYX_LINGER": "1s",
            "DEPLOYX_TIMEZONE": "Europe/Berlin",
            **self.more,
        }

    def settings(self, **flags: object) -> Settings:
        return config.load(
            {"db": f"sqlite:///{self.folder / 'data' / 'deployx.db'}", **flags}, environment=self.environment
        )

    @property
    def engine_socket(self) -> Path:
        return self.settings().socket_path

    def run(self, script: str, **more: str) -> subprocess.Popen[str]:
        """A Python process of this place."""
        return self._start(["-c", textwrap.dedent(script)], more)

    def deployx(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """The program itself."""
        return self._start(["-m", "deployx_tui", *arguments], more)

    def _start(self, arguments: list[str], more: dict[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            env={**self.environment, **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @contextmanager
    def serving(self, **more: str) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
        """`--serve` in this place, ready, with what it tells its manager; ended afterwards, however the test went."""
        with listening_for_readiness(self.folder / "notify") as notify:
            process = self.deployx("--serve", **{"NOTIFY_SOCKET": str(self.folder / "notify"), **more})
            try:
                said = next_message(notify)
                assert said.startswith("READY=1"), said
                yield process, notify
            finally:
                if process.poll() is None:
                    process.kill()
                    process.communicate()


@contextmanager
def only_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A place that this process knows of too; an engine that a failed test left there is killed."""
    place = Place(folder)
    for name, value in place.environment.items():
        if name.startswith("DEPLOYX_"):
            monkeypatch.setenv(name, value)
    yield place
    left = listener_at(place.engine_socket)
    if left is not None:
        kill(left.pid)


@contextmanager
def listening_for_readiness(path: Path) -> Iterator[socket.socket]:
    """What a service manager would hear."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(LONG)
        yield notify


def next_message(notify: socket.socket) -> str:
    return notify.recv(4096).decode()


async def ended(pid: int) -> None:
    """Until this process is no more. TimeoutError when it stays."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        readable, _, _ = await asyncio.to_thread(select.select, [descriptor], [], [], LONG)
    finally:
        os.close(descriptor)
    if not readable:
        raise TimeoutError(f"process {pid} did not end")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


async def this_machine(backend: Backend, name: str = "here") -> Device:
    return await backend.devices.create(DeviceDraft(name=name, address="localhost", transport=TransportKind.LOCAL))
