"""A page of a collection, by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    #: None: the end
    next_cursor: str | None
    #: how many match in all; None: not counted
    total: int | None = None
