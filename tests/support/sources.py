"""What tests put on targets: byte sources that count what is read of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from threading import Lock


class Source:
    """So many bytes, different at each place, none of them kept: see ByteSource."""

    #: of what repeats; no piece that anybody sends is a multiple of it
    PERIOD = 1_000_003

    def __init__(self, size: int, at: Callable[[int], None] | None = None) -> None:
        self._size = size
        #: called with the offset of each reading, before it
        self._at = at
        self._lock = Lock()
        self.bytes_read = 0
        self.largest = 0

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, size: int) -> bytes:
        if self._at is not None:
            self._at(offset)
        data = content(offset, min(size, self._size - offset))
        with self._lock:
            self.bytes_read += len(data)
            self.largest = max(self.largest, size)
        return data


_PATTERN = b"".join(hashlib.sha512(str(number).encode()).digest() for number in range(Source.PERIOD // 64 + 1))
_ROUNDS = _PATTERN[: Source.PERIOD] * 6


def content(offset: int, size: int) -> bytes:
    """What a Source has there."""
    start = offset % Source.PERIOD
    if start + size <= len(_ROUNDS):
        return _ROUNDS[start : start + size]
    times = (start + size) // Source.PERIOD + 1
    return (_ROUNDS[: Source.PERIOD] * times)[start : start + size]


def nothing(_: int) -> None:
    """A progress that nobody looks at."""
