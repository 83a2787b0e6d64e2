"""Compiled masks by what they hide: devices with the same login share one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from deployx_tui.model.secret import Secret
from deployx_tui.output.mask import NO_SECRETS, SecretSet

#: sets that are kept; a key of 3 KiB takes a tenth of a second to compile
_MOST = 256


class Masks:
    """Of one engine. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: OrderedDict[frozenset[bytes], SecretSet] = OrderedDict()

    def of(self, secrets: Iterable[Secret]) -> SecretSet:
        """What a stream must not show. InvalidInput for a secret that is too short to be masked."""
        values = frozenset(secret.reveal() for secret in secrets)
        if not values:
            return NO_SECRETS
        with self._lock:
            found = self._made.get(values)
            if found is None:
                found = self._made[values] = SecretSet(values)
            self._made.move_to_end(values)
            while len(self._made) > _MOST:
                self._made.popitem(last=False)
            return found
