"""Artifacts: the files and folders that tasks put on devices; versions, hashes, who needs them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from deployx_tui.errors import DeployxError
from deployx_tui.model.artifact import Artifact
from deployx_tui.service.backend.artifacts import ArtifactUse
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.keymap import ARTIFACTS, bindings
from deployx_tui.tui.pace import Pace
from deployx_tui.tui.render import artifacts as draw
from deployx_tui.tui.render.artifacts import ArtifactRow
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.screens import artifact_acts
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.base import Prose, TitleBar
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.line_table import Column, LineTable

#: versions that one call asks for
PAGE = 200
#: seconds between two readings that events cause
EVERY = 0.5

COLUMNS: tuple[Column[ArtifactRow], ...] = (
    Column(key="name", title="NAME", width=18, flex=2, cell=draw.name_cell, identity=True),
    Column(key="version", title="VERSION", width=7, cell=draw.version_cell),
    Column(key="kind", title="KIND", width=7, cell=draw.kind_cell),
    Column(key="size", title="SIZE", width=10, cell=draw.size_cell, align=">"),
    Column(
        key="says", title=" HOLDS", width=22, flex=2, cell=lambda row: (span(" "), *draw.says_cell(row)), priority=3
    ),
    Column(key="added", title="ADDED", width=9, cell=draw.added_cell),
    Column(key="by", title="BY", width=8, cell=draw.by_cell, priority=2),
    Column(key="used", title="NEEDED BY", width=15, cell=draw.used_cell),
)

_BEGIN: tuple[Line, ...] = (
    line("No artifact yet."),
    line(""),
    line(span("n ", "key"), "adds a file or a folder of this machine; a task then puts it on devices"),
    line(span("  deployx artifact add FILE", "dim"), span(" does the same from a shell", "dim")),
)
_NO_FIT: tuple[Line, ...] = (line("No artifact fits the filter."), line(span("esc ", "key"), "clears it"))


class ArtifactsPlace(Place):
    tab = "artifacts"
    keys = "artifacts"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(ARTIFACTS)]
    AUTO_FOCUS = "#artifacts"
    DEFAULT_CSS = """
    ArtifactsPlace #filter { display: none; margin-left: 1; }
    ArtifactsPlace.-filtering #filter { display: block; }
    ArtifactsPlace #detail { height: 7; }
    ArtifactsPlace.-narrow #detail { height: 5; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._artifacts: tuple[Artifact, ...] = ()
        self._total: int | None = None
        self._cursor: str | None = None
        self._used: dict[object, ArtifactUse] = {}
        self._text = ""
        self._whole = False
        self._is_read = False
        self._wanted: Hashable | None = None
        self._pace = Pace(self._follow, EVERY)

    def body(self) -> Iterable[Widget]:
        self.table = LineTable[ArtifactRow](
            COLUMNS,
            key=lambda row: row.key,
            empty=(line(span("the artifacts come with the engine", "dim")),),
            can_mark=False,
            id="artifacts",
        )
        yield Field(prompt="/ ", hint="words that the name holds", id="filter")
        with Vertical(id="body"):
            yield self.table
            yield TitleBar(id="detail-title")
            yield Prose(hang=draw.LABELS, id="detail")

    @property
    def _field(self) -> Field:
        return self.query_one("#filter", Field)

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._pace.run(), group="read")
        self._say()

    # reading

    def reload(self) -> None:
        self._load()

    def tick(self) -> None:
        self._show()

    def changed(self, change: Changed) -> None:
        # runs need artifacts too, but each run would read them all again: the page of one follows those
        if change.touches("artifact.", "task."):
            self._pace.want()

    async def _follow(self) -> None:
        if self.bridge.is_up:
            self._load()

    @work(exclusive=True, group="artifacts")
    async def _load(self) -> None:
        wanted = max(PAGE, len(self._artifacts))
        page = await self.attempt(self.bridge.backend.artifacts.list(self._text, limit=wanted))
        if page is None:
            return
        self._artifacts, self._cursor, self._total = page.items, page.next_cursor, page.total
        self._is_read = True
        kept = {each.id for each in page.items}
        self._used = {key: used for key, used in self._used.items() if key in kept}
        self._show()
        if self._wanted is not None and self.table.move_to_key(self._wanted):
            self._wanted = None
        await self._read_uses()

    @work(exclusive=True, group="artifacts")
    async def _load_more(self) -> None:
        page = await self.attempt(self.bridge.backend.artifacts.list(self._text, limit=PAGE, cursor=self._cursor))
        if page is not None:
            self._artifacts = (*self._artifacts, *page.items)
            self._cursor = page.next_cursor
            self._show()
            await self._read_uses()

    async def _read_uses(self) -> None:
        """Who needs what is listed: after the rows stand, the one under the cursor first."""
        here = self.here
        rows = sorted(self.table.rows, key=lambda row: here is None or row.artifact.id != here.id)
        for row in rows:
            try:
                self._used[row.artifact.id] = await self.bridge.backend.artifacts.uses(row.artifact.id)
            except DeployxError:
                continue  # deleted meanwhile, or the engine is lost: the frame or the next reading says so
        self._show()

    # showing

    @property
    def here(self) -> Artifact | None:
        row = self.table.row
        return None if row is None else row.artifact

    def _show(self) -> None:
        rows = draw.rows_of(self._artifacts, self._used, self.bridge.now(), whole=self._whole)
        self.table.set_rows(rows, more=self._cursor is not None)
        if self._is_read:
            self.table.set_empty(_NO_FIT if self._text else _BEGIN)
        self._say()
        self._show_detail()
        self.refresh_frame()

    def _say(self) -> None:
        left = ["Artifacts"]
        if self._is_read:
            left += draw.title_words(self._artifacts, self._total, has_more=self._cursor is not None)
        if self._text:
            left.append(f"filter: {self._text}")
        self.say_title(left, ("every version shown" if self._whole else "older versions folded",))

    def _show_detail(self) -> None:
        bar, lines, row = self.query_one("#detail-title", TitleBar), self.query_one("#detail", Prose), self.table.row
        if row is None:
            bar.say(())
            lines.tell(())
            return
        one = row.artifact
        bar.say((f"{one.name} v{one.version}",), tuple(filter(None, (draw.says_words(one), draw.kind_word(one)))))
        lines.tell(draw.detail_lines(row, self.bridge.zone), draw.LABELS)

    def on_line_table_moved(self, message: LineTable.Moved) -> None:
        message.stop()
        self._show_detail()
        self.refresh_frame()

    def on_line_table_need_more(self, message: LineTable.NeedMore) -> None:
        message.stop()
        self._load_more()

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        message.stop()
        self.action_open_row()

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "push" | "delete" | "open_row":
                return self.bridge.is_up and self.here is not None and not self._field.has_focus
            case "add" | "collect" | "software":
                return self.bridge.is_up and not self._field.has_focus
            case "fold":
                return self._whole or any(row.older for row in self.table.rows)
            case _:
                return super().check_action(action, parameters)

    def action_open_row(self) -> None:
        from deployx_tui.tui.screens.artifact_page import ArtifactPage  # noqa: PLC0415 - loaded when it is opened

        if (one := self.here) is not None:
            self.app.push_screen(ArtifactPage(one))

    @work(group="act", exclusive=True)
    async def action_add(self) -> None:
        made = await artifact_acts.add(self, self._artifacts)
        if made is not None:
            self._wanted = made.id
            self.reload()

    def action_software(self) -> None:
        from deployx_tui.tui.screens.software import SoftwarePlace  # noqa: PLC0415 - loaded when it is opened

        self.app.push_screen(SoftwarePlace())

    def action_push(self) -> None:
        if (one := self.here) is not None:
            artifact_acts.push(self, one)

    @work(group="act", exclusive=True)
    async def action_delete(self) -> None:
        if (one := self.here) is not None and await artifact_acts.delete(self, one):
            self.reload()

    @work(group="act", exclusive=True)
    async def action_collect(self) -> None:
        await artifact_acts.collect(self)
        self.reload()

    def action_fold(self) -> None:
        self._whole = not self._whole
        self.reload()

    def go_to(self, key: Hashable) -> None:
        self._wanted = key

    # filter

    def filter_by(self, text: str) -> None:
        self._field.set_value(text)
        self.set_class(bool(text), "-filtering")
        self._refilter(text)
        self.table.focus()

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self._field.focus()
        self._field.choose_all()

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        self._refilter(message.field.value)

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        self.set_class(bool(self._text), "-filtering")
        self.table.focus()

    def _refilter(self, text: str) -> None:
        self._text = text.strip()
        if self.bridge.is_up:
            self.reload()

    def out_word(self) -> str:
        if self._field.has_focus:
            return "esc clear"
        return "esc all" if self._text else super().out_word()

    def can_go_out(self) -> bool:
        return bool(self._text) or self._field.has_focus or super().can_go_out()

    def go_out(self) -> None:
        if self._field.has_focus or self._text:
            self.filter_by("")
        else:
            super().go_out()

    def copy_text(self) -> str:
        row = self.table.row if self.is_mounted and hasattr(self, "table") else None
        return "" if row is None else row.artifact.sha256
