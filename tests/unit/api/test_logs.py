from __future__ import annotations

import logging
import sys

from deployx_tui.api.logs import OneLine


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("x", logging.WARNING, "x.py", 1, message, arguments, None)


def test_a_record_is_one_line_whatever_a_host_has_said() -> None:
    text = OneLine().format(record("host said %s", "\x1b[31mred\r\n2026-01-01 info all is well\x9b"))
    assert "\n" not in text
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "warning host said \\x1b[31mred\\x0d\\x0a2026" in text


def test_a_traceback_follows_indented() -> None:
    try:
        raise ValueError("a\nb")
    except ValueError:
        made = record("it broke")
        made.exc_info = sys.exc_info()
    first, *rest = OneLine().format(made).splitlines()
    assert first.endswith("it broke")
    assert rest
    assert all(line.startswith("    ") for line in rest)
