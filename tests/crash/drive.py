"""Drives a crash run: two engines on one database that are killed again and again, and tasks that come due meanwhile.

The oracle is a file that the targets' commands append to by themselves: what stands there has run, whatever the
database says.
"""

from __future__ import annotations

import json
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from deployx_tui.model.device import DeviceDraft, TransportKind
from deployx_tui.model.ids import DeviceId, TaskId, UserId
from deployx_tui.model.payload import CommandPayload, Commands, Line
from deployx_tui.model.schedule import Cron, Once
from deployx_tui.store import devices, tasks
from deployx_tui.store.clock import from_ms, now_ms
from deployx_tui.store.database import Database
from deployx_tui.store.executions import IS_ALIVE
from deployx_tui.store.schema import engines, executions, scheduled_tasks
from tests.crash.points import AFTER_A_DEATH, POINTS
from tests.support.rows import add_user, draft

#: seconds after which an engine that did not come to its point is killed where it stands
_POINT_PATIENCE = 5.0
#: seconds in which what is left to do must have become less
_SETTLE_PATIENCE = 120.0
DEVICES = 6
MINUTE_MS = 60_000


@dataclass
class Report:
    kills: int = 0
    at_point: Counter[str] = field(default_factory=Counter)
    at_random: int = 0
    seconds: float = 0.0
    tasks: int = 0

    def __str__(self) -> str:
        points = ", ".join(f"{name}: {count}" for name, count in sorted(self.at_point.items()))
        return f"{self.kills} kills in {self.seconds:.0f} s ({self.at_random} at random; {points}), {self.tasks} tasks"


class Drive:
    """One run on one database. `oracle` afterwards says what ran."""

    def __init__(self, url: str, folder: Path, seed: int) -> None:
        self.url, self.folder, self.random = url, folder, random.Random(seed)
        self.oracle = folder / "oracle"
        self.oracle.touch()
        self.report = Report()
        self.database = Database.open(url)
        with self.database.write() as c:
            self.owner: UserId = add_user(c)
            self.devices: list[DeviceId] = [
                devices.add(
                    c,
                    DeviceDraft(name=f"d{n}", address="127.0.0.1", transport=TransportKind.LOCAL),
                    self.owner,
                    now_ms(),
                )
                for n in range(DEVICES)
            ]
        #: single runs and their instant
        self.instants: dict[TaskId, int] = {}
        #: name of each durable single run, and what it says on each stream; its oracle has each command once
        self.durable: dict[str, Said] = {}
        self.spools = folder / "spools"
        self.spools.mkdir()
        #: minutely ones and their first instant
        self.minutely: dict[TaskId, int] = dict(self._add_minutely(number) for number in range(2))
        self._said: queue.Queue[list[str]] = queue.Queue()
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / "engines.log").open("wb"),
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self._engines: dict[int, _Slot] = {}
        self._last_id = 0
        self._points: list[str] = []

    def run(self, kills: int, tasks_each_second: float = 6.0) -> None:
        """Kill engines so often, feeding due tasks meanwhile; then let two that live finish everything."""
        begun = time.monotonic()
        slots = [_Slot(beside=False), _Slot(beside=True)]
        next_task = begun
        while self.report.kills < kills:
            now = time.monotonic()
            if now >= next_task:
                self._add_task()
                next_task = now + self.random.expovariate(tasks_each_second)
            for slot in slots:
                if not slot.is_up:
                    self._spawn(slot, armed=True)
                elif slot.kill_at is not None and now >= slot.kill_at and slot.is_ready:
                    self._kill(slot)
            self._hear(timeout=max(0.0, min(next_task - time.monotonic(), 0.05)))
        for slot in slots:
            slot.kill_at, slot.point = None, None
            if slot.is_up:
                self._order({"kill": slot.id})  # it is armed
        while any(slot.is_up for slot in slots):
            self._hear(timeout=1.0)
        for slot in slots:
            self._spawn(slot, armed=False)
        self._settle()
        self.report.seconds = time.monotonic() - begun
        self.report.tasks = len(self.instants)

    def close(self) -> None:
        assert self._zygote.stdin is not None
        self._zygote.stdin.close()  # its engines die with it
        self._zygote.wait()
        self.database.close()

    def _add_task(self) -> None:
        count = self.random.choice((1, 1, 2, 4))
        chosen = tuple(sorted(self.random.sample(self.devices, count)))
        pause = self.random.choice(("0", "0", "0.1", "0.4"))
        at = now_ms() + self.random.choice((-5, 50, 300))
        with self.database.write() as c:
            # the mark is known before the id: the command must carry it
            mark = f"m{len(self.instants)}"
            command = f'echo "{mark} $WHERE" >> {self.oracle}; sleep {pause}'
            what = draft(Once(from_ms(at)), name=mark, command=command, device_ids=chosen)
            if self.random.random() < 0.5:
                what = replace(what, payload=self._durable(mark, pause))
            self.instants[tasks.add(c, what, self.owner, at, now_ms())] = at

    def _durable(self, mark: str, pause: str) -> CommandPayload:
        """A command, or two, that talk for a while; how much lies on both sides of what the database keeps itself."""
        lines = self.random.choice((10, 400, 4000))
        talk = f"seq {lines}; seq {lines} >&2; sleep {pause}; seq {lines}; sleep {pause}; seq {lines} >&2"
        begin = f'echo "{mark}{{}} $WHERE" >> {self.oracle}; '
        count = self.random.choice((1, 1, 2))
        once = b"".join(b"%d\n" % n for n in range(1, lines + 1))
        self.durable[mark] = Said(once * 2 * count, once * 2 * count, count)
        if count == 1:
            return CommandPayload(body=Line(begin.format("") + talk), durable=True)
        return CommandPayload(body=Commands((begin.format("") + talk, begin.format("-2") + talk)), durable=True)

    def _add_minutely(self, number: int) -> tuple[TaskId, int]:
        command = f'echo "every{number} $WHERE" >> {self.oracle}'
        what = draft(Cron("* * * * *"), name=f"every{number}", command=command, device_ids=tuple(self.devices))
        first = _next_minute()
        with self.database.write() as c:
            return tasks.add(c, what, self.owner, first, now_ms()), first

    def _spawn(self, slot: _Slot, *, armed: bool) -> None:
        self._last_id += 1
        slot.point = slot.kill_at = None
        slot.is_up, slot.is_ready = True, False
        nth = 1
        if armed and self.random.random() < 0.75:
            slot.point = self._next_point()
            nth = 1 if slot.point in AFTER_A_DEATH else self.random.choice((1, 1, 2, 3, 6))
        slot.wants_kill = armed
        self._engines[self._last_id] = slot
        slot.id = self._last_id
        order = {
            "id": self._last_id,
            "url": self.url,
            "output": str(self.folder / "output"),
            "spools": str(self.spools),
            "beside": slot.beside,
            "point": slot.point,
            "nth": nth,
        }
        self._order(order)

    def _order(self, order: dict[str, Any]) -> None:
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(json.dumps(order) + "\n")
        self._zygote.stdin.flush()

    def _next_point(self) -> str:
        """Each point once before any comes again."""
        if not self._points:
            self._points = sorted(POINTS)
            self.random.shuffle(self._points)
        return self._points.pop()

    def _kill(self, slot: _Slot) -> None:
        self._order({"kill": slot.id})  # unless it has just come to its point
        slot.kill_at, slot.was_random = None, True

    def _hear(self, timeout: float) -> None:
        try:
            words = self._said.get(timeout=timeout)
        except queue.Empty:
            return
        slot = self._engines[int(words[1])]
        match words[0]:
            case "ready":
                slot.is_ready = True
                if slot.wants_kill:
                    delay = _POINT_PATIENCE if slot.point is not None else self.random.uniform(0.0, 2.5)
                    slot.kill_at = time.monotonic() + delay
            case "at":
                if slot.point is not None:
                    self.report.at_point[slot.point] += 1
                slot.kill_at, slot.was_random = None, False
            case "dead":
                assert int(words[2]) == -signal.SIGKILL, f"an engine ended by itself: {self._log()}"
                slot.is_up = False
                self.report.kills += 1
                self.report.at_random += slot.was_random
                slot.was_random = False

    def _log(self) -> str:
        return (self.folder / "engines.log").read_text()[-4000:]

    def _listen(self) -> None:
        assert self._zygote.stdout is not None
        for line in self._zygote.stdout:
            self._said.put(line.split())

    def _settle(self) -> None:
        """Until nothing is alive and nothing is due; as long as that gets less, however slow the machine is."""
        s = scheduled_tasks.c
        least, deadline = -1, 0.0
        while True:
            with self.database.read() as c:
                alive = c.scalar(sa.select(sa.func.count()).select_from(executions).where(IS_ALIVE)) or 0
                # every single run has to come due yet; a minutely task always has a next instant
                is_due = sa.or_(s.next_execution <= now_ms(), s.id.not_in(list(self.minutely)))
                due = c.scalar(sa.select(sa.func.count()).where(s.next_execution.is_not(None), is_due)) or 0
            if not alive and not due:
                return
            if least < 0 or alive + due < least:
                least, deadline = alive + due, time.monotonic() + _SETTLE_PATIENCE
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{alive} executions are alive and {due} tasks are due, as {_SETTLE_PATIENCE:g} s ago: "
                    f"{self._stuck()}"
                )
            self._hear(timeout=0.2)

    def _stuck(self) -> list[tuple[object, ...]]:
        """(status, engine, how many), and the engines that there are."""
        e = executions.c
        with self.database.read() as c:
            rows = c.execute(
                sa.select(e.status, e.engine_id, sa.func.count()).where(IS_ALIVE).group_by(e.status, e.engine_id)
            )
            return [tuple(row) for row in rows] + [
                tuple(row) for row in c.execute(sa.select(engines.c.id, engines.c.pid))
            ]


@dataclass(frozen=True)
class Said:
    """What a durable run says, and of how many commands it is."""

    stdout: bytes
    stderr: bytes
    commands: int


@dataclass
class _Slot:
    """Where one engine stands after the other."""

    beside: bool
    is_up: bool = False
    wants_kill: bool = False
    id: int = 0
    is_ready: bool = False
    point: str | None = None
    #: of the monotonic clock
    kill_at: float | None = None
    was_random: bool = False


def _next_minute() -> int:
    return (now_ms() // MINUTE_MS + 1) * MINUTE_MS


def ran(oracle: Path) -> Counter[tuple[str, str]]:
    """How often each (mark, device) was started, by the word of the commands."""
    return Counter(tuple(line.split(" ")) for line in oracle.read_text().splitlines())  # type: ignore[misc]  # two words


def rows(database: Database, statement: sa.Select[Any]) -> list[Any]:
    with database.read() as c:
        return list(c.execute(statement))
