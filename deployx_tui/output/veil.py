"""What no log line, message or audit entry of this process shows: every secret that came out of the vault so far.

Outputs of targets have masks of their own (`mask.py`), which know the secrets of their run alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import TypeVar

from deployx_tui.model.secret import Secret
from deployx_tui.output.mask import SecretSet
from deployx_tui.output.spellings import SHORTEST

T = TypeVar("T")

#: those that came last; each costs memory and a look through every line
_MOST = 1000


class Veil:
    """Secrets that were met, each compiled when the first text is looked through. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[bytes, SecretSet | None] = OrderedDict()

    def add(self, secret: Secret) -> None:
        """From now on it is masked. One too short to be told from ordinary words is not: the vault takes none."""
        value = secret.reveal()
        if len(value) < SHORTEST:
            return
        with self._lock:
            self._known.setdefault(value, None)
            self._known.move_to_end(value)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)

    def text(self, text: str) -> str:
        """`text` without any of them."""
        for each in self._sets():
            text = each.mask_text(text)
        return text

    def holds(self, text: str) -> bool:
        """Whether any of them stands in `text`."""
        return any(each.mask_text(text) != text for each in self._sets())

    def value(self, value: T) -> T:
        """Text anywhere inside of mappings and lists, keys too; anything else as it is."""
        if not self._known:
            return value
        return self._value(value)  # type: ignore[return-value]  # the same kind of thing comes back

    def _value(self, value: object) -> object:
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self._value(key): self._value(item) for key, item in value.items()}
            case list() | tuple():
                return [self._value(item) for item in value]
            case _:
                return value

    def _sets(self) -> list[SecretSet]:
        with self._lock:
            for value, made in self._known.items():
                if made is None:
                    self._known[value] = SecretSet([value])
            return [made for made in self._known.values() if made is not None]


#: of this process
veil = Veil()
