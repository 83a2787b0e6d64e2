"""The built program in a real terminal: start, attach, resize, quit with work running, a terminal that dies."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.model.schedule import Daily, Schedule
from deployx_tui.model.task import TaskDraft
from deployx_tui.service.process import backend_for
from tests.support.processes import Place, ended, this_machine
from tests.support.terminal import Terminal

DEPLOYX = [sys.executable, "-m", "deployx_tui"]


class Home(Place):
    """A place with a command line and the screens."""

    def say(self, *arguments: str) -> str:
        done = subprocess.run(
            [*DEPLOYX, *arguments], env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.say(*arguments, "--json"))

    def screens(self, columns: int = 120, rows: int = 36, *options: str, **more: str) -> Terminal:
        return Terminal([*DEPLOYX, *options], columns=columns, rows=rows, environment=self.environment | more)

    @property
    def database(self) -> Path:
        return self.folder / "data" / "deployx.db"

    def engine_pid(self) -> int:
        with sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True) as connection:
            (pid,) = connection.execute(
                "SELECT pid FROM engines JOIN holder ON holder.engine_id = engines.id"
            ).fetchone()
        return int(pid)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    place = Home(tmp_path)
    asyncio.run(seed(place))
    yield place


async def seed(place: Home) -> None:
    async with backend_for(place.settings(), in_process=True) as backend:
        here = await this_machine(backend)
        for number in (1, 2, 3):
            await backend.tasks.create(
                TaskDraft(
                    name=f"job-{number:02}",
                    schedule=Schedule(recurrence=Daily((time(3),)), zone="Europe/Berlin"),
                    payload=CommandPayload(body=Line(f"echo said {number}")),
                    device_ids=(here.id,),
                )
            )


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A pipe that holds a command until somebody writes to it."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def open_gate(path: Path) -> None:
    path.write_text("go\n")


@pytest.mark.parametrize(("columns", "rows"), [(120, 36), (80, 24)])
def test_the_tasks_stand_on_the_first_screen_at_both_sizes(home: Home, columns: int, rows: int) -> None:
    with home.screens(columns, rows) as terminal:
        screen = terminal.wait_for("job-01", "job-02", "job-03", "NEXT RUN")
        assert ("SCHEDULE" in screen) == (columns == 120)
        assert all(len(line) <= columns for line in screen.splitlines())


def test_without_colour_no_colour_is_sent_and_the_cursor_is_seen(home: Home) -> None:
    with home.screens(NO_COLOR="1") as terminal:
        terminal.wait_for("engine up", "▌", "job-01")
        sent = {number for numbers in re.findall(r"\x1b\[([\d;:]*)m", terminal.raw()) for number in numbers.split(";")}
        assert sent <= {"", "0", "1", "2", "3", "4", "7", "39", "49"}, "weights, reverse and the terminal's own colours"
        assert "7" in sent, "the row under the cursor is reversed"


@pytest.mark.long
@pytest.mark.parametrize("kind", ["dumb", "vt100", "linux"])
def test_the_screens_are_there_whatever_the_terminal_says_of_itself(home: Home, kind: str) -> None:
    command = ["env", f"TERM={kind}", *DEPLOYX]
    with Terminal(command, columns=120, rows=36, environment=home.environment) as terminal:
        terminal.wait_for("engine up", "▌", "job-01")


def test_a_terminal_that_changes_its_size_is_painted_anew(home: Home) -> None:
    with home.screens() as terminal:
        terminal.wait_for("job-03", "SCHEDULE")
        for _ in range(2):
            terminal.resize(80, 24)
            terminal.wait_for("job-03", absent=["SCHEDULE"])
            terminal.resize(120, 36)
            terminal.wait_for("job-03", "SCHEDULE")


def test_the_size_is_the_terminals_whatever_a_shell_has_exported(home: Home) -> None:
    with home.screens(120, 36, COLUMNS="80", LINES="24") as terminal:
        terminal.wait_for("job-03", "SCHEDULE")


def test_two_terminals_share_one_engine_and_see_each_others_runs(home: Home) -> None:
    with home.screens() as one:
        one.wait_for("job-01")
        pid = home.engine_pid()
        with home.screens() as two:
            two.wait_for("job-01")
            assert home.engine_pid() == pid
            two.send("4")
            two.wait_for("History")
            one.send("x")
            one.wait_for("Run job-01 now")
            choose(one, "run ")
            two.wait_for("#1", "job-01", "succeeded")


def quit_now(terminal: Terminal) -> None:
    """Leave, and answer the question about the tasks that are due."""
    terminal.send("Q")
    terminal.wait_for("Quit deployx", "the engine ends with this terminal")
    point_at(terminal, "quit ")
    # it listens, or the cursor would not have moved
    terminal.send("Enter")
    assert terminal.wait_dead() == 0


def test_in_one_process_beside_an_engine_is_refused_before_anything_is_drawn(home: Home) -> None:
    with home.screens() as first:
        first.wait_for("engine up", "job-01")
        with home.screens(120, 36, "--in-process") as second:
            assert second.wait_dead() == 5
            said = second.screen().replace("\n", "")  # a terminal breaks lines anywhere
        quit_now(first)
    assert "leave --in-process out: plain deployx attaches to it" in said
    assert "NEXT RUN" not in said


def test_in_one_process_the_screens_show_the_tasks(home: Home) -> None:
    with home.screens(120, 36, "--in-process") as terminal:
        terminal.wait_for("engine up", "job-01", "job-03")
        quit_now(terminal)


def test_quitting_while_work_runs_asks_and_waiting_loses_nothing(home: Home, gate: Path) -> None:
    with home.screens() as terminal:
        terminal.wait_for("job-01")
        home.say("run", "--on", "here", "--detach", "--", f"cat {gate}")
        terminal.wait_for("#1")
        terminal.send("Q")
        terminal.wait_for("1 run is not over", "wait", "cancel", "leave")
        choose(terminal, "stay here")
        terminal.wait_for("NEXT RUN", absent=["leave it"])
        terminal.send("Q")
        terminal.wait_for("wait", "cancel", "leave")
        choose(terminal, "wait ")
        terminal.wait_for("waiting for what runs")
        open_gate(gate)
        assert terminal.wait_dead() == 0
    assert home.json("execution", "show", "1")["outcome"] == "succeeded"


def test_a_terminal_that_dies_leaves_its_work_running_until_it_is_done(home: Home, gate: Path) -> None:
    with home.screens() as terminal:
        terminal.wait_for("job-01")
        home.say("run", "--on", "here", "--detach", "--", f"cat {gate}")
        terminal.wait_for("#1")
        engine = home.engine_pid()
        os.kill(terminal.pid, signal.SIGHUP)
        terminal.wait_dead()
    os.kill(engine, 0)  # it is there
    open_gate(gate)
    asyncio.run(ended(engine))
    assert home.json("execution", "show", "1")["outcome"] == "succeeded"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_the_screens_gives_the_terminal_back(home: Home, number: signal.Signals) -> None:
    shell = f"{shlex.join(DEPLOYX)}; echo ended with $?; stty -a; cat"
    with Terminal(["sh", "-c", shell], environment=home.environment) as terminal:
        terminal.wait_for("job-01")
        assert terminal.modes() == "1:1"
        (screens,) = Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text().split()
        os.kill(int(screens), number)
        screen = terminal.wait_for(f"ended with {128 + number}", " echo ", absent=["job-01"])
        assert terminal.modes() == "0:0"
        assert "-echo " not in screen


def test_keys_move_the_cursor_while_another_program_holds_the_database(home: Home) -> None:
    with home.screens() as terminal:
        terminal.wait_for("job-01")
        held, released = threading.Event(), threading.Event()

        def hold() -> None:
            connection = sqlite3.connect(home.database, isolation_level=None, timeout=30)
            connection.execute("BEGIN EXCLUSIVE")
            held.set()
            released.wait(5)
            connection.execute("ROLLBACK")
            connection.close()

        holder = threading.Thread(target=hold)
        holder.start()
        assert held.wait(30)
        try:
            terminal.send("Down")
            terminal.send("Down")
            terminal.wait_for("▌  ○ job-03", seconds=4)
            assert holder.is_alive(), "the database was free again before the keys moved"
        finally:
            released.set()
            holder.join()


def choose(terminal: Terminal, answer: str) -> None:
    """Take an answer of a dialog."""
    for _ in range(50):
        point_at(terminal, answer)
        terminal.send("Enter")
        with suppress(AssertionError):
            terminal.wait_for(absent=[f"▌ {answer}"], seconds=0.2)
            return
    raise AssertionError(f"{answer!r} is not taken on:\n{terminal.screen()}")


def point_at(terminal: Terminal, answer: str) -> None:
    """The cursor to an answer. A dialog ignores keys at first: one meant for the screen below decides nothing."""
    for _ in range(50):
        if f"▌ {answer}" in terminal.screen():
            return
        terminal.send("Down")
        with suppress(AssertionError):
            terminal.wait_for(f"▌ {answer}", seconds=0.2)
            return
    raise AssertionError(f"no answer {answer!r} on:\n{terminal.screen()}")
