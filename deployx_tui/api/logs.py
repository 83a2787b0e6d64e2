"""What an engine's process logs: lines with a time, without secrets, and without control characters of whoever made
them."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from deployx_tui.service.masked import masked

#: a private child's log, and one older one
LOG_BYTES = 1 << 20

_CONTROLS = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160))}


class OneLine(logging.Formatter):
    """A record is one line, whatever a host or a person put into its text; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        message = masked(record.getMessage()).translate(_CONTROLS)
        text = f"{self.formatTime(record)} {record.levelname.lower()} {message}"
        if record.exc_info:
            trace = masked(self.formatException(record.exc_info))
            text += "".join(f"\n    {line.translate(_CONTROLS)}" for line in trace.splitlines())
        return text


def log_to_stderr(level: str) -> None:
    _use(logging.StreamHandler(sys.stderr), level)


def log_to_file(path: Path, level: str) -> None:
    """Standard output and error go there too, and what they have said so far when they are a file."""
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", errors="backslashreplace")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    try:
        said = os.pread(2, LOG_BYTES, 0)
    except OSError:
        said = b""  # not a file
    with path.open("ab", buffering=0) as file:
        file.write(said)
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    _use(handler, level)


def _use(handler: logging.Handler, level: str) -> None:
    handler.setFormatter(OneLine())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # each tick and each connection of the libraries is nothing to read
    for noisy in ("apscheduler", "paramiko", "uvicorn", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
