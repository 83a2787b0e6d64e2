"""Pictures of the program: its screens, driven by keys over a backend, as SVG and (with cairosvg) as PNG.

Nothing is drawn for the picture: what is seen is what a person would see at that moment.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Awaitable, Callable
from datetime import tzinfo
from pathlib import Path

from textual.pilot import Pilot

from deployx_tui.model.execution import ExecutionQuery, ExecutionStatus
from deployx_tui.model.ids import ExecutionId
from deployx_tui.service.backend import Backend
from deployx_tui.tui.app import DeployxApp
from deployx_tui.tui.bridge import Clock
from deployx_tui.tui.screens.execution import ExecutionPlace
from deployx_tui.tui.screens.history import HistoryPlace
from deployx_tui.tui.welcome import Welcome

SIZES = ((120, 36), (80, 24))
#: workers that never end by themselves
_ENDLESS = frozenset({"bridge", "strip", "follow", "read"})
#: the framework's grid is 12.2 wide for a font of 20; this size of ours is as wide, and painted so large that a
#: cell is 15 pixels: else lines of box drawing are shorter than the rows between them
_FONT_SIZE, _SCALE = 20.26, 1.23
_FONTS = "DejaVu Sans Mono, Liberation Mono, Noto Sans Mono, monospace"


async def capture(
    backend: Backend, folder: Path, *, zone: tzinfo | None = None, clock: Clock | None = None
) -> tuple[Path, ...]:
    """Write `NAME_WIDTHxHEIGHT.svg` (and .png) for each screen and size; gives what was written.

    `backend` is used and left open. DeployxError and OSError pass.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = await _worth_a_look(backend)
    written: list[Path] = []
    for width, height in SIZES:

        async def connect() -> Backend:
            return _Kept(backend)  # type: ignore[return-value]  # it is the backend, all but its end

        app = DeployxApp(connect, zone=zone, clock=clock)
        async with app.run_test(size=(width, height)) as pilot:
            await _still(pilot)
            for name, walk in _walks(run).items():
                await walk(pilot)
                await _still(pilot)
                written += _write(folder / f"{name}_{width}x{height}", app.export_screenshot())
                await _home(pilot)
        welcome = Welcome("~/.local/share/deployx/deployx.db", 14, zone=zone)
        async with welcome.run_test(size=(width, height)) as first:
            await first.pause(0.05)
            written += _write(folder / f"welcome_{width}x{height}", welcome.export_screenshot())
    return tuple(written)


class _Kept:
    """A backend whose owner closes it, not the app that is photographed."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> object:
        return getattr(self._backend, name)

    async def close(self) -> None:
        """Nothing: the owner does it."""


async def _worth_a_look(backend: Backend) -> ExecutionId | None:
    """A run that shows much: partly good, else failed, else the newest."""
    for statuses in ({ExecutionStatus.PARTIALLY_SUCCEEDED}, {ExecutionStatus.FAILED}, set[ExecutionStatus]()):
        page = await backend.executions.list(ExecutionQuery(statuses=frozenset(statuses), limit=1))
        if page.items:
            return page.items[0].id
    return None


Walk = Callable[[Pilot[int]], Awaitable[None]]


def _walks(run: ExecutionId | None) -> dict[str, Walk]:
    """The way to each picture, from the tasks."""

    def keys(*pressed: str) -> Walk:
        async def walk(pilot: Pilot[int]) -> None:
            for key in pressed:
                await pilot.press(key)
                await _still(pilot)

        return walk

    async def history(pilot: Pilot[int]) -> None:
        await keys("4")(pilot)
        if run is not None and isinstance(pilot.app.screen, HistoryPlace):
            pilot.app.screen.table.move_to_key(run)

    async def execution(pilot: Pilot[int]) -> None:
        if run is not None:
            await pilot.app.push_screen(ExecutionPlace(run))

    walks: dict[str, Walk] = {
        "tasks": keys("down"),
        "task_editor": keys("e"),
        "calendar": keys("3"),
        "history": history,
        "devices": keys("5", "down"),
        "connection_test": keys("5", "t"),
        "credentials": keys("5", "c"),
        "artifacts": keys("6", "down"),
        "help": keys("question_mark"),
    }
    if run is not None:
        walks["execution"] = execution
    return walks


async def _home(pilot: Pilot[int]) -> None:
    """Back to the tasks, wherever a walk ended."""
    while len(pilot.app.screen_stack) > 1:
        pilot.app.pop_screen()
        await pilot.pause(0)
    await pilot.press("2")
    await _still(pilot)


async def _still(pilot: Pilot[int]) -> None:
    """Until two looks see the same and nothing is being read; a screen that lives on is taken as it is."""
    before, same = "", 0
    for _ in range(200):
        await pilot.pause(0.02)
        strips = pilot.app.screen._compositor.render_strips()
        now = "\n".join(strip.text for strip in strips)
        busy = any(not worker.is_finished and worker.group not in _ENDLESS for worker in pilot.app.workers)
        same = same + 1 if now == before and not busy else 0
        if same >= 10:
            return
        before = now


def _write(path: Path, svg: str) -> list[Path]:
    # the framework names a font on a web server: a picture must not ask the net for anything
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", _FONTS)
    svg = svg.replace("font-size: 20px", f"font-size: {_FONT_SIZE}px")
    drawn = path.with_suffix(".svg")
    drawn.write_text(svg, "utf-8")
    if importlib.util.find_spec("cairosvg") is None:
        return [drawn]
    import cairosvg  # noqa: PLC0415 - it is optional

    painted = path.with_suffix(".png")
    cairosvg.svg2png(bytestring=svg.encode(), write_to=str(painted), scale=_SCALE)
    return [drawn, painted]
