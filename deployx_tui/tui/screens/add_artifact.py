"""Adding a file or a folder: its name, then how far it is. Esc breaks it off, and nothing of it is kept."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.worker import Worker

from deployx_tui.errors import DeployxError, InvalidInput
from deployx_tui.model.artifact import Artifact
from deployx_tui.model.words import counted, size_words
from deployx_tui.service.upload import Source, look, stream
from deployx_tui.tui.bridge import Bridge
from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.render.transfer import measured, transfer_line
from deployx_tui.tui.render.words import said
from deployx_tui.tui.widgets.base import Lines, Prose
from deployx_tui.tui.widgets.card import Card
from deployx_tui.tui.widgets.field import Field

#: seconds between two looks at how far it is
_EVERY = 0.1
_WIDTH = 70


class AddArtifact(Card[Artifact | None]):
    """The artifact that was stored, or was there with this content; None for breaking it off."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    def __init__(self, bridge: Bridge, path: Path) -> None:
        super().__init__()
        self._bridge, self._path = bridge, path
        #: None: it was not looked at yet, or it can't be read
        self._source: Source | None = None
        self._sending: Worker[None] | None = None
        self._done = 0
        self._began = 0.0

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Lines((line(span("Add an artifact", "title")), BLANK), id="title")
            yield Prose((line(span(f"  {self._path}")),), id="what")
            yield Lines((BLANK,))
            yield Field(self._path.name or "root", prompt="  name  ", hint="nginx.conf", framed=True)
            yield Lines((), id="says")
            yield Lines((), id="keys")

    def on_mount(self) -> None:
        self._say(
            (line(span("  under a name that is there it becomes the next version", "dim")),), "enter ", "add it  "
        )
        self.query_one(Field).focus()
        self._look()
        self.set_interval(_EVERY, self._draw)

    @work(exclusive=True, group="look")
    async def _look(self) -> None:
        try:
            self._source = await asyncio.to_thread(look, self._path)
        except InvalidInput as error:
            self._refuse(error)
            return
        held = f"{counted(self._source.files, 'file')}, " if self._source.is_folder else ""
        held += size_words(self._source.size)
        self.query_one("#what", Prose).tell((line(span(f"  {self._path}")), line(span(f"  {held}", "dim"))))

    def _say(self, rows: tuple[Line, ...], key: str = "", word: str = "") -> None:
        self.query_one("#says", Lines).set_lines((BLANK, *rows))
        out = "cancel" if self._sending is None else "break it off, keep nothing"
        self.query_one("#keys", Lines).set_lines((BLANK, line(span(key, "key"), word, span("esc ", "key"), out)))

    def _refuse(self, error: DeployxError) -> None:
        words = str(error)
        if isinstance(error, InvalidInput) and error.problems:
            words = "; ".join(f"{problem.message}: {problem.remedy}" for problem in error.problems)
        self._sending = None
        self.query_one(Field).display = True
        self._say(tuple((span("  "), *row) for row in said("✗", "bad", words, _WIDTH)), "enter ", "try again  ")

    def _draw(self) -> None:
        if self._sending is None or self._source is None:
            return
        elapsed = time.monotonic() - self._began
        if self._done < self._source.size:
            row = transfer_line(measured(self._done, self._source.size, elapsed))
        else:
            row = line(span("all is sent; the engine reads what it is", "dim"))
        self._say(((span("  "), *row),))

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        if self._sending is not None:
            return
        if self._source is None:
            self._look()
            return
        self.query_one(Field).display = False
        self._done, self._began = 0, time.monotonic()
        self._sending = self._send(self._source, message.field.value.strip())
        self.focus()
        self._draw()

    @work(exclusive=True, group="send")
    async def _send(self, source: Source, name: str) -> None:
        artifacts = self._bridge.backend.artifacts
        add = artifacts.add_tree if source.is_folder else artifacts.add
        try:
            made = await add(name, stream(source, self._told), str(source.path))
        except DeployxError as error:
            self._refuse(error)
            self.query_one(Field).focus()
            return
        self.dismiss(made)

    def _told(self, done: int, total: int) -> None:
        self._done = done

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()

    def action_cancel(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
        self.dismiss(None)
