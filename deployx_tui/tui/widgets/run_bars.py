"""Two lines of a run's screen: the bar of its targets, and which page of a narrow screen is seen."""

from __future__ import annotations

from deployx_tui.model.execution import TargetCounts
from deployx_tui.tui.render.line import BLANK, Line, span
from deployx_tui.tui.render.targets import progress_line
from deployx_tui.tui.widgets.base import LineWidget

#: what a narrow screen shows one after the other
PAGES = ("targets", "equal output", "causes and last runs")


class Progress(LineWidget):
    """The bar with counts that add up; nothing while no target is known."""

    DEFAULT_CSS = "Progress { height: 1; }"
    counts = TargetCounts()

    def say(self, counts: TargetCounts) -> None:
        if counts != self.counts:
            self.counts = counts
            self.refresh()

    def line_at(self, y: int, width: int) -> Line:
        return progress_line(self.counts, width) if self.counts.total else BLANK


class PageBar(LineWidget):
    """Which page of a narrow screen is seen."""

    DEFAULT_CSS = "PageBar { height: 1; }"
    page = 0
    notes: tuple[str, ...] = ("", "", "")

    def line_at(self, y: int, width: int) -> Line:
        parts = [span("─ ", "dim")]
        for index, name in enumerate(PAGES):
            words = f"{name} {self.notes[index]}".rstrip()
            parts.append(
                span(f"[{words}]  " if index == self.page else f"{words}  ", "key" if index == self.page else "")
            )
        return (*parts, span("─ tab turns", "dim"))
