"""A package of the catalogue, and the version of it that a task wants."""

from __future__ import annotations

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical

from deployx_tui.errors import DeployxError
from deployx_tui.model.package import Package
from deployx_tui.tui.bridge import Bridge
from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.line_table import Column, LineTable
from deployx_tui.tui.widgets.picker import Picker


def _version(package: Package) -> Line:
    return (span(package.version),) if package.version else (span("any", "dim"),)


def _kinds(package: Package) -> Line:
    return (span(" ".join(dict.fromkeys(variant.installer.value for variant in package.variants)), "dim"),)


COLUMNS: tuple[Column[Package], ...] = (
    Column(key="name", title="PACKAGE", width=20, flex=1, cell=lambda each: (span(each.name),), identity=True),
    Column(key="version", title="VERSION", width=12, cell=_version),
    Column(key="kinds", title="BY", width=20, flex=1, cell=_kinds),
)
_KEYS = line(span("arrows ", "key"), "choose  ", span("enter ", "key"), "takes it  ", span("esc ", "key"), "cancel")


class PackagePicker(Picker[Package]):
    """None comes back for cancel."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._found: tuple[Package, ...] = ()

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Lines((line(span("Which package", "title")), BLANK))
            yield Field(framed=True, hint="words that the name holds", id="words")
            self._table = LineTable[Package](COLUMNS, key=lambda each: each.name, can_mark=False)
            self._table.can_focus = False
            yield self._table
            yield Lines((BLANK, _KEYS))

    def on_mount(self) -> None:
        self.query_one(Field).focus()
        self._read()

    @work(exclusive=True, group="packages")
    async def _read(self) -> None:
        try:
            page = await self._bridge.backend.packages.list()
        except DeployxError as error:
            self._table.set_empty((line(span(f"✗ {error}", "bad")),))
            return
        self._found = tuple(each for each in page.items if each.is_active)
        self._show()

    def _show(self) -> None:
        words = self.query_one(Field).value.lower().split()
        self._table.set_rows([each for each in self._found if all(word in each.name.lower() for word in words)])
        nothing = "No package fits." if self._found else "The catalogue is empty: deployx package --help"
        self._table.set_empty((line(nothing),))

    def typed(self) -> None:
        self._show()

    def take(self) -> None:
        if (package := self._table.row) is not None:
            self.dismiss(package)
