"""The tail of one target's output: a Line-API widget over a window that is read by offset.

It feeds more than a million lines a second, keeps at most `WINDOW_CAP` bytes and paints at most 10 times a second,
whatever arrives. It knows no Backend: the screen gives it an `OutputSource`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from math import inf
from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from deployx_tui.errors import DeployxError
from deployx_tui.tui.render.output import WINDOW_CAP, OutputWindow
from deployx_tui.tui.render.output_rows import RowLook, height_of, plain_of, rows_of
from deployx_tui.tui.render.safe import SafeText
from deployx_tui.tui.theme import no_color, styles
from deployx_tui.tui.widgets.output_reader import READ_LIMIT, OutputReader, OutputSource, TailStatus

#: seconds between two paints that new output causes: nobody reads faster, and keys wait for each
PAINT_INTERVAL = 0.1


#: where nothing is open
_NOTHING = OutputWindow()


class OutputTail(Widget, can_focus=True):
    """Shows a target's output; follows it, wraps it, searches it."""

    DEFAULT_CSS = "OutputTail { height: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_rows(-1)", "up", show=False),
        Binding("down,j", "scroll_rows(1)", "down", show=False),
        Binding("pageup", "scroll_pages(-1)", "page up", show=False),
        Binding("pagedown", "scroll_pages(1)", "page down", show=False),
        Binding("home,g", "to_start", "first line", show=False),
        Binding("end,G", "to_end", "last line", show=False),
        Binding("left,h", "shift(-8)", "left", show=False),
        Binding("right,l", "shift(8)", "right", show=False),
    ]

    wrap: reactive[bool] = reactive(False)
    timestamps: reactive[bool] = reactive(True)
    follow: reactive[bool] = reactive(True)

    @dataclass
    class Moved(Message):
        """The status changed; only the last of several is worth hearing."""

        tail: OutputTail

        @property
        def control(self) -> OutputTail:
            return self.tail

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, OutputTail.Moved) and message.tail is self.tail

    @dataclass
    class Failed(Message):
        """The output can't be read; what was read stays."""

        tail: OutputTail
        error: DeployxError

    @dataclass
    class NotFound(Message):
        """A search came to the end of the output."""

        tail: OutputTail
        words: str

    def __init__(self, *, zone: tzinfo = UTC, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self.zone = zone
        self._reader: OutputReader | None = None
        self._top = (0, 0)  # line number, row inside it
        #: logical offset that a reading under way will show
        self._anchor: int | None = None
        self._shift = 0
        self._found = ""
        self._searching = ""
        self._rows: list[Text] | None = None
        self._last_seen = 0
        self._paint_due = False
        self._painted_at = -inf
        #: how often new output caused a paint; tests count them
        self.paints = 0

    # -- what the screen does with it

    def open(self, source: OutputSource) -> None:
        """Show another output, from its end when following, else from its beginning."""
        self._reader = OutputReader(source, on_grow=self.grew, on_jump=self._jumped, follow=self.follow)
        self._top, self._shift, self._found = (0, 0), 0, ""
        self._start(None if self.follow else 0)
        self._changed()

    def close(self) -> None:
        """Show nothing."""
        self.workers.cancel_node(self)
        self._reader = None
        self._changed()

    @property
    def window(self) -> OutputWindow:
        return self._reader.window if self._reader is not None else _NOTHING

    @property
    def status(self) -> TailStatus:
        window, reader = self.window, self._reader
        if reader is None:
            return TailStatus(self.follow, self.wrap, 0, 0, complete=True, is_empty=True)
        # a follower sees the end with the next paint, which comes after whoever asks because of it
        seen = window.end if self.follow else self._last_seen
        line = window.true_number(max(window.first, min(seen, window.end)))
        end = window.true_number(window.end)
        return TailStatus(
            follow=self.follow,
            wrap=self.wrap,
            line=line,
            lines=end if reader.at_end else max(end, reader.lines),
            complete=reader.complete and reader.at_end,
            is_empty=window.end == 0,
            searching=self._searching,
        )

    @property
    def copied(self) -> tuple[SafeText, ...]:
        """The lines in view, for the clipboard."""
        window, first = self.window, max(self._top[0], self.window.first)
        return tuple(plain_of(window.line(number)) for number in range(first, min(window.end, self._last_seen)))

    def search(self, words: str, step: int = 1) -> None:
        """Go to the next line that holds `words` (`step` -1: the one before), reading on when it must."""
        again, self._found = words == self._found, words
        window, reader = self.window, self._reader
        self._changed()
        if not words or reader is None or window.end == window.first:
            return
        start = self._top[0] + (step if again or step < 0 else 0)
        number = window.find(words, start, step) if window.first <= start < window.end else None
        if number is not None:
            self._go_to(number)
        else:
            self.run_worker(self._search_on(reader, words, step), group="search", exclusive=True)

    async def _search_on(self, reader: OutputReader, words: str, step: int) -> None:
        self._searching = words
        self._changed()
        try:
            found = await reader.look_through(words, step)
        except DeployxError as error:
            self.post_message(self.Failed(self, error))
            return
        finally:
            self._searching = ""
            self._changed()
        if found is None:
            self.post_message(self.NotFound(self, words))
        else:
            self._show_place(found)

    def go_to_line(self, line: int) -> None:
        """Show the line with this number, from 1; from the end when negative. What is not read yet is read there."""
        number = self.window.number_of(line - 1) if line > 0 else None
        if number is not None:
            self._go_to(number)
        elif self._reader is not None:
            self.run_worker(self._find_line(self._reader, line), group="search", exclusive=True)

    async def _find_line(self, reader: OutputReader, line: int) -> None:
        try:
            found = await reader.place_of(max(0, line - 1) if line >= 0 else line)
        except DeployxError as error:
            self.post_message(self.Failed(self, error))
            return
        if found is None:
            self.post_message(self.NotFound(self, f"line {line}"))
        else:
            self._show_place(found)

    def _show_place(self, offset: int) -> None:
        self.follow = False
        self._start(max(0, offset - READ_LIMIT), anchor=offset)

    # -- reading

    def _start(self, offset: int | None, anchor: int | None = None) -> None:
        self._anchor = anchor
        if self._reader is not None:
            self.run_worker(self._read(self._reader, offset, anchor), group="read", exclusive=True)

    async def _read(self, reader: OutputReader, offset: int | None, anchor: int | None) -> None:
        try:
            await reader.read(offset, anchor)
        except DeployxError as error:
            self.post_message(self.Failed(self, error))

    def _jumped(self, first: int) -> None:
        self._top = (first, 0)
        self._anchor = None

    @property
    def _complete(self) -> bool:
        """All was read, and no more will come."""
        return self._reader is None or (self._reader.complete and self._reader.at_end)

    # -- painting

    def grew(self) -> None:
        """New output: paint it at once, but not more than 10 times a second."""
        if self._paint_due:
            return
        rest = self._painted_at + PAINT_INTERVAL - monotonic()
        if rest <= 0:
            self._paint()
        else:
            self._paint_due = True
            self.set_timer(rest, self._paint)

    def _paint(self) -> None:
        self._paint_due = False
        self._painted_at = monotonic()
        self.paints += 1
        if self._reader is not None:
            self._reader.was_shown()
        self._changed()

    def _changed(self) -> None:
        self._rows = None
        self.refresh()
        self.post_message(self.Moved(self))

    def watch_wrap(self) -> None:
        self._shift = 0
        self._changed()

    def watch_timestamps(self) -> None:
        self._changed()

    def watch_follow(self, follow: bool) -> None:
        if self._reader is not None:
            self._reader.wants(follow, self._last_seen)
            if follow and not self._reader.at_end:
                self._start(None)
        self._changed()

    def on_resize(self) -> None:
        self._rows = None

    @property
    def _look(self) -> RowLook:
        named = styles(self.app.theme, no_color())
        return RowLook(
            width=max(1, self.size.width),
            zone=self.zone,
            wrap=self.wrap,
            timestamps=self.timestamps,
            shift=self._shift,
            found=self._found,
            dim=named["dim"],
            stderr=named["warn"],
            hit=named["reverse"],
        )

    def _laid_out(self) -> list[Text]:
        """The rows in view; sets where the view ends."""
        if self._rows is None:
            look, height = self._look, self.size.height
            if self.follow:
                self._top = self._last_page(look)
            self._clamp()
            rows: list[Text] = []
            number, skip = self._top
            while len(rows) < height and number < self.window.end:
                rows += rows_of(self.window.line(number), look)[skip:]
                number, skip = number + 1, 0
            self._last_seen = number
            self._rows = rows[:height]
            if self._reader is not None:
                self._reader.wants(self.follow, number)
        return self._rows

    def _clamp(self) -> None:
        number, row = self._top
        if number < self.window.first:
            number, row = self.window.first, 0
        if number >= self.window.end:
            number, row = max(self.window.first, self.window.end - 1), 0
        self._top = (number, row)

    def _last_page(self, look: RowLook) -> tuple[int, int]:
        """The top at which the last row of output is the last row of the view."""
        # while it runs the last row shows the place where the next line comes
        left = self.size.height - (0 if self._complete else 1)
        number = self.window.end
        while left > 0 and number > self.window.first:
            number -= 1
            left -= height_of(self.window.line(number), look)
        return number, max(0, -left)

    def render_line(self, y: int) -> Strip:
        rows = self._laid_out()
        width = self.size.width
        base = self.rich_style
        if y < len(rows):
            row = rows[y]
            strip = Strip(row.render(self.app.console), row.cell_len)
            return strip.adjust_cell_length(width, base).apply_style(base)
        if y == len(rows) and (not rows or not self._complete):
            return self._end_row(not rows).adjust_cell_length(width, base).apply_style(base)
        return Strip.blank(width, base)

    def _end_row(self, empty: bool) -> Strip:
        named = styles(self.app.theme, no_color())
        if self._reader is None:
            return Strip([])
        if empty and self._complete:
            return Strip(Text("no output", style=named["dim"], end="").render(self.app.console))
        return Strip(Text("▌", style=named["accent"], end="").render(self.app.console))

    # -- moving

    def _go_to(self, number: int) -> None:
        self.follow = False
        self._top = (number, 0)
        self._changed()

    def _steps(self, rows: int) -> Iterator[tuple[int, int]]:
        """Tops one row after the other, down or up, as far as there are any."""
        look = self._look
        number, row = self._top
        step = 1 if rows > 0 else -1
        for _ in range(abs(rows)):
            row += step
            if row < 0:
                number -= 1
                if number < self.window.first:
                    return
                row = height_of(self.window.line(number), look) - 1
            elif row >= height_of(self.window.line(number), look):
                number, row = number + 1, 0
                if number >= self.window.end:
                    return
            yield number, row

    def action_scroll_rows(self, rows: int) -> None:
        if self.window.end == self.window.first:
            return
        self._laid_out()
        last = self._last_page(self._look)
        for top in self._steps(rows):
            if rows > 0 and top > last:
                break
            self._top = top
        if rows < 0:
            self.follow = False
            if self._top == (self.window.first, 0) and not self.window.is_from_start:
                self._read_back()
        elif self._top >= last and self._reader is not None and self._reader.at_end and not self._complete:
            self.follow = True
        self._changed()

    def _read_back(self) -> None:
        """The reader came to the top of the window: read one that lies further up."""
        anchor = self.window.offset_of(self.window.first)
        # a key held down asks again and again: the reading under way is not begun anew
        if anchor > 0 and anchor != self._anchor:
            self._start(max(0, anchor - WINDOW_CAP // 2), anchor)

    def action_scroll_pages(self, pages: int) -> None:
        self.action_scroll_rows(pages * max(1, self.size.height - 1))

    def action_to_start(self) -> None:
        self.follow = False
        if self.window.is_from_start:
            self._go_to(self.window.first)
        else:
            self._start(0)

    def action_to_end(self) -> None:
        if self._complete:
            self._top = self._last_page(self._look)
            self._changed()
        else:
            self.follow = True

    def action_shift(self, cells: int) -> None:
        if not self.wrap:
            self._shift = max(0, self._shift + cells)
            self._changed()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_scroll_rows(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_scroll_rows(3)
