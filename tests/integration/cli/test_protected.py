"""Acts on a protected group: asked about at a terminal, refused without one unless --yes says so."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Cli
from tests.integration.cli.test_credential import read_until


@pytest.fixture
def guarded(cli: Cli) -> Cli:
    cli("group", "edit", "web", "--protected")
    return cli


@pytest.mark.parametrize(
    "act",
    [
        ("run", "--on", "web01", "--", "touch", "ran"),
        ("task", "run", "nightly-backup"),
        ("task", "run", "nightly-backup", "--on", "web02"),
        ("execution", "rerun", "1"),
    ],
)
def test_without_a_terminal_it_is_refused_and_nothing_runs(guarded: Cli, act: tuple[str, ...]) -> None:
    before = guarded("execution", "list", "--json").document
    answer = guarded(*act, status=2)
    assert "--yes" in answer.err
    assert "protected: web" in answer.err
    assert guarded("execution", "list", "--json").document == before


def test_with_yes_it_runs(guarded: Cli) -> None:
    assert "web01 │ hello" in guarded("run", "--on", "web01", "--yes", "--", "echo hello").out


def test_what_is_in_no_protected_group_is_not_asked_about(guarded: Cli) -> None:
    guarded("run", "--on", "db01", "--", "true")
    guarded("task", "add", "other", "--on", "db01", "--command", "true", "--daily", "03:00")
    guarded("task", "run", "other", "--wait")


@pytest.mark.parametrize(
    ("on", "wanted", "answer", "status"), [("@web", "2", "2", 0), ("@web", "2", "3", 130), ("web01", "web01", "y", 130)]
)
def test_at_a_terminal_the_count_or_the_name_is_typed(
    guarded: Cli, on: str, wanted: str, answer: str, status: int
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "deployx_tui", "--in-process", "run", "--on", on, "--", "echo", "it", "ran"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        cwd=Path(__file__).parents[3],
    )
    os.close(theirs)
    shown = read_until(ours, f"Type {wanted} to do it: ".encode())
    assert b"protected: web" in shown
    os.write(ours, f"{answer}\n".encode())
    after = read_until(ours, None)
    assert process.wait(60) == status
    assert (b"it ran" in after) == (status == 0)
    os.close(ours)
