"""What a person reads: commands as they were typed, what they said, and claims that were held against the world."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path


class Transcript:
    """Written to standard output as it comes, and to a file at the end."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._claims = 0
        #: claims that did not hold
        self.broken: list[str] = []
        #: what could not be shown on this machine
        self.left_out: list[str] = []

    def say(self, text: str = "") -> None:
        for line in text.split("\n"):
            self._lines.append(line.rstrip())
            print(line.rstrip(), file=sys.stdout, flush=True)

    def head(self, title: str) -> None:
        self.say(f"\n{title}\n{'=' * len(title)}\n")

    def explain(self, text: str) -> None:
        self.say(textwrap.fill(" ".join(text.split()), 100))
        self.say()

    def command(self, line: str, said: str = "", *, most: int = 12) -> None:
        """A command and the first lines of its answer; `most` 0: nothing of it."""
        self.say(f"$ {line}")
        lines = said.rstrip("\n").split("\n") if said.strip() else []
        for each in lines[:most]:
            self.say(f"  {shortened(each)}")
        if len(lines) > most > 0:
            self.say(f"  ... {len(lines) - most} more lines")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        cells = [list(head), *([str(cell) for cell in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
        for row in cells:
            self.say("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
        self.say()

    def claim(self, sentence: str, holds: bool, otherwise: object = "") -> None:
        """A claim, and whether it is so; `otherwise` is what was found instead."""
        self._claims += 1
        if holds:
            self.say(f"[so] {sentence}")
            return
        self.broken.append(sentence)
        self.say(f"[NOT SO] {sentence}" + (f": {otherwise}" if str(otherwise) else ""))

    def leave_out(self, what: str) -> None:
        self.left_out.append(what)
        self.say(f"[left out] {what}")

    def verdict(self) -> int:
        """The last lines; the exit status: 0 when every claim that was made is so."""
        self.head("In all")
        for what in self.left_out:
            self.say(f"left out: {what}")
        for sentence in self.broken:
            self.say(f"NOT SO: {sentence}")
        self.say(f"{self._claims - len(self.broken)} of {self._claims} claims are so.")
        return 1 if self.broken or not self._claims else 0

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(self._lines).strip("\n") + "\n", "utf-8")


def shortened(line: str, most: int = 110) -> str:
    """Printable, and no wider than a page."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in line)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
