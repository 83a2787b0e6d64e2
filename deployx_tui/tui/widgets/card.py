"""A card over a place: what asks, tells or takes something before the place goes on."""

from __future__ import annotations

from typing import Generic, TypeVar

from textual.screen import ModalScreen

T = TypeVar("T")


class Card(ModalScreen[T], Generic[T]):
    """In the middle, as high as what it holds; its content is one Vertical. Others say what differs."""

    DEFAULT_CSS = """
    Card { align: center middle; background: $background 60%; }
    Card > Vertical { width: 76; max-width: 96%; height: auto; max-height: 90%; background: $panel;
                      border: round $accent; padding: 0 1; }
    Card Lines, Card Prose { height: auto; }
    """
