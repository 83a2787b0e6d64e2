"""A command once, without a task: on what, shown as one types, and what."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from deployx_tui.errors import DeployxError, InvalidInput
from deployx_tui.model.device import SelectorMatch
from deployx_tui.model.fact_words import unknown_words
from deployx_tui.model.words import counted
from deployx_tui.tui.bridge import Bridge
from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.render.names import in_room
from deployx_tui.tui.render.words import said
from deployx_tui.tui.widgets.base import Lines
from deployx_tui.tui.widgets.card import Card
from deployx_tui.tui.widgets.field import Field

#: after the last key
STILL = 0.12


def match_lines(match: SelectorMatch, width: int) -> tuple[Line, ...]:
    """`22 devices` and their names, by the term that brought them in."""
    count = len(match.devices)
    unknown = [line(span(f"  ! {unknown_words(match.unknown)}", "warn"))] if match.unknown else []
    if not count:
        return (line(span("  matches no device", "warn")), *unknown)
    rows: list[Line] = [line(span(f"  {counted(count, 'device')}", "good")), *unknown]
    terms: dict[str, list[str]] = {}
    for _, name, term in match.devices:
        terms.setdefault(term, []).append(name)
    for term, names in list(terms.items())[:4]:
        rows.append(line(span(f"  {len(names):>5}  {term:<14.14} ", "dim"), span(in_room(names, width - 26))))
    if len(terms) > 4:
        rows.append(line(span(f"         and {len(terms) - 4} more terms", "dim")))
    return tuple(rows)


def problem_lines(error: DeployxError, width: int) -> tuple[Line, ...]:
    if isinstance(error, InvalidInput) and error.problems:
        first = error.problems[0]
        return tuple((span("  "), *each) for each in said("✗", "bad", f"{first.message}: {first.remedy}", width - 4))
    return (line(span(f"  ✗ {error}", "bad")),)


@dataclass(frozen=True, slots=True)
class Asked:
    selector: str
    command: str


class AdHoc(Card[Asked | None]):
    """Selector and command; None comes back for cancel. Running it asks once more, with the count."""

    DEFAULT_CSS = """
    AdHoc #matches { height: 6; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", show=False),
        Binding("tab,down", "app.focus_next", show=False),
        Binding("shift+tab,up", "app.focus_previous", show=False),
    ]

    def __init__(self, bridge: Bridge, selector: str) -> None:
        super().__init__()
        self._bridge = bridge
        self._selector = selector

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Lines((line(span("Run once, without a task", "title")), BLANK))
            yield Field(self._selector, prompt="on       ", hint="@web,tag:prod,!web07", framed=True, id="on")
            yield Lines((), id="matches")
            yield Field("", prompt="command  ", hint="uptime", framed=True, id="command")
            yield Lines(
                (
                    BLANK,
                    line(
                        span("enter ", "key"), "go on  ", span("tab ", "key"), "field  ", span("esc ", "key"), "cancel"
                    ),
                )
            )

    def on_mount(self) -> None:
        self.query_one("#command" if self._selector else "#on", Field).focus()
        self._match()

    def on_field_edited(self, message: Field.Edited) -> None:
        message.stop()
        if message.field.id == "on":
            self._match()

    @work(exclusive=True, group="match")
    async def _match(self) -> None:
        await asyncio.sleep(STILL)
        shown, selector = self.query_one("#matches", Lines), self.query_one("#on", Field).value.strip()
        if not selector:
            shown.set_lines((line(span("  web*, @group, tag:prod, failed:8841; a comma adds, ! takes away", "dim")),))
            return
        try:
            match = await self._bridge.backend.devices.match(selector)
        except DeployxError as error:
            shown.set_lines(problem_lines(error, 70))
            return
        shown.set_lines(match_lines(match, 70))

    def on_field_submitted(self, message: Field.Submitted) -> None:
        message.stop()
        on, command = (self.query_one(f"#{name}", Field).value.strip() for name in ("on", "command"))
        if message.field.id == "on" or not command:
            self.query_one("#command", Field).focus()
        elif not on:
            self.query_one("#on", Field).focus()
        else:
            self.dismiss(Asked(on, command))

    def action_cancel(self) -> None:
        self.dismiss(None)
