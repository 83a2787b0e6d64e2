"""What many threads want at once is made by one of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class Once(Generic[K, T]):
    """Keeps nothing: whoever comes when it is made already makes it again, unless `make` knows better."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._making: dict[K, Future[T]] = {}

    def get(self, key: K, make: Callable[[], T]) -> T:
        """What `make` gives in whichever thread asked first; all who asked meanwhile get it, or what it raised."""
        with self._lock:
            making = self._making.get(key)
            is_mine = making is None
            if making is None:
                making = self._making[key] = Future()
        if not is_mine:
            return making.result()
        try:
            made = make()
        except BaseException as error:
            self._forget(key)
            making.set_exception(error)
            raise
        self._forget(key)
        making.set_result(made)
        return made

    def _forget(self, key: K) -> None:
        with self._lock:
            del self._making[key]
