"""A report of an error of our own: where it happened, without local variables, in a file for its owner alone."""

from __future__ import annotations

import os
import platform
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from deployx_tui import __version__
from deployx_tui.paths import data_folder
from deployx_tui.tui.render.safe import show
from deployx_tui.tui.widgets.base import plain_line

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_LONG = re.compile(r"[A-Za-z0-9+/_=-]{20,}")


def masked(message: str) -> str:
    """An error's message without what it quotes: a value may be a secret, its shape helps enough."""
    return _LONG.sub("(long)", _QUOTED.sub("(quoted)", message))


def text_of(error: BaseException | None) -> str:
    """The report: versions, type, masked message, and per frame file, line and function; never a value."""
    out = [
        f"deployx {__version__}, Python {platform.python_version()}, {sys.platform}",
        f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    ]
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        out.append(f"{type(error).__name__}: {masked(str(error))}")
        out.extend(
            f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
        )
        # a failed worker carries what failed it as a value
        inner = getattr(error, "error", None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
    return "\n".join(show(each) for each in out) + "\n"


def write(error: BaseException | None, folder: Path | None = None) -> Path:
    """Write the report, 0600 and new; gives its path."""
    folder = folder or data_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text_of(error))
    return path


def report(error: BaseException | None) -> Text:
    """Write the report and give the one line for the screen."""
    try:
        where = f"the report is {write(error)}"
    except OSError as failure:
        where = f"no report could be written: {failure.strerror}"
    name = type(error).__name__ if error is not None else "an unknown error"
    return plain_line(f"deployx stopped on an error of its own ({name}); {where}")
