"""Software: which version of which package is on which device, as it was last seen, beside the catalogue's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from deployx_tui.model.package import InstalledPackage, Package
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.keymap import SOFTWARE, bindings
from deployx_tui.tui.render import software as draw
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.render.software import SoftwareRow
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.widgets.base import Lines, TitleBar
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.line_table import Column, LineTable

COLUMNS: tuple[Column[SoftwareRow], ...] = (
    Column(key="state", title="", width=1, cell=draw.glyph_cell),
    Column(key="name", title="PACKAGE", width=18, flex=1, most=32, cell=draw.name_cell, identity=True),
    Column(key="wanted", title="CATALOGUE", width=12, cell=draw.wanted_cell),
    Column(key="devices", title="DEVICES", width=7, cell=draw.devices_cell, align=">"),
    Column(key="behind", title="BEHIND", width=6, cell=draw.behind_cell, align=">"),
    Column(key="versions", title=" VERSIONS", width=26, flex=3, cell=lambda row: (span(" "), *draw.versions_cell(row))),
    Column(key="seen", title="SEEN", width=9, cell=draw.seen_cell, priority=1),
)

_BEGIN: tuple[Line, ...] = (
    line("No package is in the catalogue, and none was seen on a device yet."),
    line(""),
    line(span("deployx package --help", "key"), " says how packages get into the catalogue"),
    line("Software is looked for when a task of software runs."),
)
_NO_FIT: tuple[Line, ...] = (line("No package fits."), line(span("esc ", "key"), "shows all"))


class SoftwarePlace(Place):
    tab = "artifacts"
    keys = "software"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(SOFTWARE)]
    AUTO_FOCUS = "#packages"
    DEFAULT_CSS = """
    SoftwarePlace #filter { display: none; margin-left: 1; }
    SoftwarePlace.-filtering #filter { display: block; }
    SoftwarePlace #detail { height: 9; }
    SoftwarePlace.-narrow #detail { height: 6; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._packages: tuple[Package, ...] = ()
        self._installed: tuple[InstalledPackage, ...] = ()
        self._is_read = False
        self._behind = False
        self._text = ""

    def body(self) -> Iterable[Widget]:
        self.table = LineTable[SoftwareRow](
            COLUMNS,
            key=lambda row: row.key,
            empty=(line(span("the packages come with the engine", "dim")),),
            can_mark=False,
            id="packages",
        )
        yield Field(prompt="/ ", hint="words that the name holds", id="filter")
        with Vertical(id="body"):
            yield self.table
            yield TitleBar(id="detail-title")
            yield Lines(id="detail")

    @property
    def _field(self) -> Field:
        return self.query_one("#filter", Field)

    def reload(self) -> None:
        self._load()

    def tick(self) -> None:
        self._show()

    def changed(self, change: Changed) -> None:
        if change.touches("package.", "software.", "execution.finished", "device."):
            self._load()

    @work(exclusive=True, group="packages")
    async def _load(self) -> None:
        packages = await self.attempt(self.bridge.backend.packages.list())
        installed = await self.attempt(self.bridge.backend.packages.where())
        if packages is None or installed is None:
            return
        self._packages, self._installed, self._is_read = packages.items, installed, True
        self._show()

    def _show(self) -> None:
        now = self.bridge.now()
        rows = draw.rows_of(self._packages, self._installed, now, behind=self._behind, text=self._text)
        self.table.set_rows(rows)
        if self._is_read:
            self.table.set_empty(_NO_FIT if self._text or self._behind else _BEGIN)
        words = ["Artifacts ▸ software", *(draw.title_words(rows) if self._is_read else ())]
        if self._text:
            words.append(f"filter: {self._text}")
        self.say_title(words, ("behind only",) if self._behind else ("as it was last seen",))
        self._show_detail()
        self.refresh_frame()

    def _show_detail(self) -> None:
        row = self.table.row
        bar, lines = self.query_one("#detail-title", TitleBar), self.query_one("#detail", Lines)
        if row is None:
            bar.say(())
            lines.set_lines(())
            return
        wanted = row.package.version if row.package is not None else None
        bar.say((row.name,), (f"the catalogue says {wanted}",) if wanted else ())
        lines.set_lines(draw.where_lines(row, self.size.width))

    def on_resize(self) -> None:
        self._show_detail()

    def on_line_table_moved(self, message: LineTable.Moved) -> None:
        message.stop()
        self._show_detail()
        self.refresh_frame()

    # keys

    def action_behind(self) -> None:
        self._behind = not self._behind
        self._show()

    def action_filter(self) -> None:
        self.add_class("-filtering")
        self._field.focus()
        self._field.choose_all()

    def filter_by(self, text: str) -> None:
        self._field.set_value(text)
        self.set_class(bool(text), "-filtering")
        self._text = text.strip()
        self._show()
        self.table.focus()

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        self._text = message.field.value.strip()
        self._show()

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        self.set_class(bool(self._text), "-filtering")
        self.table.focus()

    def out_word(self) -> str:
        return "esc all" if self._field.has_focus or self._text or self._behind else super().out_word()

    def go_out(self) -> None:
        if self._field.has_focus or self._text or self._behind:
            self._behind = False
            self.filter_by("")
        else:
            super().go_out()

    def copy_text(self) -> str:
        row = self.table.row if self.is_mounted and hasattr(self, "table") else None
        return (
            "" if row is None else "\n".join(f"{each.device_name} {each.package} {each.version}" for each in row.seen)
        )
