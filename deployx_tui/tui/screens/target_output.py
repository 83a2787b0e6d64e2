"""One target of a run: how it ended, what it said while it says it, and the line that finds words in that."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from textual import work
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget

from deployx_tui.model.execution import OutputSlice, Stream, TargetResult
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.tui.bridge import Bridge
from deployx_tui.tui.render import execution as draw
from deployx_tui.tui.render.safe import SafeText, join
from deployx_tui.tui.render.why import why_lines
from deployx_tui.tui.widgets.base import Lines, TitleBar
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.output_tail import OutputTail

#: the cursor stands still for so long before its output is opened
STILL = 0.1


@dataclass(frozen=True, slots=True)
class BackendOutput:
    """One target's output, for the tail."""

    bridge: Bridge
    execution: ExecutionId
    device: DeviceId

    async def read(
        self, offset: int, limit: int, tail: int | None, wait: timedelta | None, line: int | None = None
    ) -> OutputSlice:
        return await self.bridge.backend.executions.output(
            self.execution, self.device, Stream.BOTH, offset=offset, limit=limit, tail=tail, wait=wait, line=line
        )


class TargetOutput(Vertical):
    """What is known of the target that was shown last."""

    DEFAULT_CSS = """
    TargetOutput Field { display: none; }
    TargetOutput #why { height: auto; max-height: 60%; margin: 0 0 0 1; }
    TargetOutput #why.-alone { max-height: 100%; }
    TargetOutput #tail { padding: 0 0 0 1; }
    """

    class Told(Message):
        """What it says, and so what can be done with it, is another; its room may be too."""

    def __init__(self, bridge: Bridge, execution: ExecutionId, *, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._bridge = bridge
        self._execution = execution
        self._target: TargetResult | None = None
        self._opened: DeviceId | None = None
        #: what is looked for; "" when nothing is
        self.words = ""
        #: rows that the title, the message and one word of the tail want
        self.rows_wanted = 2
        #: what the screen was told last: what can be done with the output, and its room
        self._told: tuple[object, ...] = ()
        self._title = TitleBar(id="tail-title")
        self._why = Lines(id="why")
        self.tail = OutputTail(zone=bridge.zone, id="tail")
        self._words = Field(prompt="/", hint="words in the output; n and N go on", id="find")
        self._line = Field(prompt="#", hint="number of a line; -1 is the last", id="line")

    def compose(self) -> Iterable[Widget]:
        yield from (self._title, self._why, self.tail, self._words, self._line)

    def show(self, target: TargetResult | None) -> None:
        """Say what is known of it, and open its output when it has one that is not open yet."""
        self._target = target
        self._say()
        self._open()

    @property
    def has_output(self) -> bool:
        """Something of the target's output is shown, or may still come."""
        status = self.tail.status
        return self._opened is not None and not (status.complete and status.is_empty)

    @work(exclusive=True, group="open")
    async def _open(self) -> None:
        target = self._target
        device = None if target is None or target.started_at is None else target.device_id
        if device == self._opened:
            return
        self.tail.close()
        self._opened = None
        if device is not None:
            await asyncio.sleep(STILL)
            self._opened = device
            self.tail.open(BackendOutput(self._bridge, self._execution, device))
        self.post_message(self.Told())

    def _say(self) -> None:
        target, status = self._target, self.tail.status
        right: list[str] = []
        if status.searching:
            right.append(f"looking for {status.searching}")
        elif self.has_output:
            right.append(f"line {status.line:,} of {status.lines:,}")
        left = [*draw.tail_words(target, self._bridge.zone)]
        if not status.complete and self._opened is not None:
            left.append("follow on" if status.follow else "follow off")
        self._title.say(left, right, "")
        self._why.set_class(not self.has_output, "-alone")
        lines = () if target is None else why_lines(target, self.size.width - 2, has_output=self.has_output)
        self._why.set_lines(lines)
        self.rows_wanted = len(lines) + 2
        # output that grows is not news for the frame: only its own rows and title are painted anew
        told = (self.has_output, self.rows_wanted, status.follow, status.complete, self.words)
        if told != self._told:
            self._told = told
            self.post_message(self.Told())

    def on_resize(self) -> None:
        self._say()

    def on_output_tail_moved(self, message: OutputTail.Moved) -> None:
        message.stop()
        self._say()

    def on_output_tail_failed(self, message: OutputTail.Failed) -> None:
        self._opened = None  # the screen says what failed

    # following and finding

    def toggle_follow(self) -> None:
        self.tail.follow = not self.tail.follow
        self._say()

    def find(self) -> None:
        """Ask for words."""
        self._ask(self._words)

    def find_line(self) -> None:
        """Ask for the number of a line."""
        self._ask(self._line)

    def _ask(self, field: Field) -> None:
        self._close_fields()
        field.display = True
        field.focus()

    def find_next(self, step: int) -> None:
        self.tail.search(self.words, step)

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        value = message.field.value
        self._close_fields()
        if message.field is self._line:
            self._go_to_line(value.strip())
            return
        self.words = value
        self.tail.search(self.words)
        self.post_message(self.Told())

    def _go_to_line(self, value: str) -> None:
        self._line.set_value("")
        if re.fullmatch("-?[0-9]{1,15}", value):
            self.tail.go_to_line(int(value))
        elif value:
            self.post_message(OutputTail.NotFound(self.tail, f"line {value}"))

    def _close_fields(self) -> bool:
        """False: none was open."""
        fields = [field for field in (self._words, self._line) if field.display]
        for field in fields:
            field.display = False
        if fields:
            self.tail.focus()
        return bool(fields)

    def close_find(self) -> bool:
        """Leave the line, else forget the words; False when there is neither."""
        if self._close_fields():
            return True
        if self.words:
            self.words = ""
            self.tail.search("")
            return True
        return False

    @property
    def copied(self) -> str:
        """The lines that `y` copies while the output has the focus; "" while it has not."""
        return join(SafeText("\n"), self.tail.copied) if self.tail.has_focus else ""
