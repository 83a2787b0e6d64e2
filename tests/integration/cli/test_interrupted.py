"""Runs that do not end by themselves: an engine that is killed, a person who presses ctrl-c. Real processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployx_tui.service.sockets import listener_at
from tests.support.processes import LONG, Place, ended, is_alive, kill, only_place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with only_place(tmp_path, monkeypatch) as place:
        yield place


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    """Where a command on the target writes its pid; nothing of it stays behind."""
    path = tmp_path / "pid"
    yield path
    if path.exists() and path.read_text().strip():
        kill(int(path.read_text()))


def said(process: subprocess.Popen[str], status: int = 0) -> str:
    out, errors = process.communicate(timeout=LONG)
    assert process.returncode == status, (out, errors)
    return out


async def pid_in(path: Path) -> int:
    async with asyncio.timeout(LONG):
        while not (path.exists() and path.read_text().endswith("\n")):
            await asyncio.sleep(0.02)
    return int(path.read_text())


def is_shown_by_ps(pid: int) -> bool:
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(shown.stdout.strip()) and not shown.stdout.startswith("Z")


async def test_following_a_run_whose_engine_was_killed_says_lost_with_6(place: Place, pid_file: Path) -> None:
    said(place.deployx("device", "add", "here", "--transport", "local"))
    command = f"echo $$ > {pid_file}; exec sleep 1000"
    number = said(place.deployx("run", "--on", "here", "--detach", "--", command)).strip()
    await pid_in(pid_file)
    engine = listener_at(place.engine_socket)
    assert engine is not None
    kill(engine.pid)
    await ended(engine.pid)
    assert "lost" in said(place.deployx("execution", "follow", number), status=6)
    # and it stays so, without an engine that would have to be asked
    assert "lost" in said(place.deployx("execution", "follow", number), status=6)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_ctrl_c_or_an_end_cancels_the_run_on_its_target_and_ends_with_130(
    place: Place, pid_file: Path, number: signal.Signals
) -> None:
    said(place.deployx("device", "add", "here", "--transport", "local"))
    face = place.deployx("run", "--on", "here", "--", f"echo $$ > {pid_file}; exec sleep 1000")
    target = await pid_in(pid_file)
    assert is_shown_by_ps(target)
    # what a terminal does: the whole foreground group gets it
    os.killpg(face.pid, number)
    out, errors = await asyncio.to_thread(face.communicate, timeout=LONG)
    assert face.returncode == 130, (out, errors)
    assert not is_shown_by_ps(target)
    assert not is_alive(target)
    assert "cancelled" in out
    assert "killed" in out
    assert "Traceback" not in errors
    assert "cancelled" in said(place.deployx("execution", "show", "1"))


async def test_looking_at_a_database_that_nobody_has_made_makes_none_and_says_so(place: Place) -> None:
    looking = place.deployx("task", "list", "--json")
    out, errors = await asyncio.to_thread(looking.communicate, timeout=LONG)
    path = place.folder / "data" / "deployx.db"
    assert (looking.returncode, json.loads(out)) == (0, []), errors
    assert f"there is no database at {path}; the first change makes it" in errors
    assert not path.parent.exists()


async def test_a_mistyped_folder_of_a_database_is_no_empty_database(place: Place, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    looking = place.deployx("--db", f"sqlite:///{nowhere / 'x.db'}", "task", "list")
    out, errors = await asyncio.to_thread(looking.communicate, timeout=LONG)
    assert (looking.returncode, out) == (5, "")
    assert f"there is no folder {nowhere} for the database" in errors
    assert not nowhere.exists()
