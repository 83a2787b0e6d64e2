"""100,000 rows: our table beside the framework's DataTable (pytest -m benchmark -s tests/benchmarks/test_table.py)."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Callable

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import DataTable

from deployx_tui.tui import theme
from deployx_tui.tui.render.safe import show
from deployx_tui.tui.widgets.columns import Column
from deployx_tui.tui.widgets.line_table import LineTable

ROWS = 100_000
Row = tuple[str, ...]
HEAD = ("TASK", "SCHEDULE", "TARGETS", "LAST", "NEXT")
WIDTHS = (28, 16, 12, 14, 12)


def rows() -> list[Row]:
    return [(f"nightly patch {n:06d}", "Mon-Fri 02:00", f"{n % 200}", "ok 3m ago", "in 5h12m") for n in range(ROWS)]


class OneWidget(App[None]):
    def __init__(self, widget: Widget) -> None:
        super().__init__()
        for each in theme.THEMES.values():
            self.register_theme(each)
        self.widget = widget

    def compose(self) -> ComposeResult:
        yield self.widget


def column(index: int) -> Column[Row]:
    return Column(key=HEAD[index], title=HEAD[index], width=WIDTHS[index], cell=lambda row: show(row[index]))


def key_of(row: Row) -> str:
    return row[0]


async def key_times(pilot: Pilot[None], presses: int) -> list[float]:
    """Milliseconds from a key to the screen standing still again, sorted."""
    taken = []
    for _ in range(presses):
        start = time.perf_counter()
        await pilot.app._press_keys(["down"])
        await pilot._wait_for_screen()
        taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


async def measure(widget: Widget, fill: Callable[[list[Row]], None]) -> tuple[float, float, list[float]]:
    """Seconds until the rows are painted, MB that they take beside their own, key times."""
    data = rows()
    app = OneWidget(widget)
    async with app.run_test(size=(120, 36)) as pilot:
        widget.focus()
        await pilot.pause()
        tracemalloc.start()
        fill(data[: ROWS // 10])
        memory = tracemalloc.get_traced_memory()[0] / 1e6 * 10
        tracemalloc.stop()
        start = time.perf_counter()
        fill(data)
        await pilot.pause()
        await pilot._wait_for_screen()
        loaded = time.perf_counter() - start
        return loaded, memory, await key_times(pilot, 60)


@pytest.mark.benchmark
def test_a_table_of_100_000_rows(capsys: pytest.CaptureFixture[str]) -> None:
    ours = LineTable[Row]([column(index) for index in range(len(HEAD))], key=key_of)
    peer: DataTable[str] = DataTable(cursor_type="row")

    def fill_peer(data: list[Row]) -> None:
        peer.clear(columns=True)
        peer.add_columns(*HEAD)
        peer.add_rows(data)

    mine = asyncio.run(measure(ours, ours.set_rows))
    theirs = asyncio.run(measure(peer, fill_peer))
    with capsys.disabled():
        print(f"\n{'':12}{'painted':>10}{'memory':>10}{'key p50':>10}{'key p95':>10}")
        for name, (loaded, memory, keys) in (("LineTable", mine), ("DataTable", theirs)):
            p50, p95 = keys[len(keys) // 2], keys[len(keys) * 95 // 100]
            print(f"{name:12}{loaded:9.2f}s{memory:8.1f}MB{p50:8.1f}ms{p95:8.1f}ms")
        print(f"{'ratio':12}{theirs[0] / mine[0]:9.0f}x{theirs[1] / max(mine[1], 0.1):9.0f}x")
