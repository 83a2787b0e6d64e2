"""Colours: one palette for dark and one for light terminals, and how each style name looks in it.

State is always glyph and word; colour only repeats it. With NO_COLOR the same names become bold, dim and reverse.
"""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping
from functools import lru_cache

from rich.style import Style
from textual.theme import Theme

from deployx_tui.tui.render.line import StyleName

DARK = Theme(
    name="deployx-dark",
    primary="#4cb5f5",
    accent="#4cb5f5",
    foreground="#cfd6dd",
    background="#0e1317",
    surface="#141b21",
    panel="#1a232b",
    success="#84c77c",
    warning="#e8b75d",
    error="#f2777a",
    dark=True,
    variables={"dim": "#7b8894", "cursor-row": "#1d2b36", "bar": "#161e25"},
)

LIGHT = Theme(
    name="deployx-light",
    primary="#0063a6",
    accent="#0063a6",
    foreground="#22292f",
    background="#fbfbf9",
    surface="#f2f3f1",
    panel="#e9ebe9",
    success="#1f7a2e",
    warning="#8a5a00",
    error="#b3261e",
    dark=False,
    variables={"dim": "#66727c", "cursor-row": "#dcebf6", "bar": "#eceeed"},
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT)}


def no_color() -> bool:
    """https://no-color.org: set and not empty."""
    return bool(os.environ.get("NO_COLOR"))


@lru_cache(maxsize=4)
def styles(theme_name: str, plain: bool = False) -> Mapping[StyleName, Style]:
    """How each style name looks, as what is laid over a widget's own style."""
    if plain:
        return {
            "": Style(),
            "dim": Style(dim=True),
            "bold": Style(bold=True),
            "head": Style(bold=True),
            "title": Style(bold=True),
            "good": Style(),
            "warn": Style(bold=True),
            "bad": Style(bold=True),
            "run": Style(bold=True),
            "key": Style(bold=True),
            "accent": Style(bold=True),
            "mark": Style(bold=True),
            "reverse": Style(reverse=True),
            "alarm": Style(reverse=True, bold=True),
        }
    theme = THEMES.get(theme_name, DARK)
    dim = theme.variables["dim"]
    return {
        "": Style(),
        "dim": Style(color=dim),
        "bold": Style(bold=True),
        "head": Style(color=dim, bold=True),
        "title": Style(bold=True),
        "good": Style(color=theme.success),
        "warn": Style(color=theme.warning),
        "bad": Style(color=theme.error),
        "run": Style(color=theme.accent),
        "key": Style(color=theme.accent, bold=True),
        "accent": Style(color=theme.accent),
        "mark": Style(color=theme.warning, bold=True),
        "reverse": Style(reverse=True),
        "alarm": Style(color=theme.background, bgcolor=theme.error, bold=True),
    }


@lru_cache(maxsize=4)
def cursor_style(theme_name: str, plain: bool = False) -> Style:
    """What is laid over the row under the cursor."""
    if plain:
        return Style(reverse=True)
    return Style(bgcolor=THEMES.get(theme_name, DARK).variables["cursor-row"])


#: each of our glyphs (all one cell wide) in plain ASCII, for terminals without UTF-8
ASCII_GLYPHS = str.maketrans(
    {
        **dict.fromkeys("─━╸╌–▁▂", "-"),
        **dict.fromkeys("│▎▍▋▏▐", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼", "+"),
        **dict.fromkeys("▌▸→", ">"),
        **dict.fromkeys("▒▓▅▆▇█", "#"),
        **dict.fromkeys("░·▃▄", "."),
        "●": "*",
        "○": "o",
        "‖": "=",
        "◇": "?",
        "✓": "+",
        "✗": "x",
        "×": "x",
        "▴": "^",
        "▾": "v",
        "…": "~",
        "◌": "o",
    }
)


@lru_cache(maxsize=1)
def is_ascii_terminal() -> bool:
    """LANG=C and its like: the terminal can't be trusted with more than ASCII."""
    return locale.getpreferredencoding(False).lower() in ("ansi_x3.4-1968", "ascii", "us-ascii", "646")
