"""The app over the fake backend, with a frozen clock, in a place of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from deployx_tui.tui import bridge
from deployx_tui.tui.app import DeployxApp
from deployx_tui.tui.screens import (
    ad_hoc,
    artifact_picker,
    artifacts,
    calendar,
    device_editor,
    devices,
    editor,
    execution,
    history,
    run_strip,
    target_output,
    task_strip,
)
from deployx_tui.tui.screens.dialogs import Question
from tests.support import world
from tests.support.fake_backend import FakeBackend
from tests.support.screen import settle

Opened = AbstractAsyncContextManager[Pilot[int]]
Open = Callable[..., Opened]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's own is read or written."""
    for name in ("DEPLOYX_DATA", "DEPLOYX_CONFIG_DIR", "DEPLOYX_RUNTIME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.delenv("NO_COLOR", raising=False)
    # the deaf time has a test of its own
    monkeypatch.setattr(Question, "DEAF", 0.001)
    # the pauses that spare the backend while a person moves: shorter than a look of `settle`
    monkeypatch.setattr(task_strip, "REST", 0.01)
    for place in (ad_hoc, artifact_picker, calendar, device_editor, devices, history, run_strip, target_output):
        monkeypatch.setattr(place, "STILL", 0.01)
    for place in (artifacts, calendar, devices, history, execution):
        monkeypatch.setattr(place, "EVERY", 0.01)
    monkeypatch.setattr(editor, "DEBOUNCE", 0.01)
    monkeypatch.setattr(bridge, "GATHER", 0.005)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def open_app(backend: FakeBackend) -> Open:
    """`async with open_app(120, 36) as pilot:` with everything read and drawn."""

    @asynccontextmanager
    async def open_at(width: int = 120, height: int = 36, first: str = "tasks") -> AsyncIterator[Pilot[int]]:
        async def connect() -> FakeBackend:
            return backend

        app = DeployxApp(connect, connection="prod", zone=world.ZONE, clock=lambda: world.NOW, first=first)
        async with app.run_test(size=(width, height)) as pilot:
            await settle(pilot)
            yield pilot

    return open_at
