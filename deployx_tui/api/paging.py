"""`skip`, totals and filters that the door does not have, over the door's pages by key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from deployx_tui.errors import InvalidInput
from deployx_tui.model.page import Page

T = TypeVar("T")

#: a page by key while walking
STRIDE = 1000

#: cursors of walks that the door's own cursors can't express
_SKIP = "skip-"


@dataclass(frozen=True, slots=True)
class Window(Generic[T]):
    """`limit` items after `skip` of them."""

    items: tuple[T, ...]
    #: None: not counted
    total: int | None
    next_cursor: str | None
    skip: int


async def window(
    fetch: Callable[[str | None, int], Awaitable[Page[T]]],
    *,
    skip: int,
    limit: int,
    cursor: str | None,
    keep: Callable[[T], bool] | None = None,
) -> Window[T]:
    """Without `skip` and `keep` one page of the door; else walks from the first one, counting what `keep` keeps."""
    if cursor is not None and cursor.startswith(_SKIP):
        tail = cursor.removeprefix(_SKIP)
        if not (tail.isascii() and tail.isdigit() and len(tail) < 19):
            raise InvalidInput.of("?cursor", "it is not one of ours", "take it from next_cursor")
        skip, cursor = int(tail), None
    if keep is None and skip == 0:
        page = await fetch(cursor, limit)
        return Window(page.items, page.total, page.next_cursor, 0)
    items: list[T] = []
    seen, total = 0, None
    while True:
        page = await fetch(cursor, STRIDE)
        total = page.total if total is None else total
        for item in page.items:
            if keep is None or keep(item):
                if skip <= seen < skip + limit:
                    items.append(item)
                seen += 1
        cursor = page.next_cursor
        # with a filter the walk goes on to the end, to count
        if cursor is None or (keep is None and seen > skip + limit and total is not None):
            break
    ended = cursor is None
    return Window(
        tuple(items),
        seen if keep is not None or (ended and total is None) else total,
        f"{_SKIP}{skip + limit}" if seen > skip + limit else None,
        skip,
    )
