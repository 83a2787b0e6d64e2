"""The demo's processes: the screens as a child on this terminal, and the engine that is waited for at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

#: so long may the screens take to end when they are told to, and the engine after its shutdown
SCREENS_END = 5.0
ENGINE_ENDS = 30.0


async def screens(notice: str) -> int:
    """The demo's screens on this terminal, in the environment as it is; their exit status. `notice` is the fleet's.

    A child of its own, so that a signal can end the demo at any moment and the terminal is given back all the same.
    """
    child = subprocess.Popen([sys.executable, "-P", "-m", "deployx_tui.demo.screens", notice])
    try:
        await asyncio.to_thread(_follow, child)
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                await asyncio.to_thread(child.wait, SCREENS_END)
            except subprocess.TimeoutExpired:
                child.kill()
                await asyncio.to_thread(child.wait)
    return child.returncode


def _follow(child: subprocess.Popen[bytes]) -> None:
    """Until the child ends. When it is suspended (ctrl+z) so are we, or the shell would not get the terminal back."""
    while True:
        state = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        if state is None or state.si_code != os.CLD_STOPPED:
            return
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        os.kill(os.getpid(), signal.SIGSTOP)


async def engine_ended(pid: int) -> None:
    """Wait until the engine's process is gone; one that hangs is killed, since its folder is about to go."""
    try:
        async with asyncio.timeout(ENGINE_ENDS):
            while _is_alive(pid):
                await asyncio.sleep(0.05)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    with contextlib.suppress(OSError):
        # a zombie waits for a parent that does not care: it writes nothing any more
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return True
