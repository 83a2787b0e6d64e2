"""Every name, error and output that comes from outside is shown on every screen, and none of it gets out."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest

from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.payload import CommandPayload, Line, Script
from deployx_tui.tui.app import DeployxApp
from deployx_tui.tui.places import TABS
from tests.support import world
from tests.support.fake_backend import FakeBackend
from tests.support.hostile import HOSTILE
from tests.support.screen import press, screen_text, settle

FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def hostile_backend() -> FakeBackend:
    """All of the world's texts are attacks."""
    backend = FakeBackend()
    for index, task in enumerate(list(backend.task_rows.values())):
        text = HOSTILE[index % len(HOSTILE)]
        body = Script(f"{text}\n{text}") if index % 2 else Line(text)
        last = task.last if task.last is None else replace(task.last, why=text, status=ExecutionStatus.FAILED)
        payload = CommandPayload(body=body, environment=(("A", text),), working_directory=text)
        draft = replace(task.draft, name=text, payload=payload, tags=frozenset({text}), description=text)
        backend.task_rows[task.id] = replace(task, draft=draft, owner=text, last=last)
    for index, run in enumerate(list(backend.execution_rows.values())):
        text = HOSTILE[index % len(HOSTILE)]
        backend.execution_rows[run.id] = replace(
            run, task_name=text, error_message=text, summary=text, started_by=text, wait_reason=text
        )
    for index, device in enumerate(list(backend.device_rows.values())):
        text = HOSTILE[index % len(HOSTILE)]
        backend.device_rows[device.id] = replace(
            device, draft=replace(device.draft, address=text, description=text, tags=frozenset({text}))
        )
    return backend


def assert_harmless(text: str) -> None:
    found = {hex(ord(c)) for c in text if c != "\n" and unicodedata.category(c) in FORBIDDEN}
    assert not found


async def open_with(backend: FakeBackend, first: str) -> DeployxApp:
    async def connect() -> FakeBackend:
        return backend

    return DeployxApp(connect, zone=world.ZONE, clock=lambda: world.NOW, first=first)


@pytest.mark.parametrize("tab", [tab.id for tab, _ in TABS])
async def test_no_screen_lets_hostile_text_out(tab: str) -> None:
    app = await open_with(hostile_backend(), tab)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        assert_harmless(screen_text(pilot))
        for _ in range(2):
            await press(pilot, "pagedown")
            assert_harmless(screen_text(pilot))
        await press(pilot, "home", "enter")
        assert_harmless(screen_text(pilot))


async def test_editor_questions_and_words_let_nothing_out() -> None:
    app = await open_with(hostile_backend(), "tasks")
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        for _ in range(2):
            await press(pilot, "e")
            assert_harmless(screen_text(pilot))
            await press(pilot, "escape", "x")
            assert_harmless(screen_text(pilot))
            await press(pilot, "escape", "p")
            assert_harmless(screen_text(pilot))
            await press(pilot, "y", "down")
            assert_harmless(screen_text(pilot))
        await press(pilot, "colon")
        assert_harmless(screen_text(pilot))
