"""Whether another engine process lives: asked of the system where its pids mean the same, else read off its beat.

Never "now minus its last beat": after an outage or a stepped clock all engines would look dead.
"""

from __future__ import annotations

import os
import socket
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from deployx_tui.engine.holder_lock import HolderLock
from deployx_tui.model.ids import EngineId
from deployx_tui.store.engines import EngineRow

#: an engine whose beat stood still for so long of our own watching is dead
PATIENCE_SECONDS = 10.0
#: a watcher that looked away for longer than this starts to watch anew
_LONGEST_GAP_SECONDS = 5.0


def this_process(engine: EngineId, now_ms: int) -> EngineRow:
    """The row of an engine that starts in this process."""
    pid = os.getpid()
    return EngineRow(
        id=engine,
        boot_id=_boot_id(),
        host=socket.gethostname(),
        pid=pid,
        process_start=_process_start(pid),
        started_at_ms=now_ms,
    )


def is_alive(row: EngineRow) -> bool | None:
    """Whether the process that wrote this row still runs; None: can't be told from here."""
    if row.boot_id != _boot_id():
        # another machine, another container, or this machine before its last start: only the beat can tell
        return None
    try:
        os.kill(row.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return None  # some process of another account has that pid; its start may be hidden from us
    start = _process_start(row.pid)
    if start == _ENDED:
        return False
    if row.process_start is None or start is None:
        return None
    return start == row.process_start  # else the pid was given to a later process


def dead_ones(rows: Sequence[EngineRow], database: Path) -> frozenset[EngineId]:
    """Which of these engines of a SQLite database certainly live no more; for one look, without a `BeatWatch`."""
    lives = {row.id: is_alive(row) for row in rows}
    if None in lives.values() and not HolderLock(database).is_held():
        return frozenset(engine for engine, alive in lives.items() if not alive)
    return frozenset(engine for engine, alive in lives.items() if alive is False)


class BeatWatch:
    """One watcher's memory of beats. Not shared between threads."""

    def __init__(self) -> None:
        self._since: dict[EngineId, tuple[int, float]] = {}
        self._last_look: float | None = None

    def silent(self, beats: Mapping[EngineId, int], at: float) -> frozenset[EngineId]:
        """Engines whose beat has not changed during `PATIENCE_SECONDS` of uninterrupted looks.

        `at`: a clock that is never set (seconds).
        """
        if self._last_look is not None and at - self._last_look > _LONGEST_GAP_SECONDS:
            self._since.clear()  # we were away (suspended, or without the database), perhaps they were too
        self._last_look = at
        self._since = {
            engine: seen if (seen := self._since.get(engine)) is not None and seen[0] == beat else (beat, at)
            for engine, beat in beats.items()
        }
        return frozenset(engine for engine, (_, since) in self._since.items() if at - since >= PATIENCE_SECONDS)


def _boot_id() -> str:
    """The same text in two processes means: same boot of the same machine, same pids."""
    if sys.platform != "linux":
        return _UNKNOWN_BOOT
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - the link leads nowhere
    except OSError:
        return _UNKNOWN_BOOT


#: where the system does not tell, no two processes are taken for neighbours
_UNKNOWN_BOOT = f"unknown {uuid.uuid4().hex}"


#: in a start's place: of a process that ended, and that nobody has asked how
_ENDED = -1


def _process_start(pid: int) -> int | None:
    """Clock ticks from boot to the start of a process (proc(5), field 22); None: not told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return _ENDED if state in "ZX" else int(fields[18])
