"""One of the artifacts, for a task that puts it on devices."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from deployx_tui.errors import DeployxError
from deployx_tui.model.artifact import Artifact
from deployx_tui.tui.bridge import Bridge
from deployx_tui.tui.render import artifacts as draw
from deployx_tui.tui.render.artifacts import ArtifactRow
from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.line_table import Column, LineTable
from deployx_tui.tui.widgets.picker import Picker

#: after the last key
STILL = 0.12
_MOST = 200

COLUMNS: tuple[Column[ArtifactRow], ...] = (
    Column(key="name", title="NAME", width=18, flex=1, cell=draw.name_cell, identity=True),
    Column(key="version", title="VERSION", width=7, cell=draw.version_cell),
    Column(key="kind", title="KIND", width=7, cell=draw.kind_cell),
    Column(key="size", title="SIZE", width=10, cell=draw.size_cell, align=">"),
    Column(key="added", title=" ADDED", width=10, cell=lambda row: (span(" "), *draw.added_cell(row))),
)
_KEYS = line(
    span("arrows ", "key"), "choose  ", span("enter ", "key"), "takes it  ", span("tab ", "key"), "older ones too  ",
    span("esc ", "key"), "cancel",
)  # fmt: skip


class ArtifactPicker(Picker[Artifact]):
    """None comes back for cancel."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "fold", show=False, priority=True),
    ]

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._whole = False
        self._found: tuple[Artifact, ...] = ()

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Lines((line(span("Which artifact", "title")), BLANK))
            yield Field(framed=True, hint="words that the name holds", id="words")
            self._table = LineTable[ArtifactRow](COLUMNS, key=lambda row: row.key, can_mark=False)
            self._table.can_focus = False
            yield self._table
            yield Lines((BLANK, _KEYS))

    def on_mount(self) -> None:
        self.query_one(Field).focus()
        self._read()

    @work(exclusive=True, group="artifacts")
    async def _read(self) -> None:
        await asyncio.sleep(STILL)
        words = self.query_one(Field).value
        try:
            page = await self._bridge.backend.artifacts.list(words, limit=_MOST)
        except DeployxError as error:
            self._table.set_empty((line(span(f"✗ {error}", "bad")),))
            return
        self._found = page.items
        nothing: tuple[Line, ...] = (
            line("No artifact fits." if words else "No artifact yet: the line below adds one of this machine."),
        )
        self._table.set_empty(nothing)
        self._show()

    def _show(self) -> None:
        self._table.set_rows(draw.rows_of(self._found, {}, self._bridge.now(), whole=self._whole))

    def typed(self) -> None:
        self._read()

    def take(self) -> None:
        if (row := self._table.row) is not None:
            self.dismiss(row.artifact)

    def action_fold(self) -> None:
        self._whole = not self._whole
        self._show()
