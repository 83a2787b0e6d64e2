"""The first start, and pictures of the program."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from deployx_tui.tui import screenshots
from deployx_tui.tui.screenshots import capture
from deployx_tui.tui.welcome import Beginning, Begun, Welcome, offered
from tests.support.fake_backend import FakeBackend
from tests.support.history_world import with_history
from tests.support.screen import settle
from tests.support.world import NOW, ZONE


def welcome(hosts: int = 14) -> Welcome:
    return Welcome("/home/carol/.local/share/deployx/deployx.db", hosts, zone=ZONE, clock=lambda: NOW)


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (("enter",), Beginning.START),
        (("down", "enter"), Beginning.IMPORT),
        (("up", "enter"), Beginning.DEMO),
        (("down", "Q"), None),
    ],
)
async def test_what_is_chosen_comes_back(keys: tuple[str, ...], chosen: Beginning | None) -> None:
    app = welcome()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys)
    assert app.return_value is chosen


def test_hosts_are_offered_only_where_there_are_some() -> None:
    assert offered(0) == (Beginning.START, Beginning.DEMO)
    assert offered(1) == tuple(Beginning)


async def test_it_says_what_each_choice_writes() -> None:
    app = welcome()
    async with app.run_test(size=(80, 24)) as pilot:
        text = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "nothing is written before you choose" in text
        assert "1  makes  /home/carol/.local/share/deployx/deployx.db  for you alone (0600)" in text
        await pilot.press("down")
        await pilot.pause()
        text = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "14 hosts in ~/.ssh/config" in text
        assert "the file is read and never changed" in text


async def test_after_the_choice_the_hosts_are_there_to_choose_from() -> None:
    backend = FakeBackend()
    asked: list[FakeBackend] = []

    async def connect() -> FakeBackend:
        asked.append(backend)
        return backend

    app = Begun(connect, Beginning.IMPORT, zone=ZONE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "3 hosts, 3 new" in text
        assert len(asked) == 1  # one engine, not one for each class of the program


async def test_each_screen_is_photographed_without_asking_the_net(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screenshots, "SIZES", ((80, 24),))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # the painting is not ours
    backend = with_history(FakeBackend())
    written = await capture(backend, tmp_path, zone=ZONE, clock=lambda: NOW)
    names = {path.stem.removesuffix("_80x24") for path in written}
    assert names == {
        "tasks", "task_editor", "calendar", "history", "execution", "devices", "connection_test", "help", "welcome",
        "credentials", "artifacts",
    }  # fmt: skip
    assert not backend.closed
    for path in written:
        assert not re.search(r"url\((?!#)|@import|@font-face", path.read_text())
    assert "web-config-sync" in (tmp_path / "execution_80x24.svg").read_text().replace("&#160;", " ")
