"""Which contents on the disk were found to be what their names say, and as which file that was."""

from __future__ import annotations

import os
from threading import Lock
from typing import TypeAlias

#: size, time of the last change to the content (ns), inode, time of the last change at all (ns)
Identity: TypeAlias = "tuple[int, int, int, int]"

#: each takes about 300 bytes
_MOST = 1 << 17


def identity_of(found: os.stat_result) -> Identity:
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns


class Verified:
    """Thread-safe. The oldest are forgotten, and hashed again when they are wanted."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[bytes, Identity] = {}

    def holds(self, sha256: str, identity: Identity) -> bool:
        with self._lock:
            return self._known.get(bytes.fromhex(sha256)) == identity

    def learn(self, sha256: str, identity: Identity) -> None:
        key = bytes.fromhex(sha256)
        with self._lock:
            self._known.pop(key, None)
            self._known[key] = identity
            if len(self._known) > _MOST:
                del self._known[next(iter(self._known))]

    def forget(self, sha256: str) -> None:
        with self._lock:
            self._known.pop(bytes.fromhex(sha256), None)
