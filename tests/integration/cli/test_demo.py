"""`deployx demo`: the main job on a fleet of one's own, and nothing left of it afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployx_tui.demo.lodging import remove_abandoned
from tests.support.terminal import Terminal

DEMO = [sys.executable, "-m", "deployx_tui", "demo", "--check"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An account whose own configuration would break every connection, if it were read."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True, mode=0o700)
    (folder / ".ssh" / "config").write_text("Host *\n  ProxyCommand false\n  HostName 192.0.2.1\n")
    (folder / ".ssh" / "known_hosts").write_text("* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAA\n")
    (folder / "deployx.toml").write_text("nonsense = 1\n")
    # its own, to see that it is empty afterwards; short, as a socket's path has to be
    place = Path(tempfile.mkdtemp(prefix="dx-", dir="/tmp"))
    before = _look(folder)
    yield {
        **os.environ,
        "HOME": str(folder),
        "TMPDIR": str(place),
        "DEPLOYX_CONFIG": str(folder / "deployx.toml"),
        "DEPLOYX_DB": "sqlite:////nonexistent/deployx.db",
        "DEPLOYX_URL": "unix:///nonexistent.sock",
        "SSH_AUTH_SOCK": "/nonexistent.sock",
    }
    assert _look(folder) == before
    assert _processes(place) == []
    place.rmdir()


def _look(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def _processes(folder: Path) -> list[str]:
    """Command lines that name something in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def test_the_check_runs_a_task_on_twenty_hosts_and_leaves_nothing(home: dict[str, str]) -> None:
    out = subprocess.run(DEMO, env=home, capture_output=True, text=True, timeout=200, check=False)
    assert out.returncode == 0, out
    rows = [line.split() for line in out.stdout.splitlines()]
    assert rows[0] == ["DEVICE", "STATE", "EXIT", "TOOK", "SAID"]
    assert [row[1:3] for row in rows[1:21]] == [["succeeded", "0"]] * 20
    assert "20 of 20 succeeded" in out.stdout
    assert "Commands run as" in out.stderr
    assert "without a sandbox" not in out.stderr


def test_without_openssh_it_says_that_commands_run_as_you(home: dict[str, str]) -> None:
    out = subprocess.run(
        [*DEMO, "--fleet", "asyncssh", "--json"], env=home, capture_output=True, text=True, timeout=200, check=False
    )
    assert out.returncode == 0, out
    document = json.loads(out.stdout)
    assert [target["state"] for target in document["targets"]] == ["succeeded"] * 20
    assert document["trigger"] == "schedule"
    assert "without a sandbox" in out.stderr


def test_the_screens_open_on_tasks_that_have_run_and_all_is_gone_when_they_close(home: dict[str, str]) -> None:
    with Terminal([sys.executable, "-m", "deployx_tui", "demo"], environment=home) as terminal:
        terminal.wait_for("starting 21 SSH servers on this machine's loopback addresses", "for a history", seconds=120)
        terminal.wait_for("The demo: what is real", "sshd processes", "the engine ran 8 of the tasks", seconds=60)
        terminal.send("Enter")
        screen = terminal.wait_for(
            "fleet-uptime", "web-disk-check", "inventory", absent=["The demo: what is real"], seconds=120
        )
        assert "15 of 15" in screen
        terminal.wait_for("demo ●", "12/13", seconds=60)  # web19 does not answer
        # what nobody who sits there has started says whose it is
        terminal.send("4")
        terminal.wait_for("History", " demo ")
        terminal.send("Q")
        # where a round of its tasks is at work just then it asks, and Q again agrees
        while not terminal.is_dead:
            if "Quit the demo" in terminal.screen():
                terminal.send("Q")
            time.sleep(0.1)  # tmux tells nobody when its screen changes; the test's own deadline bounds it
        assert terminal.exit_status == 0
        # nobody else's engine goes on: this one is about to go
        said = terminal.wait_for("the demo ends: its runs, its servers and its folder go")
        assert "goes on" not in said
        assert "the account demo runs 8 of the 15 tasks on them" in said


def test_a_terminal_that_goes_away_takes_the_demo_with_it(home: dict[str, str]) -> None:
    with Terminal([sys.executable, "-m", "deployx_tui", "demo"], environment=home) as terminal:
        terminal.wait_for("The demo: what is real", seconds=120)
        demo = terminal.pid
    while Path(f"/proc/{demo}").exists():
        time.sleep(0.1)  # another's child: its end can only be looked for; the test's own deadline bounds it


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_signal_ends_it_and_leaves_nothing(home: dict[str, str], number: signal.Signals) -> None:
    process = subprocess.Popen(DEMO, env=home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "is due in" in line:  # the engine runs, the fleet stands, the task is about to start
            break
    process.send_signal(number)
    # no assertion of time: a demo that does not end is ended by the test's own deadline
    status = process.wait(timeout=120)
    process.stderr.close()
    assert status == 128 + number


LODGE = """
import sys
from deployx_tui.demo.lodging import Lodging
with Lodging() as lodging:
    print(lodging.folder, flush=True)
    sys.stdin.read()
"""


def lodge(home: dict[str, str]) -> tuple[subprocess.Popen[str], Path]:
    """A demo's place without its fleet; it ends with its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-c", LODGE], env=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_demo_left_is_removed_by_the_next_and_a_living_one_is_not(home: dict[str, str]) -> None:
    killed, left = lodge(home)
    living, stays = lodge(home)
    not_marked = Path(home["TMPDIR"]) / "deployx-demo-of-something-else"
    not_marked.mkdir()
    killed.kill()
    killed.communicate()
    assert left.is_dir()
    next_one, present = lodge(home)
    assert not left.exists()
    assert (stays.is_dir(), present.is_dir(), not_marked.is_dir()) == (True, True, True)
    for process in (living, next_one):
        process.communicate("")
    assert not stays.exists()
    not_marked.rmdir()


def test_a_demo_whose_engine_still_listens_is_left_alone(home: dict[str, str]) -> None:
    killed, left = lodge(home)
    killed.kill()
    killed.communicate()
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(left / "run" / "0123.sock"))
        engine.listen()
        remove_abandoned(left.parent)
        assert left.is_dir()
    remove_abandoned(left.parent)
    assert not left.exists()
