"""What is piped into a command, read with an end."""

from __future__ import annotations

import sys

from deployx_tui.errors import InvalidInput
from deployx_tui.plain_file import USUAL_MOST, text_of


def standard_input(field: str) -> str:
    """All of it, as UTF-8.

    InvalidInput (`field`): it is not UTF-8, or is more than any input of a command may be.
    """
    content = sys.stdin.buffer.read(USUAL_MOST + 1)
    if len(content) > USUAL_MOST:
        message = f"standard input has more than {USUAL_MOST} bytes, the most that is read of it"
        raise InvalidInput.of(field, message, "pipe in less")
    try:
        return text_of(content)
    except UnicodeDecodeError:
        raise InvalidInput.of(field, "standard input is not UTF-8", "give UTF-8 text") from None
