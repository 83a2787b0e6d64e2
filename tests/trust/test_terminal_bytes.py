"""What reaches a real pseudo-terminal from screens full of attacks is of the small grammar that we emit ourselves."""

from __future__ import annotations

import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import unicodedata
from fcntl import ioctl

import pytest

PROGRAM = """
import asyncio
from deployx_tui.tui.app import DeployxApp
from tests.support import world
from tests.trust.test_hostile_screens import hostile_backend

backend = hostile_backend()

async def connect():
    return backend

DeployxApp(connect, zone=world.ZONE, clock=lambda: world.NOW).run()
"""

#: every control sequence that a screen of ours may send; anything else came from the text that it shows
GRAMMAR = re.compile(
    r"""
    \x1b\[ [0-9;:]* m                                   # colours and attributes
  | \x1b\[ [0-9;]* H                                    # cursor to a place
  | \x1b\[ [0-9]* [ABCDGJKd]                            # cursor by steps, clear
  | \x1b\[ \? (?: 25|1000|1002|1003|1004|1006|1015|1016|1049|2004|2026|2048|7 ) [hl]   # modes
  | \x1b\[ \? (?: 2026|2048 ) \$ p                      # asks which modes there are
  | \x1b\[ [<>=]? [0-9;]* u                             # keyboard protocol
  | \x1b\]22; (?: default|pointer|text ) \x07            # the shape of the mouse pointer
  | \x1b[78]                                            # keep and restore the cursor
  | \r | \n
    """,
    re.VERBOSE,
)
#: what passes all places where text from outside is shown
WALK = [
    "",
    "\x1b[6~",
    "\r",
    "q",
    "e",
    "\x1b",
    "x",
    "\x1b",
    "3",
    "4",
    "\r",
    "q",
    "5",
    "\x1b[6~",
    "\r",
    "q",
    "?",
    "q",
    "2",
]


def bytes_of_a_walk() -> bytes:
    """Everything that the program writes to its terminal while somebody walks through its screens."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"},
        start_new_session=True,
    )
    os.close(theirs)
    written = b""
    try:
        written += until_quiet(ours, 60)
        for keys in WALK:
            os.write(ours, keys.encode())
            written += until_quiet(ours, 5)
        os.write(ours, b"Q")
        written += until_quiet(ours, 5)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return written


def until_quiet(terminal: int, first: float) -> bytes:
    """What comes until nothing has come for half a second: the program says nowhere that it has painted."""
    data = b""
    patience = first
    while select.select([terminal], [], [], patience)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the other end is closed: all has been read
            return data
        if not piece:
            return data
        data += piece
        patience = 0.5
    return data


@pytest.fixture(scope="module")
def written() -> bytes:
    return bytes_of_a_walk()


def test_only_our_own_control_sequences_reach_the_terminal(written: bytes) -> None:
    text = written.decode("utf-8")
    rest = GRAMMAR.sub("", text)
    strays = {repr(rest[max(0, at - 20) : at + 20]) for at, c in enumerate(rest) if not is_plain(c)}
    assert not strays
    assert len(rest) > 10_000, "the walk saw hardly anything"


def test_the_walk_showed_the_attacks_as_symbols(written: bytes) -> None:
    text = GRAMMAR.sub("", written.decode("utf-8"))
    assert "\u241b" in text  # the picture of an escape character
    assert "<U+202E>" in text  # a bidi override, as its code


def is_plain(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
