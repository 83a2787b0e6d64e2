"""The terminal as it was before the screens, also when a signal ends them.

The framework gives it back when its app ends; a signal ends the process without that, and a shell would stand in the
alternate screen, without a cursor and with each movement of the mouse as input.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
from collections.abc import Iterator
from types import FrameType
from typing import Any

#: what ends a program from outside and can be caught
SIGNALS = (signal.SIGTERM, signal.SIGHUP)
#: out of each mode that the framework's driver for Unix enters: paste, mouse, size reports, focus, keyboard protocol,
#: alternate screen; then the cursor is seen again
_LEAVE = (
    b"\x1b[?2004l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1016l\x1b[?1006l"
    b"\x1b[?2048l\x1b[?1004l\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h"
)
#: a terminal that takes nothing (ctrl+s, a dead line) must not hold up the end; seconds
_PATIENCE = 0.5


@contextlib.contextmanager
def given_back() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP end this process as ever, after the terminal was given back. In the main thread."""
    terminal = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
    screen = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
    before = termios.tcgetattr(terminal)

    def end(number: int, frame: FrameType | None) -> None:
        # not by the app: its loop may be blocked by the very terminal that is gone
        _restore(terminal, screen, before)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    handlers = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _restore(terminal: int, screen: int, before: list[Any]) -> None:
    # a terminal that is gone has nothing to be given back
    with contextlib.suppress(OSError, termios.error):
        termios.tcsetattr(terminal, termios.TCSANOW, before)
        if select.select([], [screen], [], _PATIENCE)[1]:
            os.write(screen, _LEAVE)
