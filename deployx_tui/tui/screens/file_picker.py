"""A file or a folder of this machine, found by typing its path with tab completing it, or by walking the list."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from deployx_tui.model.words import counted, size_words
from deployx_tui.tui.local_files import Listing, LocalEntry, completed, fitting, read_folder, split_typed, typed_path
from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.render.when import ago
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.line_table import Column, LineTable
from deployx_tui.tui.widgets.picker import Picker


@dataclass(frozen=True, slots=True)
class Pick:
    """A row of the list."""

    #: "." the listed folder as a whole, ".." the one above it
    entry: LocalEntry
    now: datetime
    #: of "."
    note: str = ""


def _name(row: Pick) -> Line:
    if row.entry.name == ".":
        return (span("this folder, as a whole"),)
    return (span(f"{row.entry.name}{'/' if row.entry.is_folder else ''}", "dim" if row.entry.is_other else ""),)


def _size(row: Pick) -> Line:
    if row.entry.is_other:
        return (span("no file", "dim"),)
    return (span(row.note, "dim"),) if row.entry.is_folder else (span(size_words(row.entry.size)),)


def _changed(row: Pick) -> Line:
    return () if row.entry.changed_at is None else (span(ago(row.entry.changed_at, row.now), "dim"),)


COLUMNS: tuple[Column[Pick], ...] = (
    Column(key="name", title="", width=24, flex=1, cell=_name),
    Column(key="size", title="", width=10, cell=_size, align=">"),
    Column(key="changed", title="", width=10, cell=_changed, align=">"),
)
_KEYS = line(
    span("arrows ", "key"), "choose  ", span("enter ", "key"), "take or open  ", span("tab ", "key"), "complete  ",
    span("ctrl+r ", "key"), "hidden  ", span("esc ", "key"), "cancel",
)  # fmt: skip


class FilePicker(Picker[Path]):
    """None comes back for cancel."""

    DEFAULT_CSS = "FilePicker > Vertical { height: 26; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False, priority=True),
        Binding("ctrl+r", "hidden", show=False, priority=True),
    ]

    def __init__(self, start: Path, now: datetime) -> None:
        """`start`: the folder that is listed first."""
        super().__init__()
        self._start, self._now = start, now
        #: None: not read yet
        self._listing: Listing | None = None
        self._hidden = False

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Lines((line(span("A file or a folder of this machine", "title")), BLANK))
            yield Field(typed_path(self._start), framed=True, hint="/a/path", id="path")
            self._table = LineTable[Pick](COLUMNS, key=lambda row: row.entry.name, can_mark=False, header=False)
            self._table.can_focus = False
            yield self._table
            yield Lines((), id="says")
            yield Lines((BLANK, _KEYS))

    def on_mount(self) -> None:
        self.query_one(Field).focus()
        self._read()

    @property
    def _typed(self) -> tuple[Path, str]:
        text = self.query_one(Field).value
        return split_typed(f"{text}/" if text.rpartition("/")[2] in ("~", "..") else text)

    @work(exclusive=True, group="folder")
    async def _read(self) -> None:
        folder, _ = self._typed
        if self._listing is None or self._listing.folder != folder:
            listing = await asyncio.to_thread(read_folder, folder)
            if self._typed[0] != folder:
                return  # more was typed meanwhile, and that is being read
            self._listing = listing
        self._show()

    def _show(self) -> None:
        listing = self._listing
        if listing is None:
            return
        prefix = self._typed[1]
        found = fitting(listing.entries, prefix, hidden=self._hidden)
        rows = [Pick(entry, self._now) for entry in found]
        if not prefix and not listing.problem:
            around = [Pick(LocalEntry(".", is_folder=True), self._now, counted(len(listing.entries), "name"))]
            if listing.folder.parent != listing.folder:
                around.append(Pick(LocalEntry("..", is_folder=True), self._now))
            rows = [*around, *rows]
        self._table.set_rows(rows)
        # the first that is in the folder: what stands around it is gone to on purpose
        self._table.move_to(len(rows) - len(found) if found else len(rows) - 1)
        self.query_one("#says", Lines).set_lines((self._says(listing, len(found)),))

    def _says(self, listing: Listing, found: int) -> Line:
        if listing.problem:
            return line(span(f"✗ {listing.problem}: {listing.folder}", "bad"))
        if not found and self._typed[1]:
            return line(span("nothing is called so here", "dim"))
        dots = 0 if self._hidden else sum(entry.name.startswith(".") for entry in listing.entries)
        hidden = f"{dots} hidden" if dots and not self._typed[1].startswith(".") else ""
        more = f"{listing.left_out} more are not listed: type the name" if listing.left_out else ""
        return line(span(", ".join(filter(None, (hidden, more))), "dim"))

    def typed(self) -> None:
        self._read()

    def take(self) -> None:
        row, listing = self._table.row, self._listing
        if row is None or listing is None or listing.folder != self._typed[0]:
            return  # what is typed is being read still
        match row.entry:
            case LocalEntry(name="."):
                self.dismiss(listing.folder)
            case LocalEntry(name=".."):
                self._go(listing.folder.parent)
            case LocalEntry(is_folder=True):
                self._go(listing.folder / row.entry.name)
            case LocalEntry(is_other=True):
                self.query_one("#says", Lines).set_lines(
                    (line(span(f"✗ {row.entry.name} is neither a file nor a folder", "bad")),)
                )
            case _:
                self.dismiss(listing.folder / row.entry.name)

    def _go(self, folder: Path) -> None:
        self.query_one(Field).replace(typed_path(folder))

    def action_complete(self) -> None:
        """As far as the names of the folder make it certain."""
        listing = self._listing
        folder, prefix = self._typed
        if listing is None or listing.folder != folder:
            return
        found = fitting(listing.entries, prefix, hidden=self._hidden)
        row = self._table.row
        # nothing typed yet: the folder under the cursor is gone into
        if not prefix and row is not None and row.entry.is_folder and row.entry.name != ".":
            self.take()
            return
        field = self.query_one(Field)
        whole = completed(found, prefix)
        if whole != prefix:
            field.replace(field.value[: len(field.value) - len(prefix)] + whole)

    def action_hidden(self) -> None:
        self._hidden = not self._hidden
        self._show()
