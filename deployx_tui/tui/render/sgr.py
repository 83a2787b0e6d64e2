"""Colour in output. Of all escape sequences only SGR has an effect here, and that effect is a style.

Everything else is shown as text by the one door (`safe.show`). What would hide text from the reader is not
honoured: concealed text is shown, and a colour on itself loses its ground. A style ends with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from rich.color import Color
from rich.style import Style
from rich.text import Text

from deployx_tui.tui.render.safe import EMPTY, LINE_LIMIT, SafeText, join, show

_SGR = re.compile(r"\x1b\[([0-9;:]{0,64})m")

#: characters that stay under the limit of one line whatever `show` makes of them
_PIECE = LINE_LIMIT // 10

_FLAGS = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_ENDS = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",), 29: ("strike",)}


@dataclass(frozen=True, slots=True)
class Look:
    """The state that SGR sets."""

    fore: str | None = None
    ground: str | None = None
    flags: frozenset[str] = frozenset()


PLAIN = Look()


def parse(data: bytes) -> Text:
    """A line of output with its colours: total, and safe for the screen. Bytes that are no UTF-8 show as `\\xff`."""
    line = data.decode("utf-8", "backslashreplace")
    if "\x1b" not in line:
        return Text(_shown(line), end="")
    text, look, at = Text(end=""), PLAIN, 0
    for match in _SGR.finditer(line):
        if match.start() > at:
            text.append(_shown(line[at : match.start()]), style_of(look))
        look = apply(look, match[1])
        at = match.end()
    if at < len(line):
        text.append(_shown(line[at:]), style_of(look))
    return text


def stripped(data: bytes) -> SafeText:
    """The text of a line without its colours."""
    return _shown(_SGR.sub("", data.decode("utf-8", "backslashreplace")))


def _shown(text: str) -> SafeText:
    """`show` cuts at what a row of a table may hold; a line of output is longer, so it goes through in pieces."""
    if len(text) <= _PIECE:
        return show(text)
    return join(EMPTY, (show(text[at : at + _PIECE]) for at in range(0, len(text), _PIECE)))


@lru_cache(maxsize=1024)
def apply(look: Look, parameters: str) -> Look:
    """The state after `ESC [ parameters m`; what it does not know changes nothing."""
    codes = [int(code[:4]) if code else 0 for code in re.split("[;:]", parameters)]
    position = 0
    while position < len(codes):
        code = codes[position]
        position += 1
        if code in (38, 48):
            colour, position = _extended(codes, position)
            if colour is not None:
                look = replace(look, fore=colour) if code == 38 else replace(look, ground=colour)
        else:
            look = _simple(look, code)
    return look


def _simple(look: Look, code: int) -> Look:
    if code == 0:
        return PLAIN
    if code in _FLAGS:
        return replace(look, flags=look.flags | {_FLAGS[code]})
    if code in _ENDS:
        return replace(look, flags=look.flags.difference(_ENDS[code]))
    if 30 <= code <= 37 or 90 <= code <= 97:
        return replace(look, fore=f"color({code - 30 if code < 90 else code - 82})")
    if 40 <= code <= 47 or 100 <= code <= 107:
        return replace(look, ground=f"color({code - 40 if code < 100 else code - 92})")
    if code == 39:
        return replace(look, fore=None)
    if code == 49:
        return replace(look, ground=None)
    return look


def _extended(codes: list[int], position: int) -> tuple[str | None, int]:
    """The colour after a 38 or 48, and where to go on."""
    kind = codes[position] if position < len(codes) else None
    if kind == 5 and position + 1 < len(codes):
        number = codes[position + 1]
        return (f"color({number})" if number <= 255 else None), position + 2
    if kind == 2 and position + 3 < len(codes):
        red, green, blue = codes[position + 1 : position + 4]
        good = max(red, green, blue) <= 255
        return (f"#{red:02x}{green:02x}{blue:02x}" if good else None), position + 4
    return None, len(codes)


@lru_cache(maxsize=1024)
def style_of(look: Look) -> Style:
    fore = Color.parse(look.fore) if look.fore else None
    ground = Color.parse(look.ground) if look.ground and look.ground != look.fore else None
    flags = look.flags
    return Style(
        color=fore,
        bgcolor=ground,
        bold="bold" in flags or None,
        dim="dim" in flags or None,
        italic="italic" in flags or None,
        underline="underline" in flags or None,
        reverse="reverse" in flags or None,
        strike="strike" in flags or None,
    )
