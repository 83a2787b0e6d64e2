"""The proof itself: with one login shell it shows what it claims; nothing is left when it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.proof.search import Place, files, search
from tests.proof.spelled import printed, traces
from tests.proof.transcript import Transcript
from tests.support.require import require, require_program

PROOF = [sys.executable, "-m", "tests.proof"]
ROOT = Path(__file__).parents[2]
SECRET = 'it\'s "the" first & <only> line of it, a long one\nsecond line'


def begin(*more: str) -> subprocess.Popen[str]:
    require(os.geteuid() == 0, "root")
    for program in ("fish", "sudo"):
        require_program(program)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEPLOYX_")}
    return subprocess.Popen([*PROOF, *more], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    "options",
    [
        ["--shells", "fish", "--only", "secret"],
        pytest.param(["--kills", "3"], marks=[pytest.mark.long, pytest.mark.timeout(1200)]),
    ],
    ids=["one login shell", "six login shells"],
)
def test_every_claim_is_so(tmp_path: Path, options: list[str]) -> None:
    proof = begin(*options, "--to", str(tmp_path / "proof.txt"))
    said, _ = proof.communicate()
    assert proof.returncode == 0, said
    assert "NOT SO" not in said
    assert "left out" not in said
    claims = [
        "is the secret in any of these",
        "the commands ran as root, by sudo with a password",
        "no account, sudo rule, process and folder of this is left",
    ]
    if "--only" not in options:
        claims += ["as root, by sudo: none of them lives", "every byte of both streams is kept"]
    for claim in claims:
        assert claim in said
    assert (tmp_path / "proof.txt").read_text().strip() == said.strip()


def test_a_signal_ends_it_and_what_it_made_is_gone() -> None:
    proof = begin("--shells", "fish")
    assert proof.stdout is not None
    said = ""
    for line in proof.stdout:
        said += line
        if "it has printed, and waits" in line:  # an account, its rule, an engine, and a command of root that runs
            proof.send_signal(signal.SIGTERM)
            break
    account = next(word.partition(":")[0] for word in said.split() if word.startswith("dxsudo"))
    said += proof.communicate()[0]
    assert proof.returncode == 128 + signal.SIGTERM
    assert "[so] no account, sudo rule, process and folder of this is left" in said
    assert f"\n{account}:" not in Path("/etc/passwd").read_text()


@pytest.mark.parametrize("label", printed(SECRET))
def test_a_search_finds_each_spelling(label: str) -> None:
    content = b"around" + printed(SECRET)[label] + b"around"
    found = search(Place("here", content), {"it": SECRET}, SECRET)
    assert any(leak.startswith("it: whole, ") for leak in found.leaks)
    assert found.sees
    assert not search(Place("here", b"around"), {"it": SECRET}, SECRET).sees


def test_a_search_looks_into_what_is_compressed(tmp_path: Path) -> None:
    trace = traces(SECRET)["line 2, raw"]
    (tmp_path / "a.pack").write_bytes(b"x\x78\x01x" + zlib.compress(b"no") + zlib.compress(trace) + b"x\x9cx")
    assert trace in files(tmp_path)


def test_a_claim_that_is_not_so_is_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    transcript = Transcript()
    assert transcript.verdict() == 1, "nothing was shown"
    transcript.claim("it holds", True)
    assert transcript.verdict() == 0
    transcript.claim("it leaks", False, ["where"])
    assert transcript.verdict() == 1
    assert "[NOT SO] it leaks: ['where']" in capsys.readouterr().out
