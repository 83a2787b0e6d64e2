"""Kills during file runs: the engine's process, the session at the target, and all that runs there, at any moment.

Whatever dies: a final name holds old or new bytes whole, and the same run begun again ends with the new ones, knows all
that it changed, and leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.changes import ChangeKind
from deployx_tui.model.execution import TargetState
from tests.crash.file_run import KINDS, carry_out, content, files
from tests.support.ssh import Fleets


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with Fleets() as fleets:
        yield fleets.get()


def way_to(fleet: Fleet, scratch: Path) -> dict[str, str]:
    host = fleet.hosts[0]
    return {
        "address": host.address, "port": str(host.port), "user": host.user, "key": host.key_file,
        "known": str(fleet.known_hosts), "scratch": str(scratch / "known_hosts"),
    }  # fmt: skip


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    return [found for child in children(pid) for found in (child, *descendants(child))]


class Watch:
    """Reads a file without end: what it ever held."""

    def __init__(self, paths: list[Path], allowed: dict[Path, set[str]]) -> None:
        self._paths = paths
        self._allowed = allowed
        self._stop = threading.Event()
        self.wrong: list[str] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._read)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _read(self) -> None:
        while not self._stop.wait(0.005):
            self.look()

    def look(self) -> None:
        for path in self._paths:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if found not in self._allowed[path]:
                self.wrong.append(f"{path} held {found}")


def begun(given: dict[str, object]) -> subprocess.Popen[str]:
    """A run in a process of its own, which has come to the point where it connects."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.file_run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(given))
    process.stdin.close()
    assert process.stdout.readline() == "begun\n"
    return process


def ended(process: subprocess.Popen[str]) -> bool:
    """Whether it came to its end as it should."""
    assert process.stdout is not None
    said = process.stdout.read()
    process.stdout.close()
    process.wait()
    return said.startswith("succeeded")


def kill_during(what: str, given: dict[str, object], fleet: Fleet, delay: float) -> bool:
    """Begin a run and kill after so long; whether it was cut."""
    process = begun(given)
    time.sleep(delay)  # any moment will do: nothing is awaited
    match what:
        case "engine":
            victims = [process.pid]
        case "session":
            victims = children(fleet.pids[0])
        case _:
            victims = descendants(fleet.pids[0])
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not ended(process)


def lengths(fleet: Fleet, folder: Path) -> dict[str, float]:
    """Seconds that a run of each kind takes."""
    found = {}
    for kind in KINDS:
        place = folder / f"whole-{kind}"
        for name in files(kind):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(b"old")
        way = way_to(fleet, folder)
        process = begun({"kind": kind, "folder": str(place), "version": "new", "nonce": token_hex(16), "way": way})
        start = time.monotonic()
        assert ended(process)
        found[kind] = time.monotonic() - start
    return found


def one_kill(fleet: Fleet, folder: Path, chance: random.Random, number: int, length: dict[str, float]) -> bool:
    """Whether it cut a run."""
    kind = KINDS[number % len(KINDS)]
    what = ("engine", "session", "target")[number // len(KINDS) % 3]
    place = folder / f"{number}-{kind}"
    paths = [place / name for name in files(kind)]
    allowed = {}
    for name, path in zip(files(kind), paths, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name, "old"))
        allowed[path] = {hashlib.sha256(content(name, version)).hexdigest() for version in ("old", "new")}
    nonce = token_hex(16)
    way = way_to(fleet, folder)
    given = {"kind": kind, "folder": str(place), "version": "new", "nonce": nonce, "way": way}
    watch = Watch(paths, allowed)
    with watch.watching():
        was_cut = kill_during(what, dict(given), fleet, chance.uniform(0.0, length[kind]))
        watch.look()
        ran = carry_out(kind, str(place), "new", nonce, way)
    assert watch.wrong == []
    assert ran.facts.state is TargetState.SUCCEEDED, (number, kind, what, ran.facts, ran.said)
    for name, path in zip(files(kind), paths, strict=True):
        assert path.read_bytes() == content(name, "new")
    # all that the run changed is told, also what the killed attempt did, and what was there is kept
    told = {Path(change.path): change for change in ran.changes.files}
    assert set(told) == set(paths), (number, kind, what, ran)
    for name, path in zip(files(kind), paths, strict=True):
        assert told[path].kind is ChangeKind.REPLACED
        assert Path(told[path].kept).read_bytes() == content(name, "old")
    left = sorted(str(path) for path in place.rglob("*") if path.is_file() and path not in paths)
    assert left == [], (number, kind, what, left)
    assert list(place.rglob(".dx-*")) == []
    return was_cut


def kills(fleet: Fleet, folder: Path, seed: int, count: int) -> int:
    """How many of them cut a run."""
    chance, length = random.Random(seed), lengths(fleet, folder)
    return sum(one_kill(fleet, folder, chance, number, length) for number in range(count))


def test_no_kill_leaves_half_a_file_or_anything_else(fleet: Fleet, tmp_path: Path) -> None:
    assert kills(fleet, tmp_path, seed=20261129, count=9) > 0


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_hundred_kills_leave_no_half_file_and_nothing_else(fleet: Fleet, tmp_path: Path) -> None:
    cut = kills(fleet, tmp_path, seed=7, count=100)
    print(f"{cut} of 100 kills cut a run")
    assert cut > 50
