"""Which rows of a table are marked: by identity, in the order of marking, whether they are seen or not."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

Row = TypeVar("Row")


class Marks(Generic[Row]):
    """Rows by their keys. A mark stays while a filter hides its row."""

    def __init__(self, key: Callable[[Row], Hashable]) -> None:
        self._key = key
        self._rows: dict[Hashable, Row] = {}

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(self._rows.values())

    def __bool__(self) -> bool:
        return bool(self._rows)

    def __contains__(self, row: Row) -> bool:
        return bool(self._rows) and self._key(row) in self._rows

    def add(self, rows: Iterable[Row]) -> None:
        self._rows.update((self._key(row), row) for row in rows)

    def toggle(self, row: Row) -> None:
        if row in self:
            del self._rows[self._key(row)]
        else:
            self.add((row,))

    def drop(self, keys: Iterable[Hashable] | None = None) -> None:
        """Those of some keys, or all."""
        for key in list(self._rows if keys is None else keys):
            self._rows.pop(key, None)

    def renew(self, rows: Iterable[Row]) -> None:
        """Newer forms of marked rows take the place of the old ones."""
        if self._rows:
            self.add(row for row in rows if row in self)
