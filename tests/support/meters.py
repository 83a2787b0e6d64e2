"""What processes use: CPU by the kernel's own clocks, memory by /proc. Linux."""

from __future__ import annotations

import ctypes
import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
#: of a clock of another process, see clock_getcpuclockid(3): what the scheduler counts, to the nanosecond
_SCHEDULED = 2


def own_cpu() -> float:
    """Seconds of CPU of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def cpu_of(pid: int) -> float:
    """Seconds of CPU of all threads of a process. Raises OSError when it has ended."""
    return time.clock_gettime((~pid << 3) | _SCHEDULED)


@dataclass(frozen=True, slots=True)
class Turns:
    """Seconds of one thread."""

    worked: float
    #: it was ready, and another had the core
    waited: float

    def __sub__(self, before: Turns) -> Turns:
        return Turns(self.worked - before.worked, self.waited - before.waited)


def turns_of(thread: int) -> Turns:
    """Of a thread by its id (a main thread has its process's), since it began, by the scheduler's own count."""
    worked, waited, _ = Path(f"/proc/{thread}/task/{thread}/schedstat").read_text().split()
    return Turns(int(worked) / 1e9, int(waited) / 1e9)


def resident() -> int:
    """Bytes of this process in memory, now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


class Growth:
    """By how much this process's memory grew, at its peak, since this was made."""

    def __init__(self) -> None:
        self._before = resident()
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): the peak is measured anew

    @property
    def peak(self) -> int:
        """Bytes."""
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 - self._before
        raise AssertionError("no VmHWM")


class Descendants:
    """All processes that this one started, directly or not. While open, those whose parent ended become its children.

    So their CPU is counted wherever they end, and none of them is lost to init. One at a time.
    """

    def __enter__(self) -> Descendants:
        self._before = {pid for pid, row in _rows() if row.parent == os.getpid()}
        _adopt(True)
        return self

    def __exit__(self, *_: object) -> None:
        _adopt(False)
        for pid, row in _rows():
            if row.parent == os.getpid() and row.is_over and pid not in self._before:
                os.waitpid(pid, 0)

    def cpu_of(self, act: Callable[[], object], patience: float = 30.0) -> float:
        """Seconds of CPU that `act` cost in them, to the end of the last one that it left behind."""
        before = self._present()
        act()
        until = time.monotonic() + patience
        while True:
            after = self._present()
            if not [pid for pid, row in after.items() if not row.is_over and pid not in before]:
                return sum(row.cpu for row in after.values()) - sum(row.cpu for row in before.values())
            assert time.monotonic() < until, f"something still runs after {patience:g} s"
            time.sleep(0.05)  # nobody tells of the end of a process that is not one's child

    @staticmethod
    def _present() -> dict[int, _Row]:
        rows, found = dict(_rows()), {os.getpid()}
        while more := {pid for pid, row in rows.items() if row.parent in found} - found:
            found |= more
        return {pid: rows[pid] for pid in found - {os.getpid()}}


@dataclass(frozen=True)
class _Row:
    parent: int
    is_over: bool
    #: seconds of CPU, those of its children that ended included
    cpu: float


def _rows() -> Iterator[tuple[int, _Row]]:
    """Every process by its number."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            # the name in parentheses may hold anything; after it: state, parent
            fields = (place / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        yield int(place.name), _Row(int(fields[1]), fields[0] == "Z", sum(map(int, fields[11:15])) * _TICK)


def _adopt(yes: bool) -> None:
    """Whether orphans among the descendants become children of this process (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    if ctypes.CDLL(None, use_errno=True).prctl(36, int(yes), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
