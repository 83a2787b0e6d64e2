"""The harness for tests in a real terminal does what it says."""

from __future__ import annotations

from tests.support.terminal import Terminal


def test_keys_reach_the_program_and_its_screen_is_read() -> None:
    with Terminal(["sh", "-c", "read line; echo got:$line; exit 7"], columns=80, rows=24) as terminal:
        terminal.type("a; b")
        terminal.send("Enter")
        terminal.wait_for("got:a; b")
        assert terminal.wait_dead() == 7
