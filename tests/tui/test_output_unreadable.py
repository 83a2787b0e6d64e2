"""An output of which nothing can be read is no empty one: the view says why."""

from __future__ import annotations

from datetime import timedelta

from deployx_tui.model.execution import OutputGap, OutputSlice
from deployx_tui.tui.widgets.output_reader import OutputReader

WHY = "the output file is missing: /d/1.pack"


class Lost:
    """A source whose file is gone."""

    async def read(
        self, offset: int, limit: int, tail: int | None, wait: timedelta | None, line: int | None = None
    ) -> OutputSlice:
        return OutputSlice(chunks=(), next_offset=5000, complete=True, total=5000, gaps=(OutputGap(0, 5000, WHY),))


async def test_it_is_said_whether_the_reading_begins_at_the_end_or_the_beginning() -> None:
    for offset in (None, 0):
        reader = OutputReader(Lost(), on_grow=lambda: None, on_jump=lambda _: None)
        await reader.read(offset)
        window = reader.window
        said = [window.line(number).data.decode() for number in range(window.first, window.end)]
        assert said == [f"5.0 kB can't be read: {WHY}"]
        assert reader.complete
