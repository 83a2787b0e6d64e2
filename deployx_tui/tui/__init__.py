"""The terminal UI. Imports the backend's protocol, its remote client and the model only.

What the framework reads from the environment when it is first imported is set here, before that can happen.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

#: terminals that show 256 colours and more, and say so to nobody after an SSH hop
_KNOWN_256 = ("alacritty", "foot", "xterm-ghostty", "ghostty")


def prepare(environment: MutableMapping[str, str]) -> None:
    """Tell the framework 256 colours where the terminal is known and COLORTERM was lost on the way."""
    if environment.get("TERM", "").startswith(_KNOWN_256) and not environment.get("COLORTERM"):
        environment.setdefault("TEXTUAL_COLOR_SYSTEM", "256")


prepare(os.environ)
