"""The tail: it follows, wraps, searches, reads back and forth by offset, and paints seldom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from deployx_tui.errors import EngineUnreachable
from deployx_tui.model.execution import OutputSlice, Stream
from deployx_tui.tui.render.output import WINDOW_CAP
from deployx_tui.tui.widgets.output_reader import TailStatus
from deployx_tui.tui.widgets.output_tail import PAINT_INTERVAL, OutputTail
from tests.support.output_source import MemorySource

OUT, ERR = Stream.STDOUT, Stream.STDERR


class TailApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[object] = []
        self.told: list[TailStatus] = []

    def compose(self) -> ComposeResult:
        yield OutputTail(id="tail")

    def on_output_tail_moved(self, message: OutputTail.Moved) -> None:
        self.told.append(message.tail.status)

    def on_output_tail_not_found(self, message: OutputTail.NotFound) -> None:
        self.heard.append(message.words)

    def on_output_tail_failed(self, message: OutputTail.Failed) -> None:
        self.heard.append(message.error)


def tail_of(pilot: Pilot[None]) -> OutputTail:
    return pilot.app.query_one(OutputTail)


def seen(pilot: Pilot[None]) -> list[str]:
    tail = tail_of(pilot)
    return [tail.render_line(y).text.rstrip() for y in range(tail.size.height)]


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    """Let the app work until something holds; the suite's own timeout is the limit."""
    while not true():
        await pilot.pause(0.01)


def follows(tail: OutputTail) -> bool:
    return tail.status.follow


def numbered(count: int, width: int = 0) -> bytes:
    return b"".join(b"line %d %s\n" % (n, b"." * width) for n in range(count))


async def shown(pilot: Pilot[None], source: MemorySource) -> OutputTail:
    tail = tail_of(pilot)
    tail.open(source)
    await until(pilot, lambda: bool(source.reads) and tail.window.next_offset >= source.total)
    await pilot.pause(PAINT_INTERVAL)
    return tail


async def test_it_shows_time_stderr_and_the_end() -> None:
    async with TailApp().run_test(size=(50, 6)) as pilot:
        await shown(pilot, MemorySource((OUT, b"one\n"), (ERR, b"two\n"), complete=False))
        assert seen(pilot) == ["14:00:41.1 one", "14:00:41.1 E two", "▌", "", "", ""]


async def test_no_output_is_said() -> None:
    async with TailApp().run_test(size=(50, 3)) as pilot:
        await shown(pilot, MemorySource())
        assert seen(pilot)[0] == "no output"


async def test_it_follows_what_comes_and_stops_when_one_moves_up() -> None:
    async with TailApp().run_test(size=(40, 5)) as pilot:
        tail = await shown(pilot, source := MemorySource((OUT, numbered(20)), complete=False))
        tail.timestamps = False
        tail.focus()
        assert seen(pilot)[-2:] == ["line 19", "▌"]
        source.say(b"line 20\n")
        await until(pilot, lambda: seen(pilot)[-2:] == ["line 20", "▌"])
        await pilot.press("up", "up")
        assert follows(tail) is False
        assert seen(pilot)[-1] == "line 19"
        source.say(b"line 21\n")
        await until(pilot, lambda: tail.status.lines == 22)
        assert seen(pilot)[-1] == "line 19"
        await pilot.press("end")
        assert follows(tail) is True
        assert seen(pilot)[-2:] == ["line 21", "▌"]


async def test_moving_down_to_the_end_follows_again() -> None:
    async with TailApp().run_test(size=(40, 5)) as pilot:
        tail = await shown(pilot, MemorySource((OUT, numbered(20)), complete=False))
        tail.focus()
        await pilot.press("pageup", "pageup")
        assert follows(tail) is False
        await pilot.press("pagedown", "pagedown", "pagedown")
        assert follows(tail) is True


async def test_keys_reach_both_ends_and_stay_there() -> None:
    async with TailApp().run_test(size=(40, 5)) as pilot:
        tail = await shown(pilot, MemorySource((OUT, numbered(20))))
        tail.timestamps = False
        tail.focus()
        await pilot.press("home", "up", "k")
        assert seen(pilot)[0] == "line 0"
        await pilot.press("j", "down")
        assert seen(pilot)[0] == "line 2"
        await pilot.press("G", "down", "pagedown")
        assert seen(pilot)[-1] == "line 19"
        assert (tail.status.line, tail.status.lines) == (20, 20)


async def test_wrapped_lines_move_row_by_row() -> None:
    async with TailApp().run_test(size=(20, 4)) as pilot:
        tail = await shown(pilot, MemorySource((OUT, b"a" * 50 + b"\n" + b"b" * 30 + b"\nend\n")))
        tail.timestamps, tail.wrap = False, True
        tail.focus()
        await pilot.press("home")
        assert seen(pilot) == ["a" * 20, "a" * 20, "a" * 10, "b" * 20]
        await pilot.press("down")
        assert seen(pilot) == ["a" * 20, "a" * 10, "b" * 20, "b" * 10]
        await pilot.press("end")
        assert seen(pilot) == ["a" * 10, "b" * 20, "b" * 10, "end"]


async def test_right_and_left_move_over_long_lines() -> None:
    async with TailApp().run_test(size=(10, 2)) as pilot:
        tail = await shown(pilot, MemorySource((OUT, b"0123456789abcdefgh\n")))
        tail.timestamps = False
        tail.focus()
        await pilot.press("right")
        assert seen(pilot)[0] == "89abcdefgh"
        await pilot.press("left")
        assert seen(pilot)[0] == "0123456789"


async def test_a_large_output_opens_at_its_end_and_is_read_back_by_offset() -> None:
    source = MemorySource((OUT, numbered(200_000, width=80)))
    async with TailApp().run_test(size=(100, 10)) as pilot:
        tail = await shown(pilot, source)
        tail.timestamps = False
        tail.focus()
        assert seen(pilot)[-1].startswith("line 199999 ")
        assert min(source.reads) > source.total - (1 << 20)
        assert (tail.status.line, tail.status.lines) == (200_000, 200_000)  # although only its end was read
        number = int(seen(pilot)[0].split()[1])
        while number > 185_000:
            tail.action_scroll_pages(-20)
            await pilot.pause(0.01)
            before, number = number, int(seen(pilot)[0].split()[1])
            assert 0 <= before - number <= 200
        assert tail.window.cost <= WINDOW_CAP
        await pilot.press("home")
        await until(pilot, lambda: seen(pilot)[0].startswith("line 0 "))
        assert (tail.status.line, tail.status.lines) == (10, 200_000)
        await pilot.press("end")
        await until(pilot, lambda: seen(pilot)[-1].startswith("line 199999 "))


async def test_a_line_is_gone_to_by_its_number_and_only_its_neighbourhood_is_read() -> None:
    source = MemorySource((OUT, numbered(400_000, width=80)))
    async with TailApp().run_test(size=(100, 10)) as pilot:
        tail = await shown(pilot, source)
        tail.timestamps = False
        source.reads.clear()
        tail.go_to_line(100_001)
        await until(pilot, lambda: seen(pilot)[0].startswith("line 100000 "))
        assert (tail.status.line, tail.status.lines) == (100_010, 400_000)
        assert max(source.reads) - min(source.reads) < WINDOW_CAP
        source.reads.clear()
        tail.go_to_line(100_002)
        assert seen(pilot)[0].startswith("line 100001 ")
        assert source.reads == []
        tail.go_to_line(-20)
        await until(pilot, lambda: seen(pilot)[0].startswith("line 399980 "))
        tail.go_to_line(400_001)
        await until(pilot, lambda: pilot.app.heard == ["line 400001"])  # type: ignore[attr-defined]  # TailApp
        assert seen(pilot)[0].startswith("line 399980 ")


async def test_a_search_goes_on_beyond_what_was_read() -> None:
    data = numbered(200_000, width=80).replace(b"line 1234 ", b"needle 1 ").replace(b"line 150000 ", b"needle 2 ")
    async with TailApp().run_test(size=(100, 10)) as pilot:
        tail = await shown(pilot, MemorySource((OUT, data)))
        tail.timestamps = False
        tail.search("needle", -1)
        await until(pilot, lambda: seen(pilot)[0].startswith("needle 2"))
        tail.search("needle", -1)
        await until(pilot, lambda: seen(pilot)[0].startswith("needle 1"))
        tail.search("needle", 1)
        await until(pilot, lambda: seen(pilot)[0].startswith("needle 2"))
        tail.search("no such words", 1)
        await until(pilot, lambda: pilot.app.heard == ["no such words"])  # type: ignore[attr-defined]  # TailApp
        assert seen(pilot)[0].startswith("needle 2")


async def test_a_flood_is_painted_at_most_ten_times_a_second_and_keys_move_meanwhile() -> None:
    async with TailApp().run_test(size=(80, 12)) as pilot:
        source = MemorySource((OUT, b"begin\n"), complete=False)
        tail = await shown(pilot, source)
        tail.focus()
        source.say(numbered(5000))
        await until(pilot, lambda: seen(pilot)[-2].endswith("line 4999"))
        await pilot.press("up")
        tail.paints, presses = 0, 0
        clock = asyncio.get_running_loop().time
        begin = clock()
        block = numbered(1000)
        for _ in range(200):
            source.say(block)
            await asyncio.sleep(0)
            if _ % 20 == 0:
                before = tail.status.line
                await pilot.press("up")
                assert tail.status.line < before
                presses += 1
        assert presses == 10
        assert tail.paints <= (clock() - begin) / PAINT_INTERVAL + 1


async def test_a_line_after_a_silence_is_painted_at_once_and_the_next_ones_together() -> None:
    async with TailApp().run_test(size=(40, 5)) as pilot:
        tail = await shown(pilot, MemorySource((OUT, b"first\n"), complete=False))
        await pilot.pause(PAINT_INTERVAL)
        before = tail.paints
        tail.grew()
        assert tail.paints == before + 1
        for _ in range(20):
            tail.grew()
        assert tail.paints == before + 1
        await until(pilot, lambda: tail.paints == before + 2)


async def test_who_follows_is_told_the_line_that_is_painted_not_the_one_before() -> None:
    async with TailApp().run_test(size=(40, 5)) as pilot:
        await shown(pilot, source := MemorySource((OUT, numbered(20)), complete=False))
        told = pilot.app.told  # type: ignore[attr-defined]  # TailApp
        told.clear()
        source.say(numbered(10))
        await until(pilot, lambda: bool(told))
        assert [(status.line, status.lines) for status in told] == [(30, 30)]


async def test_a_flood_is_read_as_often_as_it_is_painted() -> None:
    class Flooding(MemorySource):
        async def read(
            self, offset: int, limit: int, tail: int | None, wait: timedelta | None, line: int | None = None
        ) -> OutputSlice:
            self.say(numbered(10))
            return await super().read(offset, limit, tail, wait, line)

    async with TailApp().run_test(size=(80, 12)) as pilot:
        tail = tail_of(pilot)
        tail.open(source := Flooding(complete=False))
        await until(pilot, lambda: tail.paints == 5)
        # the first one may be read twice: from near the end, and from where that ended
        assert len(source.reads) <= 7
        source.end()
        await until(pilot, lambda: tail.status.complete)
        assert tail.window.next_offset == source.total


async def test_a_reader_who_stands_still_makes_nothing_be_read() -> None:
    async with TailApp().run_test(size=(80, 12)) as pilot:
        source = MemorySource((OUT, numbered(300_000, width=60)), complete=False)
        tail = await shown(pilot, source)
        tail.focus()
        await pilot.press("home")
        await until(pilot, lambda: tail.status.line == 12 and tail.window.is_full)
        await pilot.pause(0.02)
        count = len(source.reads)
        source.say(numbered(1000))
        await pilot.pause(0.05)
        assert len(source.reads) == count


async def test_an_output_that_can_not_be_read_is_told_and_what_was_read_stays() -> None:
    class Broken(MemorySource):
        async def read(
            self, offset: int, limit: int, tail: int | None, wait: object, line: int | None = None
        ) -> OutputSlice:
            if offset:
                raise EngineUnreachable("gone")
            return await super().read(offset, limit, tail, None)

    async with TailApp().run_test(size=(50, 3)) as pilot:
        tail_of(pilot).open(Broken((OUT, b"kept\n"), complete=False))
        await until(pilot, lambda: bool(pilot.app.heard))  # type: ignore[attr-defined]  # TailApp
        assert seen(pilot)[0] == "14:00:41.1 kept"
