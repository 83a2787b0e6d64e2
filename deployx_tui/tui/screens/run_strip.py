"""The strip below the history: causes, equal output and the last good run of what is under the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

from textual import work
from textual.containers import Vertical
from textual.widget import Widget

from deployx_tui.errors import DeployxError
from deployx_tui.model.execution import Execution, ExecutionQuery, ExecutionStatus
from deployx_tui.tui.bridge import Bridge
from deployx_tui.tui.render import history as draw
from deployx_tui.tui.render.history import FAILURES, FoldRow, HistoryRow, RunRow
from deployx_tui.tui.render.run_detail import RunDetail, detail_lines, fold_lines, title_words
from deployx_tui.tui.widgets.base import Lines, TitleBar

#: the cursor stands still for so long before its run is read
STILL = 0.12
#: rows below the title where the screen is tall, and where it is not; the history's own rules say the same
_TALL, _SHORT = 10, 3


class RunStrip(Vertical):
    """What is known of the row that was shown last."""

    DEFAULT_CSS = """
    RunStrip { height: auto; }
    RunStrip Lines { height: 10; }
    """

    def __init__(self, bridge: Bridge, *, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._bridge = bridge
        self._row: HistoryRow | None = None
        self._detail: RunDetail | None = None
        self._title = TitleBar()
        self._lines = Lines()

    def compose(self) -> Iterable[Widget]:
        yield from (self._title, self._lines)

    def show(self, row: HistoryRow | None) -> None:
        """Say what the row itself holds, and read the rest."""
        self._row = row
        self._read()

    @work(exclusive=True, group="detail")
    async def _read(self) -> None:
        row = self._row
        if not isinstance(row, RunRow):
            self._detail = None
            self._say()
            return
        if self._detail is None or self._detail.run.id != row.run.id:
            self._detail = RunDetail(row.run)
            self._say()
            await asyncio.sleep(STILL)
        executions, run = self._bridge.backend.executions, row.run
        try:
            causes = await executions.causes(run.id)
            groups = await executions.output_groups(run.id)
            good, bad = await self._last_good(run)
        except DeployxError:
            return  # the row alone stays; the frame tells of a lost engine
        self._detail = RunDetail(run, causes, groups, good, bad, is_read=True)
        self._say()

    async def _last_good(self, run: Execution) -> tuple[Execution | None, int]:
        """The newest good run of the task before this one, and how many since then were not."""
        if run.task_id is None or run.status is ExecutionStatus.SUCCEEDED:
            return None, 0
        executions = self._bridge.backend.executions
        good = await executions.list(
            ExecutionQuery(
                task_id=run.task_id, statuses=frozenset({ExecutionStatus.SUCCEEDED}), until=run.created_at, limit=1
            )
        )
        if not good.items:
            return None, 0
        last = good.items[0]
        between = await executions.list(
            ExecutionQuery(
                task_id=run.task_id,
                statuses=FAILURES,
                since=last.created_at,
                until=run.created_at + timedelta(milliseconds=1),
                limit=1000,
            )
        )
        return last, len(between.items)

    def on_resize(self) -> None:
        self._say()

    def _say(self) -> None:
        row, width, zone = self._row, self.size.width, self._bridge.zone
        height = _SHORT if self.screen.has_class("-short") else _TALL
        if isinstance(row, FoldRow):
            self._title.say((f"{len(row.runs)} good runs",))
            self._lines.set_lines(fold_lines(row, width, height))
        elif isinstance(row, RunRow) and self._detail is not None:
            left, right = title_words(row.run, zone, width)
            self._title.say(left, right, draw.glyph_of(row.run))
            self._lines.set_lines(detail_lines(self._detail, width, height, self._bridge.now(), zone))
        else:
            self._title.say(())
            self._lines.set_lines(())
