"""Hosts of ~/.ssh/config, to choose from. Nothing is written before enter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from deployx_tui.errors import DeployxError
from deployx_tui.model.device import DeviceDraft
from deployx_tui.tui.keymap import IMPORT, bindings
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.line_table import Column, LineTable


@dataclass(frozen=True, slots=True)
class HostRow:
    draft: DeviceDraft
    #: a device of this name exists already
    is_known: bool


def _state(row: HostRow) -> Line:
    return (span("is a device already", "dim"),) if row.is_known else ()


COLUMNS: tuple[Column[HostRow], ...] = (
    Column(
        key="name", title="HOST", width=16, flex=2, identity=True,
        cell=lambda row: (span(row.draft.name, "dim" if row.is_known else ""),),
    ),
    Column(
        key="address", title="ADDRESS", width=16, flex=2, identity=True,
        cell=lambda row: (span(row.draft.address),),
    ),
    Column(key="port", title="PORT", width=5, cell=lambda row: (span(str(row.draft.port or "")),), align=">"),
    Column(key="user", title="USER", width=10, flex=1, cell=lambda row: (span(row.draft.user or ""),)),
    Column(
        key="key", title="KEY FILE", width=14, flex=1, priority=1,
        cell=lambda row: (span(PurePath(row.draft.key_file).name if row.draft.key_file else ""),),
    ),
    Column(key="state", title="", width=19, cell=_state),
)  # fmt: skip


class ImportHosts(Place):
    tab = "devices"
    keys = "import"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(IMPORT)]
    AUTO_FOCUS = "#hosts"

    def body(self) -> Iterable[Widget]:
        self.table = LineTable[HostRow](
            COLUMNS,
            key=lambda row: row.draft.name,
            selectable=lambda row: not row.is_known,
            empty=(line(span("reading ~/.ssh/config on the engine's machine", "dim")),),
            id="hosts",
        )
        with Vertical(id="body"):
            yield self.table

    def reload(self) -> None:
        self._load()

    @work(exclusive=True, group="hosts")
    async def _load(self) -> None:
        drafts = await self.attempt(self.bridge.backend.devices.read_ssh_config())
        if drafts is None:
            return
        known: set[str] = set()
        cursor: str | None = None
        while True:
            page = await self.attempt(self.bridge.backend.devices.list(cursor=cursor))
            if page is None:
                return
            known |= {device.name for device in page.items}
            cursor = page.next_cursor
            if cursor is None:
                break
        self.table.set_rows([HostRow(draft, draft.name in known) for draft in drafts])
        self.table.set_empty(
            (
                line(
                    span("~/.ssh/config names no host. ", "dim"),
                    span("n", "key"),
                    span(" on Devices adds one by hand", "dim"),
                ),
            )
        )
        self._say()

    def _say(self) -> None:
        rows = self.table.rows
        new = sum(not row.is_known for row in rows)
        marked = len(self.table.marked)
        self.say_title(
            ("Devices ▸ hosts of ~/.ssh/config", f"{len(rows)} hosts, {new} new"),
            (f"{marked} marked" if marked else "nothing is written yet",),
        )
        self.refresh_frame()

    def on_line_table_marks_changed(self, message: LineTable.MarksChanged) -> None:
        message.stop()
        self._say()

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        message.stop()
        self.action_take()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "take":
            return any(not row.is_known for row in self.table.chosen())
        if action == "all":
            return any(not row.is_known for row in self.table.rows)
        return super().check_action(action, parameters)

    def action_all(self) -> None:
        """Mark every new one, or none again."""
        new = [row for row in self.table.rows if not row.is_known]
        if len(self.table.marked) == len(new):
            self.table.clear_marks()
        else:
            self.table.mark_rows(new)

    @work(exclusive=True, group="act")
    async def action_take(self) -> None:
        chosen = [row.draft for row in self.table.chosen() if not row.is_known]
        made: list[str] = []
        failed: DeployxError | None = None
        for draft in chosen:
            try:
                made.append((await self.bridge.backend.devices.create(draft)).name)
            except DeployxError as error:
                failed = failed or error
        if failed is not None:
            self.tell(f"✗ {len(chosen) - len(made)} of {len(chosen)} were refused: {failed}", "bad")
            self.table.clear_marks()
            self.reload()
            return
        self.app.pop_screen()
        place = self.deployx.place
        if place is not None:
            place.tell(f"✓ {len(made)} device{'' if len(made) == 1 else 's'} added; t tests the connection")
            place.reload()
