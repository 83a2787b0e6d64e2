"""What stands on the screen of an app under test, and waiting until it stands still."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

from textual import events
from textual.pilot import Pilot

SNAPSHOTS = Path(__file__).parents[1] / "tui" / "snapshots"


def screen_text(pilot: Pilot[int]) -> str:
    """The screen as plain text, one line a row, without trailing spaces."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


async def until(pilot: Pilot[int], true: Callable[[], bool], what: str = "it", patience: float = 10.0) -> None:
    """Let the app work until something is so."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while not true():
        if loop.time() > end:
            raise AssertionError(f"{what} did not come:\n{screen_text(pilot)}")
        await pilot.pause(0.01)


async def sees(pilot: Pilot[int], text: str) -> None:
    """Wait until a text stands on the screen."""
    await until(pilot, lambda: text in screen_text(pilot), repr(text))


async def settle(pilot: Pilot[int]) -> None:
    """Until two looks, a moment apart, see the same and no worker but the bridge's own is at work."""
    endless = {"bridge", "strip", "follow", "read"}
    still = 0
    before = ""
    for _ in range(500):
        await pilot.pause(0.01)
        busy = any(
            not worker.is_finished and worker.group not in endless and not worker.group.startswith("ask")
            for worker in pilot.app.workers
            if worker.group not in ("act", "palette", "leave")  # those may wait for a person
        )
        now = screen_text(pilot)
        still = still + 1 if now == before and not busy else 0
        if still >= 6:
            return
        before = now
    raise AssertionError(f"the screen does not come to rest:\n{before}")


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press keys, then let everything come to rest."""
    if keys:
        await pilot.press(*({" ": "space"}.get(key, key) for key in keys))
    await settle(pilot)


async def type_text(pilot: Pilot[int], text: str) -> None:
    """Type it; tab and line feed are keys, what stands between is pasted (a key press costs the pilot 40 ms)."""
    for piece in re.findall(r"[\t\n]|[^\t\n]+", text):
        if piece in "\t\n":
            await pilot.press("tab" if piece == "\t" else "enter")
        else:
            pilot.app.post_message(events.Paste(piece))
            await pilot.pause()


def check_snapshot(pilot: Pilot[int], name: str) -> None:
    """Compare with the kept picture of text; UPDATE_SNAPSHOTS=1 keeps the present one."""
    width, height = pilot.app.size
    path = SNAPSHOTS / f"{name}_{width}x{height}.txt"
    text = screen_text(pilot)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.exists(), f"no snapshot {path.name}; look at it, then UPDATE_SNAPSHOTS=1 keeps it"
    assert text == path.read_text("utf-8"), f"{path.name} differs; look at it, UPDATE_SNAPSHOTS=1 keeps the new one"
