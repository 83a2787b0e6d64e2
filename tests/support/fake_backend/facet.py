"""What the facets of the fake share: whose they are, and how words are looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.fake_backend import FakeBackend

#: the fake's stream of events
STREAM = "5c1d"


class Facet:
    def __init__(self, world_: FakeBackend) -> None:
        self.w = world_


def has_words(text: str, wanted: str) -> bool:
    """Every word, and none of those with a `!` before them."""
    text = text.lower()
    return all(
        word[1:] not in text if word.startswith("!") and len(word) > 1 else word in text or word == "!"
        for word in wanted.lower().split()
    )
