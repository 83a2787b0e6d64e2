"""400 values that a shell, a wrapper or a log-in could read as something else than data. The same ones in every run."""

from __future__ import annotations

import random

#: what shells, sudo, editors of command lines and our own wrapper give a meaning to
_PIECES = (
    "'", '"', "\\", "`", "$", "$(", ")", "${", "}", "$((", "))", "{", "&", "&&", "|", "||", ";", "\n", "\r", "\t", " ",
    "*", "?", "[", "]", "~", "!", "!!", "#", "=", "%", "%s", "%n", "<", ">", "<<EOF", "EOF\n", "-", "--", "-n", "-e",
    "\\n", "\\0", "\\'", "'\\''", "''", '""', "$'\\n'", "$IFS", "${IFS}", "$HOME", "$$", "$!", "$?", "$@", "$0",
    "@file", "@/etc/passwd", "{a,b}", "{1..9}", "(:)", ":(){ :|:& };:", "exit 7", "kill $$", "dx_direct", "dx_env",
    "}\ndx_env",
    "'; exit 7; '", "\"; exit 7; \"", "`exit 7`", "$(exit 7)", "\x01", "\x03", "\x04", "\x1b[31m", "\x7f", "\x80",
    "\xa0", "é", "€", "漢字", "\U0001f600", "\u202e", "\u2028", "\ufeff", "\\x00", "end; and", "(exit 7)", "if", "fi",
    "eval", "DEPLOYX_S", "DEPLOYX_RUN", "a", "0", ".", "/", "..", ",",
)  # fmt: skip

_WHOLE = (
    "",
    " ",
    "\n",
    "\n\n\n",
    "\\",
    "\\\\\\",
    "'" * 50,
    '"' * 49,
    "`" * 51,
    "$" * 40,
    "trailing newline\n",
    "trailing backslash\\",
    "\r\n",
    "x" * 4000,
    "'\\''" * 500,
    "é" * 1500,
    "".join(map(chr, range(1, 128))),
    "".join(map(chr, range(128, 512))),
    "-----BEGIN KEY-----\nabc\n-----END KEY-----\n",
    '{"json": ["it\'s", null]}',
    "name=value\nother='x'\n",
    "%PATH%",
    "=()",
    "() { :;}; exit 7",
)

HOW_MANY = 400


def hostile_values(seed: int = 20261123) -> tuple[str, ...]:
    """Distinct texts without NUL, each below 5 KB of UTF-8."""
    chance = random.Random(seed)
    found = dict.fromkeys((*_WHOLE, *_PIECES))
    while len(found) < HOW_MANY:
        found["".join(chance.choices(_PIECES, k=chance.randint(2, 12)))] = None
    return tuple(found)[:HOW_MANY]
