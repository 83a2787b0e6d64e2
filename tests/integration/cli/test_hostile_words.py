"""Bytes that are no text, databases where none can be, an engine that is silent, and output that attacks a terminal."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deployx_tui.service import process
from tests.integration.cli.conftest import Cli
from tests.support.processes import Place, this_machine

DEPLOYX = [sys.executable, "-m", "deployx_tui"]


def deployx(place: Place, *arguments: bytes | str, **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*DEPLOYX, *arguments], env={**place.environment, **more}, capture_output=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--on", "here", "--", b"echo \xff"],
        ["run", "--on", b"\xff", "--", "true"],
        ["device", "add", b"\xff", "--address", "127.0.0.1"],
    ],
)
def test_words_that_are_not_utf_8_are_refused_in_a_line(tmp_path: Path, words: list[bytes | str]) -> None:
    answer = deployx(Place(tmp_path), *words)
    assert answer.returncode == 2
    assert b"not UTF-8" in answer.stderr
    assert b"Traceback" not in answer.stderr


def test_a_database_that_can_not_be_made_is_refused_with_its_place(tmp_path: Path) -> None:
    answer = deployx(Place(tmp_path), "--db", "sqlite:////proc/x.db", "device", "add", "x", "--transport", "local")
    assert answer.returncode == 5
    assert b"/proc/x.db can't be created" in answer.stderr


def test_json_of_hostile_output_is_ascii(cli: Cli) -> None:
    attack = r"\302\233 31mX\302\235 0;TITLE\302\234 \342\200\256bidi \177del\n"
    answer = cli("run", "--on", "web01", "--json", "--", f"printf '{attack}'")
    assert all(0x20 <= byte < 0x7F or byte == 0x0A for byte in answer.raw)
    assert any("\u202ebidi \x7fdel" in line.get("text", "") for line in answer.lines)


async def test_an_engine_that_does_not_answer_is_told_and_not_waited_for_again(tmp_path: Path) -> None:
    place = Place(tmp_path)
    async with process.backend_for(place.settings()) as backend:
        await this_machine(backend)
        pid = (await backend.engine.status()).pid
        os.kill(pid, signal.SIGSTOP)
        try:
            answer = await asyncio.to_thread(deployx, place, "task", "pause", "1")
        finally:
            os.kill(pid, signal.SIGCONT)
        assert answer.returncode == 5
        assert b"did not answer" in answer.stderr
