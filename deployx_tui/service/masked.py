"""The engine's process as the API sees it when it writes a log: nothing secret in any line."""

from __future__ import annotations

from deployx_tui.output.veil import veil


def masked(text: str) -> str:
    """`text` without the secrets that this process has met."""
    return veil.text(text)
