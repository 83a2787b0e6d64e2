"""What the demo says of itself over its first screen: what is real, what was made for it, what is wrong on purpose."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from deployx_tui.demo import world
from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.widgets.base import Prose
from deployx_tui.tui.widgets.card import Card

#: cells of the labels' column
_LABELS = 12


def card_lines(notice: str) -> tuple[Line, ...]:
    """`notice` is the fleet's own word about what its hosts are and as whom they run commands."""
    facts = (
        ("real", notice),
        ("", "So are the engine, its database and vault, and every run with its output, its times and its failures."),
        (
            "made",
            f"The names. And the history: the engine ran {len(world.FIRST_ROUND)} of the tasks on these hosts while "
            "the demo started, and runs further ones while you look.",
        ),
        (
            "on purpose",
            f"Nothing listens at {world.SILENT}, {world.REINSTALLED} shows another host key than the known one, "
            "and some commands fail.",
        ),
        ("at the end", "Q ends it; the servers, the database and its folder are removed. Nothing of yours is touched."),
    )
    return tuple(line(span(f"{name:<{_LABELS}}", "dim"), words) for name, words in facts)


class DemoCard(Card[None]):
    """Over the first screen until a key closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,escape,q,space", "dismiss", show=False),
        Binding("Q", "leave", show=False),
    ]

    def __init__(self, notice: str) -> None:
        super().__init__()
        self._notice = notice

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Prose((line(span("The demo: what is real", "title")), BLANK))
            yield Prose(card_lines(self._notice), hang=_LABELS)
            yield Prose((BLANK, line(span("enter ", "key"), "to the tasks  ", span("Q ", "key"), "quit")))

    def action_leave(self) -> None:
        self.app.exit(0)
