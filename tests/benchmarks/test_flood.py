"""Key to paint while 200 hosts say 5 MB each at full speed, beside the same at rest, in a real terminal with the engine
in its own process (pytest -m benchmark -s tests/benchmarks/test_flood.py).

The hosts stand for 200 other machines, so they get one core to themselves, and the terminal, the program and its engine
get the others. Hosts on the program's core measure this machine's scheduler: each of their sessions is a group of its
own to it (sched_autogroup), whatever their priority, so that the program's one thread got a turn among 64 of them; it
worked 8 % of such a flood and was ready, without a core, 88 %. How long it waited is said beside the keys, for whatever
else this machine does makes it wait as well.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import select
import shutil
import sqlite3
import statistics
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.device import DeviceDraft
from deployx_tui.service.process import backend_for
from deployx_tui.transports.kinds import raise_file_limit
from tests.benchmarks.goals import say_goal
from tests.integration.test_in_a_terminal import DEPLOYX, Home
from tests.support.meters import Turns, turns_of

HOSTS, SIZE = 200, 5_000_000
FLOOD = (
    "while [ ! -e $GATE ]; do sleep 0.1; done; "
    f"yes '2026-03-03T02:00:01Z Get:17 http://deb.debian.org/debian libssl3' | head -c {SIZE}"
)
#: a person's pace, and keys measured at rest
PAUSE, RESTING = 0.05, 150
PATIENCE = 45.0


class Screens:
    """The program in a terminal of 120x36 that is read all the time, as a terminal does."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self._process = subprocess.Popen(
            DEPLOYX, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)
        self._came = threading.Condition()
        self._seen = b""
        self.total = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            select.select([self._ours], [], [])
            try:
                data = os.read(self._ours, 1 << 16)
            except OSError:
                return
            with self._came:
                self._seen = (self._seen + data)[-(1 << 18) :]
                self.total += len(data)
                self._came.notify_all()

    def press(self, keys: bytes, *texts: bytes) -> float:
        """Seconds from the keys to all of `texts` painted anew."""
        with self._came:
            self._seen = b""
        begin = time.perf_counter()
        os.write(self._ours, keys)
        with self._came:
            painted = self._came.wait_for(lambda: all(text in self._seen for text in texts), PATIENCE)
            assert painted, f"{keys!r} did not paint {texts}: {self._seen[-3000:]!r}"
        return time.perf_counter() - begin

    def open_running(self) -> None:
        """The newest run of the history. The cursor stays on its row when another comes above it, hence the tries."""
        for _ in range(10):
            self.press(b"\x1b[H\r", b"full log")
            with self._came:
                if self._came.wait_for(lambda: b"follow on" in self._seen, 3.0):
                    return
            self.press(b"q", b"echo warm")
        raise AssertionError(f"the run was not opened: {self._seen[-3000:]!r}")

    @property
    def turns(self) -> Turns:
        """Of the program's main thread, which draws and takes keys."""
        return turns_of(self._process.pid)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._ours)


def typed(screens: Screens, is_over: Callable[[int], bool]) -> list[float]:
    """Letters typed into the line that finds words, below the output that is followed; each one's seconds, sorted."""
    taken: list[float] = []
    words = b""
    while not is_over(len(taken)):
        if len(words) > 20:
            screens.press(b"\x15", b"ords in the output")  # ctrl+u: an empty line shows its hint
            words = b""
        words += b"zq"[len(words) % 2 : len(words) % 2 + 1]
        taken.append(screens.press(words[-1:], words))
        time.sleep(PAUSE)
    return sorted(taken)


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def status_of(home: Home, execution: int) -> str:
    with sqlite3.connect(f"{home.database.as_uri()}?mode=ro", uri=True) as connection:
        query = "SELECT status FROM scheduled_task_executions WHERE id = ?"
        return str(connection.execute(query, (execution,)).fetchone()[0])


async def add_hosts(home: Home, fleet: Fleet) -> None:
    async with backend_for(home.settings(), in_process=True) as backend:
        for number, host in enumerate(fleet.hosts, start=1):
            await backend.devices.create(
                DeviceDraft(
                    name=f"web{number:03}", address=host.address, port=host.port, user=host.user, key_file=host.key_file
                )
            )


def line_of(name: str, taken: list[float]) -> str:
    p50, p95 = statistics.median(taken) * 1000, taken[len(taken) * 95 // 100] * 1000
    return f"{name:9} {len(taken):4} keys: p50 {p50:6.1f} ms, p95 {p95:6.1f}, worst {taken[-1] * 1000:6.1f}"


@contextmanager
def cores_of_their_own() -> Iterator[set[int]]:
    """The core of the hosts; this process and whatever it starts meanwhile get the others."""
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        pytest.skip("the hosts and the program need a core each")
    theirs = {max(cores)}
    os.sched_setaffinity(0, cores - theirs)
    try:
        yield theirs
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_keys_while_two_hundred_hosts_flood(tmp_path: Path) -> None:
    raise_file_limit()
    home = Home(tmp_path, {"TERM": "xterm-256color", "COLORTERM": "truecolor", "DEPLOYX_CONNECT_TIMEOUT": "60s"})
    (tmp_path / "config").mkdir(mode=0o700)
    with cores_of_their_own() as theirs, Fleet.start(HOSTS, tmp_path / "fleet", "sshd") as fleet:
        for pid in fleet.pids:
            os.sched_setaffinity(pid, theirs)
        shutil.copy(fleet.known_hosts, tmp_path / "config" / "known_hosts")
        asyncio.run(add_hosts(home, fleet))
        screens = Screens(home.environment)
        try:
            screens.press(b"", b"deployx", b"History")
            home.say("run", "--yes", "--on", "*", "--", "echo warm")
            screens.press(b"4", b"echo warm")
            screens.press(b"\r", b"SAME OUTPUT", b"full log")
            screens.press(b"/", b"ords in the output")
            resting = typed(screens, lambda count: count >= RESTING)
            screens.press(b"\x1b", b"History")
            screens.press(b"q", b"echo warm")
            engine = home.engine_pid()
            before = peak = resident(engine)
            written = screens.total
            flood = int(
                json.loads(
                    home.say(
                        "--json",
                        "run",
                        "--yes",
                        "--detach",
                        "--on",
                        "*",
                        "--",
                        FLOOD.replace("$GATE", str(tmp_path / "gate")),
                    )
                )["execution_id"]
            )
            screens.open_running()
            screens.press(b"/", b"ords in the output")

            def is_over(_: int) -> bool:
                nonlocal peak
                peak = max(peak, resident(engine))
                return status_of(home, flood) not in ("queued", "running")

            (tmp_path / "gate").touch()
            begin, turns = time.perf_counter(), screens.turns
            flooded = typed(screens, is_over)
            took, turns = time.perf_counter() - begin, screens.turns - turns
            targets = home.json("execution", "targets", str(flood))
        finally:
            screens.close()
    lost = sum(SIZE - target["stdout_bytes"] for target in targets)
    rate = HOSTS * SIZE / took / 1e6
    print(f"\n{HOSTS} hosts, {SIZE / 1e6:.0f} MB each: {took:.0f} s, {rate:.0f} MB/s, {lost} bytes lost")
    print(
        f"the engine grew by {(peak - before) / (1 << 20):.0f} MiB, the terminal got {screens.total - written:,} bytes"
    )
    print(
        f"the program's main thread worked {turns.worked / took:.0%} of the flood and waited "
        f"{turns.waited / took:.0%} of it for a core; load {os.getloadavg()[0]:.0f}"
    )
    print(line_of("at rest", resting), line_of("in flood", flooded), sep="\n")
    ratio = flooded[len(flooded) * 95 // 100] / resting[len(resting) * 95 // 100]
    say_goal("p95 in flood / at rest", ratio, at_most=3)
    assert (len(targets), lost) == (HOSTS, 0)
    assert not any(target["output_cut"] for target in targets)
