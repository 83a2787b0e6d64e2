"""Threads of an engine share arenas of memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

#: an arena of a thread is 64 MiB of addresses, most of it not yet usable
PROGRAM = """
import sys, threading
from pathlib import Path
from deployx_tui.engine.memory import share_arenas
if sys.argv[1] == "share":
    share_arenas()
there, over = threading.Barrier(17), threading.Event()
def live():
    kept = [bytes(100_000) for _ in range(4)]
    there.wait()
    over.wait()
for _ in range(16):
    threading.Thread(target=live, daemon=True).start()
there.wait()
sizes = []
for line in Path("/proc/self/maps").read_text().splitlines():
    span, rights, *_ = line.split()
    start, end = (int(side, 16) for side in span.split("-"))
    if rights == "---p" and 32 << 20 < end - start <= 64 << 20:
        sizes.append(end - start)
print(len(sizes))
over.set()
"""


def arenas(mode: str) -> int:
    out = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[3],
    )
    return int(out.stdout)


def test_threads_do_not_get_an_arena_each() -> None:
    if arenas("own") <= 2:
        pytest.skip("this C library gives threads no arenas of their own")
    assert arenas("share") <= 2
