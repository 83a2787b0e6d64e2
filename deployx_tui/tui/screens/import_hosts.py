"""Hosts of a file, to choose from: of ~/.ssh/config, or of another that is named. Nothing is written before enter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from deployx_tui.model.importing import HostSource, ImportChoice, ImportPlan, PlannedHost
from deployx_tui.model.words import counted
from deployx_tui.tui.keymap import IMPORT, bindings
from deployx_tui.tui.render.imports import COLUMNS, notes
from deployx_tui.tui.render.line import line, span
from deployx_tui.tui.screens.import_file import ImportFile
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.line_table import LineTable

_USUAL = "~/.ssh/config"


class ImportHosts(Place):
    tab = "devices"
    keys = "import"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(IMPORT)]
    AUTO_FOCUS = "#hosts"
    DEFAULT_CSS = "ImportHosts #notes { height: auto; max-height: 6; }"

    def __init__(self) -> None:
        super().__init__()
        self._source = HostSource()
        #: None: nothing was read yet
        self._plan: ImportPlan | None = None

    def body(self) -> Iterable[Widget]:
        self.table = LineTable[PlannedHost](
            COLUMNS,
            key=lambda host: host.name,
            empty=(line(span(f"reading {_USUAL} on the engine's machine", "dim")),),
            id="hosts",
        )
        with Vertical(id="body"):
            yield self.table
            yield Lines((), id="notes")

    @property
    def _file(self) -> str:
        return self._source.path or _USUAL

    def reload(self) -> None:
        self._load(self._source)

    @work(exclusive=True, group="hosts")
    async def _load(self, source: HostSource) -> None:
        plan = await self.attempt(self.bridge.backend.imports.plan(source))
        if plan is None:
            return  # the person was told, and sees what was read before
        self._source, self._plan = source, plan
        self.table.clear_marks()
        self.table.set_rows(list(plan.hosts))
        self.table.set_empty(
            (
                line(span(f"{self._file} names no host", "dim")),
                line(span("o", "key"), span(" takes another file", "dim")),
                line(span("n", "key"), span(" on Devices adds one by hand", "dim")),
            )
        )
        self._say()

    def _say(self) -> None:
        rows = self.table.rows
        new = sum(host.is_new for host in rows)
        marked = sum(host.is_new for host in self.table.marked)
        self.say_title(
            (f"Devices ▸ hosts of {self._file}", f"{counted(len(rows), 'host')}, {new} new"),
            (f"{marked} marked" if marked else "nothing is written yet",),
        )
        self._say_notes()
        self.refresh_frame()

    def _say_notes(self) -> None:
        if self._plan is not None:
            self.query_one("#notes", Lines).set_lines(notes(self._plan, self.table.row, self.size.width - 4))

    def on_line_table_moved(self, message: LineTable.Moved) -> None:
        message.stop()
        self._say_notes()

    def on_line_table_marks_changed(self, message: LineTable.MarksChanged) -> None:
        message.stop()
        self._say()

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        message.stop()
        self.action_take()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "take":
            return any(host.is_new for host in self.table.chosen())
        if action == "all":
            return any(host.is_new for host in self.table.rows)
        return super().check_action(action, parameters)

    def action_all(self) -> None:
        """Mark every new one, or none again."""
        new = [host for host in self.table.rows if host.is_new]
        if sum(host.is_new for host in self.table.marked) == len(new):
            self.table.clear_marks()
        else:
            self.table.mark_rows(new)

    @work(exclusive=True, group="act")
    async def action_file(self) -> None:
        source = await self.app.push_screen_wait(ImportFile(self._source))
        if source is not None:
            self._load(source)

    @work(exclusive=True, group="act")
    async def action_take(self) -> None:
        if self._plan is None:
            return
        names = tuple(host.name for host in self.table.chosen() if host.is_new)
        choice = ImportChoice(digest=self._plan.digest, names=names)
        done = await self.attempt(self.bridge.backend.imports.take(self._source, choice))
        if done is None:
            self.reload()  # nothing was made; the file or the devices are others than a moment ago
            return
        self.app.pop_screen()
        place = self.deployx.place
        if place is not None:
            groups = sum(group.is_new for group in done.groups)
            more = f" and {counted(groups, 'group')}" if groups else ""
            place.tell(f"✓ {counted(len(done.new), 'device')}{more} added; t tests the connection")
            place.reload()
