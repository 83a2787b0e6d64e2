"""Which file hosts are taken over from: its path on the engine's machine, and its format where that is not plain."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from deployx_tui.model.importing import HostSource, ImportFormat
from deployx_tui.tui.render.line import BLANK, line, span
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.card import Card
from deployx_tui.tui.widgets.field import Field

_FORMATS = ", ".join(kind.value for kind in ImportFormat)


class ImportFile(Card[HostSource | None]):
    """None comes back for cancel."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("tab,down", "app.focus_next", show=False),
        Binding("shift+tab,up", "app.focus_previous", show=False),
    ]

    def __init__(self, source: HostSource) -> None:
        super().__init__()
        self._source = source

    def compose(self) -> ComposeResult:
        kind = self._source.format
        with Vertical():
            yield Lines((line(span("Take over hosts of a file", "title")), BLANK))
            yield Field(self._source.path or "", prompt="file    ", hint="~/.ssh/config", framed=True, id="path")
            yield Field(
                "" if kind is None else kind.value,
                prompt="format  ", hint="by its content", framed=True, id="format",
            )  # fmt: skip
            yield Lines(
                (
                    line(span(f"  {_FORMATS}", "dim")),
                    line(span("  A file of the engine's machine. Secrets in it are left there.", "dim")),
                    BLANK,
                    line(
                        span("enter ", "key"),
                        "read it  ",
                        span("tab ", "key"),
                        "field  ",
                        span("esc ", "key"),
                        "cancel",
                    ),
                ),
                id="says",
            )

    def on_mount(self) -> None:
        self.query_one("#path", Field).focus()

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        path, word = (self.query_one(f"#{name}", Field).value.strip() for name in ("path", "format"))
        if word and word not in [kind.value for kind in ImportFormat]:
            self.query_one("#says", Lines).set_lines(
                (line(span(f"  ✗ {word} is no format: say one of", "bad")), line(span(f"  {_FORMATS}", "bad")))
            )
            self.query_one("#format", Field).focus()
            return
        self.dismiss(HostSource(path=path or None, format=ImportFormat(word) if word else None))

    def action_cancel(self) -> None:
        self.dismiss(None)
