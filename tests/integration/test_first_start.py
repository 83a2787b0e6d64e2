"""The first start in a real terminal: how to begin is asked before anything is written."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import Place
from tests.support.terminal import Terminal

DEPLOYX = [sys.executable, "-m", "deployx_tui"]


@pytest.fixture
def place() -> Iterator[Place]:
    """A place without a database, short enough to be read on the screen; two hosts in ~/.ssh/config."""
    with tempfile.TemporaryDirectory(prefix="dx-", dir="/tmp", ignore_cleanup_errors=True) as name:
        ssh = Path(name) / "home" / ".ssh"
        ssh.mkdir(parents=True, mode=0o700)
        (ssh / "config").write_text("Include more\nHost *\n  User deploy\nHost bastion\n  HostName 192.0.2.1\n")
        (ssh / "more").write_text("Host git !old *.example\n  HostName 192.0.2.2\n")
        # what would name another database or engine is not taken along
        free = dict.fromkeys(("DEPLOYX_DB", "DEPLOYX_URL", "DEPLOYX_CONFIG"), "")
        yield Place(Path(name), {**free, "HOME": str(Path(name) / "home")})


def test_leaving_the_first_screen_leaves_nothing_behind(place: Place) -> None:
    with Terminal(DEPLOYX, columns=80, rows=24, environment=place.environment) as terminal:
        screen = terminal.wait_for("HOW DO YOU WANT TO BEGIN")
        assert "2 hosts in ~/.ssh/config" in screen
        assert f"makes  {place.folder}/data/deployx.db  for you alone (0600)" in screen
        terminal.send("Q")
        assert terminal.wait_dead() == 0
    assert sorted(path.name for path in place.folder.iterdir()) == ["home"]


@pytest.mark.parametrize(
    ("flags", "environment", "has_colors"),
    [([], {}, True), (["--no-color"], {}, False), ([], {"DEPLOYX_COLOR": "never"}, False)],
)
def test_no_color_is_heeded_as_a_flag_and_as_a_setting(
    place: Place, flags: list[str], environment: dict[str, str], has_colors: bool
) -> None:
    with Terminal([*DEPLOYX, *flags], environment={**place.environment, **environment}) as terminal:
        terminal.wait_for("HOW DO YOU WANT TO BEGIN")
        assert bool(tones(terminal.raw())) == has_colors
        terminal.send("Q")
        assert terminal.wait_dead() == 0


def tones(drawn: str) -> set[int]:
    """The colours on a screen that are no grey, as numbers of the 256 that tmux draws with."""
    greys = {0, 7, 8, 15, 16, 59, 102, 145, 188, *range(231, 256)}
    return {int(number) for number in re.findall(r"\x1b\[[34]8;5;(\d+)m", drawn)} - greys


def test_hosts_are_taken_over_and_the_next_start_asks_nothing(place: Place) -> None:
    with Terminal(DEPLOYX, environment=place.environment) as terminal:
        terminal.wait_for("HOW DO YOU WANT TO BEGIN")
        terminal.send("Down", "Enter")
        terminal.wait_for("2 hosts, 2 new", "bastion", "git")
        assert (place.folder / "data" / "deployx.db").stat().st_mode & 0o777 == 0o600
        terminal.send("Q")
        assert terminal.wait_dead() == 0
    with Terminal(DEPLOYX, environment=place.environment) as terminal:
        screen = terminal.wait_for("local ●", "Tasks")
        assert "HOW DO YOU WANT TO BEGIN" not in screen
        terminal.send("Q")
        assert terminal.wait_dead() == 0


def test_an_engine_elsewhere_has_its_database_already(place: Place) -> None:
    there = ["--connect", f"unix://{place.folder}/none.sock"]
    with Terminal([*DEPLOYX, *there], environment=place.environment) as terminal:
        terminal.wait_for("Tasks", absent=["HOW DO YOU WANT TO BEGIN"])
        terminal.send("Q")
        assert terminal.wait_dead() == 0
    assert not (place.folder / "data").exists()


@pytest.mark.long
def test_the_demo_can_be_begun_with_and_makes_no_database_here(place: Place) -> None:
    with Terminal(DEPLOYX, columns=80, rows=24, environment=place.environment) as terminal:
        terminal.wait_for("HOW DO YOU WANT TO BEGIN")
        terminal.send("Up", "Enter")
        terminal.wait_for("demo ●", "web-disk-check", seconds=120)
        terminal.send("Q")
        assert terminal.wait_dead(120) == 0
    assert sorted(path.name for path in place.folder.iterdir()) == ["home"]
