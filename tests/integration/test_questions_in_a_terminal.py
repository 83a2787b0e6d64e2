"""A one-time code typed at a real terminal, through the engine's process, to a real server; and without a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.password_server import PasswordServer, password_server
from tests.support.processes import Place, only_place
from tests.support.terminal import Terminal

CODE = "918273"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with only_place(tmp_path, monkeypatch) as place:
        yield place


@pytest.fixture
def server(place: Place) -> Iterator[PasswordServer]:
    with password_server() as server:
        server.takes_passwords, server.password = False, CODE
        server.rounds = [[("Verification code: ", False)]]
        done(place, "device", "add", "web01", "--address", f"127.0.0.1:{server.port}", "--user", "deploy",
             "--host-key-policy", "accept-new")  # fmt: skip
        yield server


def done(place: Place, *arguments: str, status: int = 0) -> str:
    process = place.deployx(*arguments)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == status, (out, errors)
    return out + errors


def at_terminal(place: Place, *arguments: str) -> Terminal:
    return Terminal([sys.executable, "-m", "deployx_tui", *arguments], environment=place.environment)


def test_a_run_at_a_terminal_asks_for_the_code_and_shows_it_nowhere(place: Place, server: PasswordServer) -> None:
    with at_terminal(place, "run", "--on", "web01", "--", "echo it ran") as terminal:
        terminal.wait_for("Verification code:")
        terminal.type("000000")
        terminal.send("Enter")
        terminal.wait_for("what was answered before was refused")
        terminal.type(CODE)
        terminal.send("Enter")
        terminal.wait_for("it ran")
        shown = terminal.screen()
    assert server.told == ["000000", CODE]
    assert CODE not in shown
    assert "000000" not in shown
    kept = [path for path in place.folder.rglob("*") if path.is_file()]
    assert not [path for path in kept if CODE.encode() in path.read_bytes()], "it is written down nowhere"


def test_a_connection_test_asks_too_and_takes_a_no(place: Place, server: PasswordServer) -> None:
    with at_terminal(place, "device", "test", "web01") as terminal:
        terminal.wait_for("Verification code:")
        terminal.send("C-d")
        terminal.wait_for("it was declined")
    assert server.told == []


def test_without_a_terminal_the_target_is_refused_with_the_remedy(place: Place, server: PasswordServer) -> None:
    said = done(place, "run", "--on", "web01", "--", "true", status=1)
    assert "nobody is there" in said
    assert "run it from a terminal" in said
    assert server.told == []
