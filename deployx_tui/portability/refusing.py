"""A file that is refused as a whole, with the line and what helps; and its limits."""

from __future__ import annotations

from typing import NoReturn

from deployx_tui.errors import InvalidInput
from deployx_tui.model.importing import LARGEST_FILE

#: hosts of one file, ranges written out
MOST_HOSTS = 10_000
#: (host, group) pairs of one file
MOST_MEMBERSHIPS = 100_000
#: of nested lists and mappings
DEEPEST = 32

FIELD = "source"


def refuse(message: str, remedy: str, line: int | None = None) -> NoReturn:
    """Raises InvalidInput."""
    where = "" if line is None else f"line {line}: "
    raise InvalidInput.of(FIELD, f"{where}{message}", remedy)


def text_of(content: bytes) -> str:
    """The file as text. InvalidInput: it is too large, or not UTF-8."""
    if len(content) > LARGEST_FILE:
        refuse(f"it has {len(content)} bytes", f"give at most {LARGEST_FILE} bytes (1 MiB); cut it into several files")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        refuse("it is not UTF-8", "save it as UTF-8 (in a spreadsheet: CSV UTF-8)", line)
    if "\0" in text:
        refuse("it holds a NUL character", "give a text file", text[: text.index("\0")].count("\n") + 1)
    return text


def too_many(count: int, what: str, most: int, line: int | None = None) -> NoReturn:
    refuse(f"it names {count} {what}", f"give at most {most} at once; cut the file into several", line)
