"""The terminal that the screens are shown on."""

from __future__ import annotations

import os
import sys

from deployx_tui.errors import InvalidInput


def require_terminal(instead: str) -> None:
    """Screens are about to be shown: there is a terminal, and only it says how large it is.

    A shell that exports COLUMNS and LINES would hold the screens at the size that the window had then: Python's
    shutil.get_terminal_size, which Textual asks, believes them before it asks the terminal. So they are dropped.
    `instead`: what a person without a terminal can do.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput.of("terminal", "the screens need a terminal", instead)
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)


def without_colors() -> None:
    """Screens are about to be shown in black and white: ours and Textual look at NO_COLOR (https://no-color.org)."""
    os.environ["NO_COLOR"] = "1"
