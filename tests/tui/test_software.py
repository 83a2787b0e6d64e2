"""Software: what is where beside the catalogue, and packages of it in the editor, by keys alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from deployx_tui.model.ids import PackageId
from deployx_tui.model.package import InstalledPackage, InstallerKind
from deployx_tui.model.software import PackageChoice, SoftwarePayload
from deployx_tui.tui.screens.software import SoftwarePlace
from deployx_tui.tui.widgets.field import Field
from tests.support import world
from tests.support.fake_backend import FakeBackend
from tests.support.screen import check_snapshot, press, screen_text, type_text
from tests.tui.conftest import Open

SIZES = pytest.mark.parametrize("size", [(120, 36), (80, 24)])
SEEN = world.local(2026, 3, 3, 13, 0)


def with_software(backend: FakeBackend) -> FakeBackend:
    """nginx on all of web, four of them behind; curl on some; htop, which no catalogue has."""
    made: list[InstalledPackage] = []
    for device in backend.device_rows.values():
        if "web" not in device.member_of:
            continue
        old = device.name in ("web05", "web06", "web07", "web19")
        of = [("nginx", "1.22.1-9" if old else "1.24.0-1", "1.24.0"), ("curl", "8.5.0-2", None)]
        if device.name == "web01":
            of.append(("htop", "3.2.2", None))
        made += [
            InstalledPackage(
                device=device.id,
                device_name=device.name,
                package=name,
                installer=InstallerKind.APT,
                version=version,
                wanted=wanted,
                seen_at=SEEN,
                seen_by="run 8841",
            )
            for name, version, wanted in of
        ]
    backend.packages.installed = made
    return backend


def here(pilot: Pilot[int]) -> SoftwarePlace:
    screen = pilot.app.screen
    assert isinstance(screen, SoftwarePlace)
    return screen


@SIZES
async def test_software_looks_like_this(open_app: Open, backend: FakeBackend, size: tuple[int, int]) -> None:
    with_software(backend)
    async with open_app(*size, first="artifacts") as pilot:
        await press(pilot, "s")
        check_snapshot(pilot, "software")
        assert "4 devices behind" in screen_text(pilot)


async def test_what_is_behind_comes_first_and_can_be_seen_alone(open_app: Open, backend: FakeBackend) -> None:
    with_software(backend)
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "s")
        assert [row.name for row in here(pilot).table.rows] == ["nginx", "curl", "htop", "postgresql"]
        await press(pilot, "exclamation_mark")
        assert [row.name for row in here(pilot).table.rows] == ["nginx"]
        await press(pilot, "escape", "slash", *"htop", "enter")
        assert [row.name for row in here(pilot).table.rows] == ["htop"]
        assert "no entry" in screen_text(pilot)
        await press(pilot, "y")
        assert pilot.app.clipboard == "web01 htop 3.2.2"


async def test_nothing_known_says_how_it_comes(open_app: Open, backend: FakeBackend) -> None:
    backend.packages.rows.clear()
    backend.packages.installed = []
    async with open_app(first="artifacts") as pilot:
        await press(pilot, "s")
        assert "deployx package --help" in screen_text(pilot)


async def test_packages_of_the_catalogue_are_chosen_with_a_version_and_saved(
    open_app: Open, backend: FakeBackend
) -> None:
    backend.packages.rows[PackageId(3)] = replace(backend.packages.rows[PackageId(3)], is_active=False)
    async with open_app() as pilot:
        await press(pilot, "n")
        await type_text(pilot, "web-weekly\t")
        await press(pilot, "s", "tab", "enter")
        assert "postgresql" in screen_text(pilot)
        assert "curl" not in screen_text(pilot)  # inactive ones are not offered
        await press(pilot, *"ngi", "enter", "down", "enter", *"postgres", "enter")
        assert "nginx  the catalogue's version" in screen_text(pilot)
        await press(pilot, "up", "enter", *"1.24.0", "enter")
        assert "nginx  1.24.0" in screen_text(pilot)
        pilot.app.screen.query_one("#targets", Field).focus()
        await press(pilot, *"@web", "ctrl+s")
        assert "web-weekly saved" in screen_text(pilot)
    saved = next(task for task in backend.task_rows.values() if task.name == "web-weekly")
    assert saved.draft.payload == SoftwarePayload(
        packages=(
            PackageChoice(package=PackageId(1), version="1.24.0"),
            PackageChoice(package=PackageId(2)),
        )
    )


async def test_a_version_is_taken_back_to_the_catalogues(open_app: Open, backend: FakeBackend) -> None:
    row = next(each for each in backend.task_rows.values() if each.name == "nginx-reload")
    payload = SoftwarePayload(packages=(PackageChoice(package=PackageId(1), version="1.22.1"),), deployment_name="old")
    draft = replace(row.draft, payload=payload)
    backend.task_rows[row.id] = replace(row, draft=draft, stock=backend.artifacts.stock(payload))
    async with open_app() as pilot:
        await press(pilot, "down", "down", "e")
        pilot.app.screen.query_one("#packages").focus()
        assert "nginx  1.22.1" in screen_text(pilot)
        await press(pilot, "enter", "ctrl+u", "enter", "ctrl+s")
    assert backend.task_rows[row.id].draft.payload == replace(payload, packages=(PackageChoice(package=PackageId(1)),))
