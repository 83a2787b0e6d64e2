"""The demo's own way to leave: what runs ends with it, and that is said first."""

from __future__ import annotations

import pytest

from deployx_tui.demo.card import DemoCard
from deployx_tui.demo.screens import DemoApp
from tests.support.fake_backend import FakeBackend
from tests.support.screen import press, screen_text, sees, settle, until


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_what_runs_ends_with_the_demo_and_that_is_said_before(
    backend: FakeBackend, size: tuple[int, int]
) -> None:
    app = _demo(backend)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, DemoCard))
        await press(pilot, "enter")
        await sees(pilot, "F9 stop all")
        await pilot.press("Q")
        await sees(pilot, "2 runs of the demo are going on; they end with it.")
        await settle(pilot)
        await press(pilot, "escape")
        assert app.is_running
        assert "Quit the demo" not in screen_text(pilot)
        await pilot.press("Q")
        await sees(pilot, "Quit the demo")
        await settle(pilot)
        await pilot.press("Q")
        await until(pilot, lambda: app.return_code == 0, "the end")


async def test_a_demo_in_which_nothing_runs_ends_at_once(backend: FakeBackend) -> None:
    for number in (8841, 8842):
        backend.finish_run(number)
    app = _demo(backend)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, DemoCard))
        await press(pilot, "enter")
        await sees(pilot, "nothing runs")
        await pilot.press("Q")
        await until(pilot, lambda: app.return_code == 0, "the end")


def _demo(backend: FakeBackend) -> DemoApp:
    async def connect() -> FakeBackend:
        return backend

    return DemoApp(connect, "These hosts are made for this test.")
