"""Completion in a real bash: whole names, quoted, and nothing of them run."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Cli
from tests.support.require import require_program

#: `deployx` is what bash completes, so a program of that name stands in the path
SCRIPT = """
printf '#!/bin/sh\nexec {python} -m deployx_tui "$@"\n' >"$HOME/deployx"; chmod +x "$HOME/deployx"; PATH=$HOME:$PATH
eval "$(deployx completion bash)"
cd "$HOME"
COMP_LINE={line}; COMP_POINT=${{#COMP_LINE}}
_deployx_completion deployx
printf '%s\n' "${{COMPREPLY[@]}}"
"""


def completed(line: str) -> list[str]:
    """What bash would put in place of its own last word."""
    script = SCRIPT.format(python=shlex.quote(sys.executable), line=shlex.quote(line))
    out = subprocess.run(
        [require_program("bash"), "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=Path(__file__).parents[3],
    )
    assert out.stderr == ""
    return out.stdout.splitlines()


@pytest.mark.parametrize(
    "name", ["z;touch made", "z`touch made`", "z$HOME", "z back\\slash", "z'quote", 'z"two', "z two words"]
)
def test_a_name_is_inserted_as_a_word_that_means_it(cli: Cli, name: str) -> None:
    cli("device", "add", name, "--transport", "local")
    (word,) = completed("deployx device show z")
    assert shlex.split(word) == [name]
    assert not (cli.folder / "home" / "made").exists()


def test_selectors_are_completed_behind_what_bash_cuts_at(cli: Cli) -> None:
    assert completed("deployx run --on web01,@st") == ["staging"]
    assert completed("deployx device show we") == ["web01", "web02"]
    assert "duplicate" in completed("deployx task ")
