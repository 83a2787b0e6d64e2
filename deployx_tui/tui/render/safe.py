"""The only door from any text to a terminal (TRUST, "The terminal"). Pure; the command line uses it too.

Host output, names and errors are data: never markup, never an escape sequence. Rich and Textual pass control, C1
and bidi characters on to the terminal, so text is made safe here, before it is a `SafeText`, and nothing that
draws takes anything else. `show` is total (every `str`, lone surrogates too) and idempotent.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NewType

from rich.cells import get_character_cell_size

#: text that a terminal shows as it stands: no control, no format, no invisible character, one line
SafeText = NewType("SafeText", str)

#: cells of one line; the rest is cut behind an ellipsis
LINE_LIMIT = 4096
#: marks over one base character; more would grow over the neighbouring rows
MARK_LIMIT = 2
TAB = 8

EMPTY = SafeText("")
SPACE = SafeText(" ")

# Input longer than this is cut before it is looked at: even two marks on each of 4,096 cells stay below it.
_CHARACTER_LIMIT = 16 * LINE_LIMIT
# What a mark at the beginning of a text stands on; else it would change the character to its left on the screen.
_DOTTED_CIRCLE = "\u25cc"

_INVISIBLE = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}  # joiners, fillers and inherent vowels
    | set(range(0x180B, 0x1810))  # Mongolian selectors
    | set(range(0xFE00, 0xFE10))  # variation selectors: they change widths in some terminals only
    | set(range(0xFFF0, 0x10000))
)
_SHOWN_AS_CODE = frozenset({"Cf", "Zl", "Zp", "Cs", "Cn"})


class _Table(dict[int, str]):
    """What `str.translate` looks up, filled as characters turn up: a table of all of Unicode would cost the start."""

    def __missing__(self, code: int) -> str:
        shown = _shown(code)
        if len(self) < LINE_LIMIT:  # hostile output could fill it with all of Unicode
            self[code] = shown
        return shown


def _shown(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)  # control pictures
    if code == 0x7F:
        return "\u2421"
    if 0x80 <= code < 0xA0:
        return f"\\x{code:02x}"
    if code in _INVISIBLE or 0xE0000 <= code < 0xE1000 or unicodedata.category(chr(code)) in _SHOWN_AS_CODE:
        return f"<U+{code:04X}>"
    return chr(code)


_TABLE = _Table()


def show(text: str) -> SafeText:
    """The text as one line that is safe to write to a terminal."""
    if len(text) <= LINE_LIMIT and text.isascii() and text.isprintable():
        return SafeText(text)
    if len(text) > _CHARACTER_LIMIT:
        text = text[:_CHARACTER_LIMIT] + "…"
    if "\t" in text:
        text = text.expandtabs(TAB)
    text = text.translate(_TABLE)
    if not text.isascii():
        text = _limit_marks(text)
    return SafeText(_cut(text))


def show_bytes(data: bytes) -> SafeText:
    r"""Bytes of a host as one line: UTF-8, and `\xff` for what is none."""
    return show(data.decode("utf-8", "backslashreplace"))


def show_lines(text: str) -> tuple[SafeText, ...]:
    """A text of several lines, line by line; only LF and CRLF divide."""
    return tuple(show(line.removesuffix("\r")) for line in text.split("\n"))


def _limit_marks(text: str) -> str:
    if all(ord(character) < 0x300 for character in text):
        return text
    kept: list[str] = []
    marks = 0
    for character in text:
        if get_character_cell_size(character) > 0:
            marks = 0
        else:
            if not kept:
                kept.append(_DOTTED_CIRCLE)
            marks += 1
            if marks > MARK_LIMIT:
                continue
        kept.append(character)
    return "".join(kept)


def _cut(text: str) -> str:
    if len(text) * 2 <= LINE_LIMIT or (len(text) <= LINE_LIMIT and text.isascii()):
        return text
    if cells(SafeText(text)) <= LINE_LIMIT:
        return text
    return _take(text, LINE_LIMIT - 1) + "…"


def _take(text: str, width: int) -> str:
    """As much of the beginning as fits `width` cells; marks stay with their base."""
    used = 0
    for index, character in enumerate(text):
        used += get_character_cell_size(character)
        if used > width:
            return text[:index]
    return text


def cells(text: SafeText) -> int:
    """Width in terminal cells."""
    if text.isascii():
        return len(text)
    return sum(map(get_character_cell_size, text))


def fit(text: SafeText, width: int, align: str = "<") -> SafeText:
    """Exactly `width` cells: filled with spaces (`<` left, `>` right, `^` middle), or cut behind an ellipsis."""
    if width <= 0:
        return EMPTY
    length = cells(text)
    if length > width:
        cut = _take(text, width - 1) + "…"
        return SafeText(cut + " " * (width - cells(SafeText(cut))))
    if align == "<":
        return SafeText(text + " " * (width - length))
    if align == ">":
        return SafeText(" " * (width - length) + text)
    left = (width - length) // 2
    return SafeText(" " * left + text + " " * (width - length - left))


def join(separator: SafeText, parts: Iterable[SafeText]) -> SafeText:
    """Safe pieces stay safe together."""
    return SafeText(separator.join(parts))
