"""How fast the tail takes output, beside the logs of Textual (pytest -m benchmark -s tests/benchmarks)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Log, RichLog

from deployx_tui.model.execution import Stream
from deployx_tui.tui.widgets.output_tail import OutputTail
from tests.support.output_source import MemorySource, chunks_of

LINE = "2026-03-03T02:00:01Z Get:17 http://deb.debian.org/debian stable/main amd64 libssl3 amd64 3.0.%07d [2031 kB]"


class OneWidget(App[None]):
    def __init__(self, make: Callable[[], Widget]) -> None:
        super().__init__()
        self.make = make

    def compose(self) -> ComposeResult:
        yield self.make()


def output(count: int) -> bytes:
    return "".join(LINE % n + "\n" for n in range(count)).encode()


async def tail_rate(count: int) -> float:
    data = output(count)
    pieces = [(Stream.STDOUT, data[at : at + 65536]) for at in range(0, len(data), 65536)]
    source = MemorySource(*pieces, complete=False)
    async with OneWidget(OutputTail).run_test(size=(120, 36)) as pilot:
        tail = pilot.app.query_one(OutputTail)
        tail.open(source)
        await pilot.pause(0.1)
        window = tail.window
        begin = time.perf_counter()
        for chunk in chunks_of(*pieces, start=window.next_offset):
            window.feed(chunk)
            tail.grew()
            await pilot.pause(0)
        rate = count / (time.perf_counter() - begin)
        assert window.line(window.end - 1).data.decode() == LINE % (count - 1)
        return rate


async def log_rate(count: int) -> float:
    async with OneWidget(lambda: Log(max_lines=50_000)).run_test(size=(120, 36)) as pilot:
        log = pilot.app.query_one(Log)
        lines = output(count).decode().split("\n")
        begin = time.perf_counter()
        for at in range(0, count, 600):
            log.write_lines(lines[at : at + 600])
            await pilot.pause(0)
        return count / (time.perf_counter() - begin)


async def rich_log_rate(count: int) -> float:
    async with OneWidget(lambda: RichLog(max_lines=50_000)).run_test(size=(120, 36)) as pilot:
        log = pilot.app.query_one(RichLog)
        lines = output(count).decode().split("\n")
        begin = time.perf_counter()
        for at in range(0, count, 600):
            for line in lines[at : at + 600]:
                log.write(line)
            await pilot.pause(0)
        return count / (time.perf_counter() - begin)


@pytest.mark.benchmark
async def test_the_tail_takes_output_many_times_faster_than_the_frameworks_logs() -> None:
    ours, log, rich = await tail_rate(1_000_000), await log_rate(20_000), await rich_log_rate(5_000)
    print(f"\ntail {ours:,.0f} lines/s, Log {log:,.0f} ({ours / log:.0f}x), RichLog {rich:,.0f} ({ours / rich:.0f}x)")
