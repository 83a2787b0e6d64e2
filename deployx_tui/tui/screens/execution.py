"""One run: its targets, what they say while they say it, what is equal, what failed and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget

from deployx_tui.errors import DeployxError
from deployx_tui.model.execution import (
    CauseCount,
    Execution,
    ExecutionQuery,
    ExecutionStatus,
    OutputGroup,
    TargetResult,
    TargetState,
)
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.model.outcome_words import run_word
from deployx_tui.model.parameter import Value
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.keymap import EXECUTION, bindings
from deployx_tui.tui.pace import Pace
from deployx_tui.tui.render import execution as draw
from deployx_tui.tui.render.execution import GoodFold, GroupRow, RunLine, TargetRow
from deployx_tui.tui.render.line import Line, Span, line, span
from deployx_tui.tui.render.safe import show
from deployx_tui.tui.render.targets import ORDER
from deployx_tui.tui.render.words import wrap
from deployx_tui.tui.screens.run_acts import RunActs
from deployx_tui.tui.screens.target_output import TargetOutput
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.line_table import Column, LineTable
from deployx_tui.tui.widgets.output_tail import OutputTail
from deployx_tui.tui.widgets.run_bars import PAGES, PageBar, Progress

#: seconds between two readings that events cause; of a run of more than so many targets, each of which is read again
EVERY, EVERY_OF_MANY, _MANY = 0.25, 1.0, 100
#: up to so many targets are read whole; of a larger run the good ones only when they are asked for
_ALL, _MOST = 1000, 5000
#: rows of the targets on a narrow screen, at most and at least
_NARROW_ROWS, _FEWEST_ROWS = 11, 4
_NOT_GOOD = frozenset(ORDER) - {TargetState.SUCCEEDED}

COLUMNS: tuple[Column[RunLine], ...] = (
    Column(key="state", title="", width=1, cell=draw.glyph_cell),
    Column(key="target", title="TARGET", width=12, flex=2, cell=draw.name_cell, identity=True),
    Column(key="word", title="STATE", width=draw.STATE_WIDTH, cell=draw.state_cell),
    Column(key="exit", title="EXIT", width=4, cell=draw.exit_cell, align=">"),
    Column(key="time", title="TIME", width=7, cell=draw.time_cell, align=">"),
    Column(key="why", title=" WHY", width=12, flex=4, cell=lambda row: (span(" "), *draw.why_cell(row)), priority=1),
)


class ExecutionPlace(RunActs):
    """A run while it runs and afterwards."""

    tab = "history"
    keys = "execution"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(EXECUTION)]
    DEFAULT_CSS = """
    ExecutionPlace #left { width: 54; }
    ExecutionPlace #right { width: 1fr; border-left: solid $panel; }
    ExecutionPlace #facts { height: auto; max-height: 16; margin-top: 1; }
    ExecutionPlace PageBar { display: none; }
    ExecutionPlace.-zoom #left { display: none; }
    ExecutionPlace.-zoom #right { border-left: none; }
    ExecutionPlace.-narrow #panes { layout: vertical; }
    ExecutionPlace.-narrow #left { width: 100%; height: 11; }
    ExecutionPlace.-narrow #right { width: 100%; height: 1fr; border-left: none; }
    ExecutionPlace.-narrow PageBar { display: block; }
    ExecutionPlace.-narrow #facts { display: none; }
    ExecutionPlace.-narrow.-facts #facts { display: block; height: 1fr; max-height: 100%; margin: 0; }
    ExecutionPlace.-narrow.-facts #targets { display: none; }
    ExecutionPlace.-narrow.-facts #left { height: 1fr; }
    ExecutionPlace.-narrow.-facts #right { display: none; }
    """

    def __init__(self, execution: ExecutionId, known: Execution | None = None) -> None:
        """`known` is shown until the run is read: None where nothing is known of it yet."""
        super().__init__()
        self.execution = execution
        self._run = known
        self._is_read = False
        self._targets: tuple[TargetResult, ...] = ()
        self._groups: tuple[OutputGroup, ...] = ()
        self._causes: tuple[CauseCount, ...] = ()
        self._earlier: tuple[Execution, ...] = ()
        #: settled when it is planned at the latest, and read no more then
        self._values: tuple[Value, ...] = ()
        self._is_settled = False
        self._show_good = False
        self._by_group = False
        #: of the targets' pane, as it was set last
        self._height: int | None = None
        self._seconds: Timer | None = None
        self._pace = Pace(self._read, EVERY)

    def body(self) -> Iterable[Widget]:
        self.table = LineTable[RunLine](
            COLUMNS,
            key=lambda row: row.key,
            whole=draw.across,
            can_mark=False,
            id="targets",
        )
        self.output = TargetOutput(self.bridge, self.execution, id="right")
        with Vertical(id="body"):
            yield Progress()
            with Horizontal(id="panes"):
                with Vertical(id="left"):
                    yield self.table
                    yield Lines(id="facts")
                yield self.output
            yield PageBar()

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._pace.run(), group="follow")
        self.table.focus()
        self.say_title((f"History ▸ #{self.execution}",))
        self._show()

    # reading

    def reload(self) -> None:
        self._pace.want()

    def changed(self, change: Changed) -> None:
        if change.everything or self.execution in change.executions:
            self._pace.want()

    async def _read(self) -> None:
        if not self.bridge.is_up:
            return
        executions = self.bridge.backend.executions
        try:
            run = await executions.get(self.execution)
            targets = await self._read_targets(run)
            causes = await executions.causes(self.execution)
            groups = await executions.output_groups(self.execution)
            if not self._is_settled:
                self._values = await executions.parameters(self.execution)
                self._is_settled = run.plan_sha256 is not None or not run.status.is_alive
            if not self._earlier and run.task_id is not None:
                page = await executions.list(ExecutionQuery(task_id=run.task_id, until=run.created_at, limit=19))
                self._earlier = tuple(each for each in page.items if each.id != run.id)
        except DeployxError as error:
            if self.bridge.is_up:
                self.tell_error(error)
            return
        self._run, self._targets, self._causes, self._groups = run, targets, causes, groups
        self._is_read = True
        self._pace.every = EVERY if len(targets) <= _MANY else EVERY_OF_MANY
        self._count_seconds(run.status.is_alive)
        self._show()

    async def _read_targets(self, run: Execution) -> tuple[TargetResult, ...]:
        states = frozenset[TargetState]() if run.targets.total <= _ALL or self._show_good else _NOT_GOOD
        found: list[TargetResult] = []
        cursor: str | None = None
        while len(found) < _MOST:
            page = await self.bridge.backend.executions.targets(self.execution, states, limit=_ALL, cursor=cursor)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        if cursor is not None:
            self.tell(f"the first {len(found):,} of {run.targets.total:,} targets are shown", "warn")
        return tuple(found)

    def _count_seconds(self, alive: bool) -> None:
        """While it runs its seconds are counted; afterwards nothing ticks."""
        if alive and self._seconds is None:
            self._seconds = self.set_interval(1.0, self._show)
        elif not alive and self._seconds is not None:
            self._seconds.stop()
            self._seconds = None

    # showing

    def _show(self) -> None:
        run = self._run
        if run is None:
            return
        now, zone = self.bridge.now(), self.bridge.zone
        if self._by_group:
            self.table.set_rows([GroupRow(group) for group in self._groups])
            none_yet = (line(span("no target is over yet: equal output is counted then", "dim")),)
            self.table.set_empty(none_yet if self._is_read else ())
        elif self._is_read:
            self.table.set_rows(draw.target_rows(self._targets, run.targets.succeeded, now, show_good=self._show_good))
            self.table.set_empty(_no_targets(run, self.table.size.width))
        self.query_one(Progress).say(run.targets)
        right, verdict = draw.right_words(run, self._earlier, now)
        self.say_title(draw.left_words(run, self._targets, zone, narrow=self.is_narrow), right, verdict)
        facts = self.query_one("#facts", Lines)
        width = self.size.width if self.is_narrow else 53
        facts.set_lines(
            draw.facts_lines(
                run, self._values, self._groups, self._causes, self._earlier, width, now, targets=self._targets
            )
        )
        bar = self.query_one(PageBar)
        bar.notes = ("", str(len(self._groups)) if self._is_read else "", "")
        bar.refresh()
        self.output.show(self.target_here)
        self._share_the_height()
        self.refresh_frame()

    def on_target_output_told(self, message: TargetOutput.Told) -> None:
        message.stop()
        self._share_the_height()
        self.refresh_frame()

    def _share_the_height(self) -> None:
        """On a narrow screen: rows that no target needs, and those that a message needs, go to the output."""
        height = self._rows_of_targets()
        # setting it lays the screen out anew, also when it is what it was; output that comes asks 10 times a second
        if height != self._height:
            self._height = height
            self.query_one("#left").styles.height = height

    def _rows_of_targets(self) -> int | None:
        """None: as the style sheet says."""
        if self._run is None or not self.is_narrow or self.has_class("-facts"):
            return None
        # while it runs the table stays as it is, unless a message would be cut
        rows = _NARROW_ROWS if self._run.status.is_alive else min(_NARROW_ROWS, len(self.table.rows) + 1)
        room = self.query_one("#panes").size.height - self.output.rows_wanted
        return max(_FEWEST_ROWS, min(rows, room))

    def on_resize(self) -> None:
        self._show()

    @property
    def target_here(self) -> TargetResult | None:
        """The target whose output is shown."""
        row = self.table.row
        if isinstance(row, TargetRow):
            return row.target
        device: DeviceId | None = None
        if isinstance(row, GroupRow):
            device = row.group.devices[0][0]
        elif isinstance(row, GoodFold):
            device = next((t.device_id for t in self._targets if t.state is TargetState.SUCCEEDED), None)
        return next((target for target in self._targets if target.device_id == device), None)

    @property
    def run_here(self) -> Execution | None:
        return self._run

    def on_line_table_moved(self, message: LineTable.Moved) -> None:
        message.stop()
        self.output.show(self.target_here)

    @property
    def tail(self) -> OutputTail:
        """The output itself."""
        return self.output.tail

    def on_output_tail_failed(self, message: OutputTail.Failed) -> None:
        message.stop()
        if self.bridge.is_up:
            self.tell_error(message.error)

    def on_output_tail_not_found(self, message: OutputTail.NotFound) -> None:
        message.stop()
        self.tell(f"{message.words} is not in this output, or not further on", "warn")

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "good":
                return self._run is not None and self._run.targets.succeeded > 1 and not self._by_group
            case "groups":
                return bool(self._groups) or self._by_group
            case "find" | "find_line" | "wrap" | "stamps":
                return self.output.has_output
            case "zoom":
                return self.output.has_output or self.has_class("-zoom")
            case "follow":
                return self.output.has_output and not (self.tail.status.complete and self.tail.follow)
            case "find_next":
                return bool(self.output.words) and self.output.has_output
            case _:
                return super().check_action(action, parameters)

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        message.stop()
        if isinstance(self.table.row, GoodFold):
            self.action_good()
        else:
            self.action_zoom()

    def action_zoom(self) -> None:
        if self.has_class("-zoom"):
            self.remove_class("-zoom")
            self.table.focus()
        elif self.output.has_output:
            self.add_class("-zoom")
            self.tail.focus()

    def action_pane(self) -> None:
        if self.has_class("-zoom"):
            return
        if self.is_narrow:
            self._turn((self.query_one(PageBar).page + 1) % len(PAGES))
        elif self.tail.has_focus:
            self.table.focus()
        else:
            self.tail.focus()

    def _turn(self, page: int) -> None:
        self.query_one(PageBar).page = page
        self._by_group = page == 1
        self.set_class(page == 2, "-facts")
        self._show()

    def action_follow(self) -> None:
        self.output.toggle_follow()

    def action_wrap(self) -> None:
        self.tail.wrap = not self.tail.wrap

    def action_stamps(self) -> None:
        self.tail.timestamps = not self.tail.timestamps

    def action_groups(self) -> None:
        if self.is_narrow:
            self._turn(0 if self._by_group else 1)
            return
        self._by_group = not self._by_group
        self._show()

    def action_good(self) -> None:
        self._show_good = not self._show_good
        self._show()
        self.reload()

    def action_find(self) -> None:
        self.output.find()

    def action_find_line(self) -> None:
        self.output.find_line()

    def action_find_next(self, step: int) -> None:
        self.output.find_next(step)

    def can_go_out(self) -> bool:
        return True

    def go_out(self) -> None:
        if self.output.close_find():
            return
        if self.has_class("-zoom"):
            self.action_zoom()
        else:
            super().go_out()

    def copy_text(self) -> str:
        target = self.target_here
        return self.output.copied or ("" if target is None else target.device)


def _no_targets(run: Execution, width: int) -> tuple[Line, ...]:
    if run.status is ExecutionStatus.RUNNING:
        words = "its targets are being resolved"
    elif run.status.is_alive:
        words = "no target is known yet: they are resolved when it starts"
    else:
        words = run.error_message or f"{run_word(run.status)}: no target was tried"
    # the table puts three cells before them
    return tuple((Span(piece),) for piece in wrap(show(words), width - 3))
